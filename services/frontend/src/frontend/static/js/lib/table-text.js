// @ts-check
/** A table as text: CSV for spreadsheets, Markdown for messages. Pure. */

import { isNumber } from "./cell-value.js";

/** @import { Json } from "../types/wire.js" */
/** @import { ResultColumn } from "./result-table.js" */

/** Excel reads a file as UTF-8 only with it. */
const BYTE_ORDER_MARK = "\ufeff";

/**
 * What makes a spreadsheet take a cell for a formula, after OWASP's page on CSV injection
 * (https://owasp.org/www-community/attacks/CSV_Injection); the wide forms count in East Asian locales.
 */
const FORMULA = /^[=+\-@\t\r\n＝＋－＠]/;

/**
 * RFC 4180: commas, CRLF, quotes doubled; nothing for null.
 *
 * A text that a spreadsheet would run gets an apostrophe before it; numbers stay numbers.
 *
 * @param {Pick<ResultColumn, "name">[]} columns
 * @param {Json[][]} rows
 */
export function csvOf(columns, rows) {
  const lines = [columns.map(({ name }) => name), ...rows].map((cells) =>
    cells.map((cell) => quoted(harmless(plain(cell)))).join(","),
  );
  return `${BYTE_ORDER_MARK}${lines.join("\r\n")}\r\n`;
}

/** @param {string} text */
function harmless(text) {
  return FORMULA.test(text) && !isNumber(text) ? `'${text}` : text;
}

/** @param {string} text */
function quoted(text) {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/**
 * @param {Pick<ResultColumn, "name" | "kind">[]} columns
 * @param {Json[][]} rows
 */
export function markdownOf(columns, rows) {
  const rule = columns.map(({ kind }) => (kind === "number" ? "--:" : "---"));
  const lines = [columns.map(({ name }) => name), ...rows].map((cells) =>
    line(cells.map((cell) => escaped(plain(cell)))),
  );
  return [lines[0], line(rule), ...lines.slice(1)].join("\n");
}

/** @param {string[]} cells */
function line(cells) {
  return `| ${cells.join(" | ")} |`;
}

/** @param {string} text */
function escaped(text) {
  return text.replace(/[\\|]/g, "\\$&").replace(/\r?\n|\r/g, " ");
}

/** @param {Json} value */
function plain(value) {
  if (value === null) return "";
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}
