// @ts-check
/** Mailboxes in words: folders, dates, and what to be careful about in a mail. Pure. */

/** @import { MailFolder } from "../types/mail.js" */

/** @type {Record<string, { words: string, icon: string }>} */
const ROLES = {
  inbox: { words: "Inbox", icon: "mail" },
  sent: { words: "Sent", icon: "arrow-up" },
  drafts: { words: "Drafts", icon: "pencil" },
  trash: { words: "Trash", icon: "trash" },
  junk: { words: "Junk", icon: "ban" },
  archive: { words: "Archive", icon: "bookmark" },
};

/** @type {Record<string, string>} */
const SIGNS = {
  hidden_text_removed: "It held text that nobody would have seen. That text was left out here.",
  reply_to_differs: "Answers would go to another address than the one it came from.",
  lookalike_host: "It names an address that looks like a known one, but is another.",
  instruction_like:
    "It seems to give orders to a program that reads it. Steward takes mails as data.",
  remote_images: "It would load pictures from elsewhere. None was loaded.",
  tracking_image: "It would tell its sender that it was opened. Nothing was loaded.",
  encrypted: "It is encrypted, and cannot be read here.",
  signed: "It carries a signature, which nobody has checked.",
  html_not_read: "Its formatted text could not be read safely.",
  incomplete: "Parts of it are beyond what is read here, and were left out.",
};

/** @param {MailFolder} folder */
export function folderWords({ name, role }) {
  const known = ROLES[role ?? ""];
  return { words: known?.words ?? name, icon: known?.icon ?? "mail" };
}

/** Whether its mails are the person's own, so that whom they are to says more. @param {string | null} role */
export function isOutgoing(role) {
  return role === "sent" || role === "drafts";
}

/** A sign in words; one that nobody here knows by its name. @param {string} sign */
export function signWords(sign) {
  return SIGNS[sign] ?? `${sign.replaceAll("_", " ")}.`;
}

/** When a mail came, as short as a list wants it. @param {string} at ISO 8601 @param {Date} now */
export function shortDate(at, now) {
  const date = new Date(at);
  if (date.toDateString() === now.toDateString())
    return date.toLocaleTimeString(undefined, { hour: "2-digit", minute: "2-digit" });
  const year = date.getFullYear() === now.getFullYear() ? undefined : "numeric";
  return date.toLocaleDateString(undefined, { day: "numeric", month: "short", year });
}

/** @param {string} at ISO 8601 */
export function longDate(at) {
  return new Date(at).toLocaleString(undefined, { dateStyle: "full", timeStyle: "short" });
}
