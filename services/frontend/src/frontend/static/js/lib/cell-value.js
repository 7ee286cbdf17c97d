// @ts-check
/** What the value of a cell is worth as a number or as a time. Pure. */

/** @import { Json } from "../types/wire.js" */

const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;
const DATE =
  /^(\d{4}-(?:0[1-9]|1[0-2]))(-\d{2})?(?:[T ](\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?)(Z|[+-]\d{2}:?\d{2})?)?$/;

/** Numbers may come as text: those that a double would round. @param {Json} value @returns {number | null} */
export function numberOf(value) {
  if (typeof value === "number") return value;
  return typeof value === "string" && isNumber(value) ? Number(value) : null;
}

/** @param {string} text */
export function isNumber(text) {
  return NUMBER.test(text);
}

/** Milliseconds of an ISO 8601 month, day or time; a time without a zone counts as UTC. @param {Json} value @returns {number | null} */
export function instantOf(value) {
  const match = typeof value === "string" ? DATE.exec(value) : null;
  if (!match) return null;
  const [, month, day = "-01", time = "00:00", zone = "Z"] = match;
  if (match[3] && !match[2]) return null;
  const instant = Date.parse(`${month}${day}T${time}${zone}`);
  return Number.isNaN(instant) ? null : instant;
}
