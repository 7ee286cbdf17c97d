// @ts-check
/** Makes names from what a person reads or writes. Pure. */

const MOST_FILE_NAME = 60;
const MOST_QUERY_NAME = 41;
const FEWEST_QUERY_NAME = 3;

/** `Open tasks`, csv → `open-tasks-2026-11-21.csv`. @param {string} title @param {Date} date @param {string} extension */
export function fileName(title, date, extension) {
  const day = [date.getFullYear(), date.getMonth() + 1, date.getDate()]
    .map((part) => String(part).padStart(2, "0"))
    .join("-");
  const name = words(title).join("-").slice(0, MOST_FILE_NAME).replace(/-$/, "") || "result";
  return `${name}-${day}.${extension}`;
}

/**
 * The name a call is kept under: small letters, digits and `_`, from a letter on, 3 to 41 characters.
 *
 * @param {string} title in any script; one without Latin letters gets a name by its characters' numbers
 */
export function queryName(title) {
  if (!title.trim()) return "";
  const name = words(title).join("_");
  const started = /^[a-z]/.test(name) ? name : `query_${name || numbered(title)}`;
  const cut = started.slice(0, MOST_QUERY_NAME).replace(/_+$/, "");
  return cut.length < FEWEST_QUERY_NAME ? `query_${cut}` : cut;
}

/** @param {string} text */
function words(text) {
  const latin = text.normalize("NFKD").replace(/\p{Mark}/gu, "");
  return latin.toLowerCase().match(/[a-z0-9]+/g) ?? [];
}

/** @param {string} text */
function numbered(text) {
  let number = 0;
  for (const character of text.trim()) {
    number = (number * 31 + (character.codePointAt(0) ?? 0)) % 0xffffff;
  }
  return number.toString(36);
}
