// @ts-check
/** Recognises what tools answer with, and puts values into words. Pure. */

/** @import { Change, Json, JsonObject } from "../types/wire.js" */

/** @param {Json} value @returns {value is JsonObject} */
export function isObject(value) {
  return typeof value === "object" && value !== null && !Array.isArray(value);
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
