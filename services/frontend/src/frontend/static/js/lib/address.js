// @ts-check
/** Which conversation the page's address names, and which turn of it. */

/** @param {string} [path] @returns {string | null} null: a new one */
export function conversationIn(path = location.pathname) {
  return /^\/c\/([A-Za-z0-9_-]+)$/.exec(path)?.[1] ?? null;
}

/** @param {string} [hash] @returns {string | null} null: none in particular */
export function turnIn(hash = location.hash) {
  return /^#turn-([A-Za-z0-9_-]+)$/.exec(hash)?.[1] ?? null;
}

/** @param {string | null} conversationId @param {string} [turnId] */
export function addressOf(conversationId, turnId) {
  if (!conversationId) return "/";
  const address = `/c/${encodeURIComponent(conversationId)}`;
  return turnId ? `${address}#turn-${encodeURIComponent(turnId)}` : address;
}
