// @ts-check
/** Months and days as people write them on an axis. Pure. */

import { instantOf } from "./cell-value.js";

const MONTH = /^\d{4}-\d{2}$/;
const DAY = /^\d{4}-\d{2}-\d{2}([T ]00:00(:00(\.0+)?)?(Z|\+00:?00)?)?$/;

/** @param {string[]} texts ISO 8601, or years and other numbers, which stay as they are */
export function timeWords(texts) {
  const format = formatFor(texts);
  return format ? texts.map((text) => format.format(instantOf(text) ?? 0)) : texts.map(tidy);
}

/** @param {string[]} texts */
function formatFor(texts) {
  const year = new Set(texts.map((text) => text.slice(0, 4))).size > 1 ? "numeric" : undefined;
  if (texts.every((text) => MONTH.test(text)))
    return new Intl.DateTimeFormat(undefined, { month: "short", year: "numeric", timeZone: "UTC" });
  if (texts.every((text) => DAY.test(text)))
    return new Intl.DateTimeFormat(undefined, {
      day: "numeric",
      month: "short",
      year,
      timeZone: "UTC",
    });
  return null;
}

/** A time to the minute. @param {string} text */
function tidy(text) {
  return text.replace("T", " ").replace(/^(\d{4}-\d{2}-\d{2} \d{2}:\d{2}).*$/, "$1");
}
