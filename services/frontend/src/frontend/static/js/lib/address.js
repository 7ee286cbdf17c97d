// @ts-check
/** Which conversation the page's address names. */

/** @param {string} [path] @returns {string | null} null: a new one */
export function conversationIn(path = location.pathname) {
  return /^\/c\/([A-Za-z0-9_-]+)$/.exec(path)?.[1] ?? null;
}

/** @param {string | null} conversationId */
export function addressOf(conversationId) {
  return conversationId ? `/c/${encodeURIComponent(conversationId)}` : "/";
}
