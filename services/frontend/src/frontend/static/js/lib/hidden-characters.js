// @ts-check
/** Characters that nobody sees, or that turn the direction of reading: found, so that they can be shown. Pure. */

/** @typedef {{ text: string, hidden: string }} Piece `hidden` names the character that cannot be seen; else empty */

/** Controls, format characters and separators of lines; but those that ordinary text and many scripts need. */
const HIDDEN =
  /(?![\t\n\u200c\u200d])[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Co}\u115f\u1160\u2800\u3164\uffa0]/gu;

/** @type {Record<string, string>} */
const NAMES = {
  "\u00ad": "soft hyphen",
  "\u200b": "zero-width space",
  "\u200e": "left-to-right mark",
  "\u200f": "right-to-left mark",
  "\u202a": "left-to-right embedding",
  "\u202b": "right-to-left embedding",
  "\u202c": "end of turned text",
  "\u202d": "left-to-right override",
  "\u202e": "right-to-left override",
  "\u2060": "word joiner",
  "\u2066": "left-to-right isolate",
  "\u2067": "right-to-left isolate",
  "\u2068": "isolate",
  "\u2069": "end of isolate",
  "\ufeff": "zero-width space",
};

/**
 * The text cut where a hidden character stands.
 *
 * @param {string} text lines may end in any way
 * @returns {Piece[]} in order; without the empty ones
 */
export function visiblePieces(text) {
  const plain = text.replace(/\r\n?/g, "\n");
  /** @type {Piece[]} */
  const pieces = [];
  let at = 0;
  for (const { 0: character, index } of plain.matchAll(HIDDEN)) {
    if (index > at) pieces.push({ text: plain.slice(at, index), hidden: "" });
    pieces.push({ text: character, hidden: hiddenName(character) });
    at = index + character.length;
  }
  if (at < plain.length) pieces.push({ text: plain.slice(at), hidden: "" });
  return pieces;
}

/** @param {string} character */
function hiddenName(character) {
  const code = (character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0");
  const name = NAMES[character];
  return name ? `${name}, U+${code}` : `U+${code}`;
}
