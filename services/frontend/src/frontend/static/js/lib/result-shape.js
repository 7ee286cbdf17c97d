// @ts-check
/** Recognises the structured results of tools: tables and changes. Pure. */

/** @import { Change, Json, JsonObject } from "../types/wire.js" */

/**
 * @typedef {object} ResultTable
 * @property {string[]} columns
 * @property {Json[][]} rows
 * @property {number} rowCount
 * @property {boolean} truncated
 * @property {string[]} warnings
 */

/** @param {Json} value @returns {value is JsonObject} */
export function isObject(value) {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * @param {Json} result
 * @returns {ResultTable | null} null when it is something else
 */
export function tableOf(result) {
  if (!isObject(result) || !Array.isArray(result.columns) || !Array.isArray(result.rows))
    return null;
  const columns = result.columns.map((column) => (isObject(column) ? column.name : column));
  const rows = result.rows;
  if (!columns.every((name) => typeof name === "string")) return null;
  if (!rows.every((row) => Array.isArray(row))) return null;
  return {
    columns,
    rows,
    rowCount: typeof result.row_count === "number" ? result.row_count : rows.length,
    truncated: result.truncated === true,
    warnings: Array.isArray(result.warnings) ? result.warnings.map(String) : [],
  };
}

/**
 * @param {Json} result
 * @returns {{ summary: string, changes: Change[], repeated: boolean } | null} null when it is something else
 */
export function changesOf(result) {
  if (!isObject(result) || typeof result.summary !== "string" || !Array.isArray(result.changes)) {
    return null;
  }
  return {
    summary: result.summary,
    changes: result.changes.filter(isObject).map(asChange),
    repeated: result.repeated === true,
  };
}

/** @param {JsonObject} value @returns {Change} */
function asChange(value) {
  return {
    item: String(value.item ?? ""),
    field: String(value.field ?? ""),
    old: value.old ?? null,
    new: value.new ?? null,
  };
}

/** A value as a person reads it in a cell. @param {Json} value */
export function cellText(value) {
  if (value === null) return "";
  if (typeof value === "object") return JSON.stringify(value);
  if (typeof value === "boolean") return value ? "yes" : "no";
  return String(value);
}

/** @param {Json} left @param {Json} right @returns {boolean} */
export function isSame(left, right) {
  if (left === right) return true;
  if (Array.isArray(left) && Array.isArray(right)) {
    return left.length === right.length && left.every((value, at) => isSame(value, right[at]));
  }
  if (isObject(left) && isObject(right)) {
    const names = Object.keys(left);
    return (
      names.length === Object.keys(right).length &&
      names.every((name) => name in right && isSame(left[name], right[name]))
    );
  }
  return false;
}
