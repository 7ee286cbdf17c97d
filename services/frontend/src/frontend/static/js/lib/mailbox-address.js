// @ts-check
/** What of a mailbox is looked at, as the part of the page's address that no server is told. Pure. */

/** @typedef {{ account: string, folder: string, mail: string }} MailboxPlace empty: the first, or none */

/** @param {string} hash @returns {MailboxPlace} */
export function placeOf(hash) {
  const given = new URLSearchParams(hash.replace(/^#/, ""));
  const [account, folder, mail] = ["account", "folder", "mail"].map(
    (name) => given.get(name) ?? "",
  );
  return { account, folder, mail };
}

/** @param {MailboxPlace} place @returns {string} with its # */
export function hashOf(place) {
  const said = Object.entries(place).filter(([, value]) => value !== "");
  return `#${new URLSearchParams(said)}`;
}
