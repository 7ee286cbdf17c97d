// @ts-check
/** How two definitions of a tool differ, line by line. */

import { element } from "../lib/dom.js";
import { lineDiff } from "../lib/line-diff.js";
import { isSame } from "../lib/result-shape.js";

/** @import { JsonObject } from "../types/wire.js" */

const MARKS = { same: "  ", old: "− ", new: "+ " };

/** @param {JsonObject} before @param {JsonObject} after @returns {HTMLElement[]} */
export function diffLines(before, after) {
  const lines = lineDiff(JSON.stringify(before, null, 2), JSON.stringify(after, null, 2));
  return lines.map(({ kind, text }) => {
    const tag = /** @type {const} */ ({ same: "span", old: "del", new: "ins" })[kind];
    return element(tag, {}, `${MARKS[kind]}${text}\n`);
  });
}

/** Both without the entries that are the same. @param {JsonObject} before @param {JsonObject} after */
export function onlyChanged(before, after) {
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])];
  const changed = names.filter(
    (name) => !(name in before && name in after && isSame(before[name], after[name])),
  );
  return { before: picked(before, changed), after: picked(after, changed) };
}

/** @param {JsonObject} object @param {string[]} names @returns {JsonObject} */
function picked(object, names) {
  return Object.fromEntries(
    names.filter((name) => name in object).map((name) => [name, object[name]]),
  );
}
