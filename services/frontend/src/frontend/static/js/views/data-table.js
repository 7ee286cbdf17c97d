// @ts-check
/** Small tables made from values: changes, the numbers behind a chart. */

import { element } from "../lib/dom.js";
import { cellText } from "../lib/result-shape.js";

/** @import { Change, Json } from "../types/wire.js" */

/**
 * @param {object} table
 * @param {string} table.caption read to those who do not see it
 * @param {string[]} table.columns
 * @param {Json[][]} table.rows
 */
export function dataTable({ caption, columns, rows }) {
  const numeric = columns.map((_, at) => rows.some((row) => typeof row[at] === "number"));
  return inScroller(
    caption,
    element(
      "table",
      {},
      element("caption", { class: "visually-hidden" }, caption),
      element(
        "thead",
        {},
        element("tr", {}, ...columns.map((name, at) => headCell(name, numeric[at]))),
      ),
      element("tbody", {}, ...rows.map((row) => bodyRow(row, numeric))),
    ),
  );
}

/** A table that scrolls sideways by itself, also by keyboard. @param {string} label @param {HTMLElement} table */
export function inScroller(label, table) {
  return element(
    "div",
    { class: "table-scroll", tabindex: 0, role: "group", "aria-label": label },
    table,
  );
}

/** @param {string} name @param {boolean} numeric */
function headCell(name, numeric) {
  return element("th", { scope: "col", class: numeric && "numeric" }, name);
}

/** @param {Json[]} row @param {boolean[]} numeric */
function bodyRow(row, numeric) {
  return element(
    "tr",
    {},
    ...row.map((value, at) => {
      if (value === null) return element("td", { class: "nothing" }, "–");
      return element("td", { class: numeric[at] && "numeric" }, cellText(value));
    }),
  );
}

/**
 * What a call will change, or has changed: old → new.
 *
 * @param {Change[]} changes
 * @param {{ isDone: boolean }} options
 */
export function changesTable(changes, { isDone }) {
  const caption = isDone ? "What was changed" : "What will change";
  const heads = isDone ? ["Item", "Field", "Before", "After"] : ["Item", "Field", "Now", "Then"];
  return inScroller(
    caption,
    element(
      "table",
      // Narrow pages lay the rows out anew, and browsers then forget that this is a table.
      { class: "changes", role: "table" },
      element("caption", { class: "visually-hidden" }, caption),
      element("thead", {}, element("tr", {}, ...heads.map((name) => headCell(name, false)))),
      element("tbody", { role: "rowgroup" }, ...changes.map(changeRow)),
    ),
  );
}

/** @param {Change} change */
function changeRow({ item, field, old, new: then }) {
  const before =
    old === null
      ? element("span", { class: "nothing" }, "nothing")
      : element("del", {}, cellText(old));
  const after =
    then === null
      ? element("span", { class: "nothing" }, "nothing")
      : element("ins", {}, cellText(then));
  const cells = [item, element("code", {}, field), before, after];
  return element(
    "tr",
    { role: "row" },
    ...cells.map((cell) => element("td", { role: "cell" }, cell)),
  );
}
