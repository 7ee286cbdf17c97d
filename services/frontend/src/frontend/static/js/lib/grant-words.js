// @ts-check
/** Standing approvals in words. Pure. */

/** @import { ArgumentPattern, Json } from "../types/wire.js" */

export const LIFETIMES = /** @type {const} */ ([
  { words: "1 hour", seconds: 3_600 },
  { words: "8 hours", seconds: 8 * 3_600 },
  { words: "7 days", seconds: 7 * 86_400 },
  { words: "30 days", seconds: 30 * 86_400 },
]);

const LONGEST_VALUE = 80;

/** A value as a person reads it in a sentence. @param {Json | undefined} value */
export function valueWords(value) {
  if (value === undefined || value === null) return "empty";
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (typeof value === "string") return `“${shortened(value)}”`;
  return shortened(typeof value === "number" ? String(value) : JSON.stringify(value));
}

/**
 * What an argument may be. Patterns come with the fields that are not set as null, or without them.
 *
 * @param {ArgumentPattern} pattern
 */
export function patternWords({ equals, one_of, starts_with, anything }) {
  if (anything) return "any value";
  if (typeof starts_with === "string")
    return `anything that begins with “${shortened(starts_with)}”`;
  if (one_of) return `one of ${one_of.map(valueWords).join(", ")}`;
  return `exactly ${valueWords(equals)}`;
}

/** @param {string} text */
function shortened(text) {
  const characters = [...text];
  if (characters.length <= LONGEST_VALUE) return text;
  return `${characters.slice(0, LONGEST_VALUE).join("")}…`;
}
