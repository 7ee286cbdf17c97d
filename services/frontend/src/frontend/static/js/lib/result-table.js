// @ts-check
/** Recognises tables among the results of tools, whichever server they come from. Pure. */

import { instantOf, numberOf } from "./cell-value.js";
import { isObject } from "./result-shape.js";

/** @import { Json, JsonObject } from "../types/wire.js" */

/** @typedef {"number" | "date" | "boolean" | "text"} ColumnKind how it is aligned, ordered and drawn */

/**
 * @typedef {object} ResultColumn
 * @property {string} name
 * @property {string} type as its server calls it; empty when it does not say
 * @property {string | null} masked how its values were masked by policy
 * @property {ColumnKind} kind
 */

/**
 * @typedef {object} ResultTable
 * @property {ResultColumn[]} columns
 * @property {Json[][]} rows
 * @property {number} rowCount rows of this answer, which may be more than are here
 * @property {number} offset rows before these
 * @property {boolean} truncated there are more rows than these
 * @property {number | null} elapsedMs
 * @property {number} hiddenColumns columns that the policy hides
 * @property {string[]} warnings
 */

/** What is looked at to find out what a column holds. */
const PROBED_ROWS = 500;

/** @type {Record<string, ColumnKind>} */
const KINDS = {
  integer: "number",
  number: "number",
  boolean: "boolean",
  date: "date",
  timestamp: "date",
};

/**
 * @param {Json} result
 * @returns {ResultTable | null} null when it is something else
 */
export function tableOf(result) {
  if (!isObject(result) || !Array.isArray(result.columns)) return null;
  const named = result.columns.map(namedColumn);
  const rows = rowsOf(result, named.length);
  if (!rows || typeof result.text === "string") return null;
  if (!named.every((column) => column !== null)) return null;
  return {
    columns: named.map((column, at) => ({ ...column, kind: kindOf(column.type, rows, at) })),
    rows,
    rowCount: countOf(result.row_count) ?? rows.length,
    offset: countOf(result.offset) ?? 0,
    truncated: result.truncated === true,
    elapsedMs: countOf(result.elapsed_ms),
    hiddenColumns: countOf(result.hidden_columns) ?? 0,
    warnings: Array.isArray(result.warnings) ? result.warnings.map(String) : [],
  };
}

/** @param {Json} column a name, or an object that has one */
function namedColumn(column) {
  const { name, type, masked } = isObject(column) ? column : { name: column };
  if (typeof name !== "string") return null;
  return {
    name,
    type: typeof type === "string" ? type : "",
    masked: typeof masked === "string" ? masked : null,
  };
}

/** @param {JsonObject} result @param {number} width @returns {Json[][] | null} */
function rowsOf({ rows, records }, width) {
  if (Array.isArray(records)) {
    const values = records.map((record) => (isObject(record) ? Object.values(record) : []));
    if (values.every((row) => row.length === width)) return values;
  }
  if (!Array.isArray(rows) || !rows.every((row) => Array.isArray(row))) return null;
  return rows;
}

/** @param {Json | undefined} value */
function countOf(value) {
  return typeof value === "number" && value >= 0 ? value : null;
}

/** By what is there rather than by what was declared: SQLite keeps dates as text. @param {string} type @param {Json[][]} rows @param {number} at @returns {ColumnKind} */
function kindOf(type, rows, at) {
  const probed = rows.slice(0, PROBED_ROWS).map((row) => row[at] ?? null);
  const values = probed.filter((value) => value !== null);
  const declared = KINDS[type] ?? "text";
  if (values.length === 0) return declared;
  if (values.every((value) => typeof value === "boolean")) return "boolean";
  if (values.every((value) => typeof value === "number")) return "number";
  if (values.every((value) => instantOf(value) !== null)) return "date";
  return declared === "number" && values.every((value) => numberOf(value) !== null)
    ? "number"
    : "text";
}
