// @ts-check
/** Puts the rows of a table in order by one of its columns. Pure. */

import { instantOf, numberOf } from "./cell-value.js";
import { cellText } from "./result-shape.js";

/** @import { Json } from "../types/wire.js" */
/** @import { ColumnKind } from "./result-table.js" */

/** @typedef {{ column: number, direction: "ascending" | "descending" }} Order */

const COLLATOR = new Intl.Collator(undefined, { numeric: true, sensitivity: "base" });

/**
 * The order after a click on a column's head: up, down, and back to how the rows came.
 *
 * @param {Order | null} order
 * @param {number} column
 * @returns {Order | null}
 */
export function nextOrder(order, column) {
  if (order?.column !== column) return { column, direction: "ascending" };
  return order.direction === "ascending" ? { column, direction: "descending" } : null;
}

/**
 * A copy in that order. Equal rows stay as they came; those without a value are last either way.
 *
 * @param {Json[][]} rows
 * @param {number} column
 * @param {ColumnKind} kind
 * @param {Order["direction"]} direction
 */
export function inOrder(rows, column, kind, direction) {
  const sign = direction === "ascending" ? 1 : -1;
  const keyed = rows.map((row) => ({ row, key: keyOf(row[column], kind) }));
  keyed.sort((one, other) => {
    if (one.key === null || other.key === null)
      return Number(one.key === null) - Number(other.key === null);
    return sign * compared(one.key, other.key);
  });
  return keyed.map(({ row }) => row);
}

/** @param {Json | undefined} value @param {ColumnKind} kind @returns {number | string | null} */
function keyOf(value, kind) {
  if (value === null || value === undefined) return null;
  if (kind === "boolean") return Number(value);
  const worth = kind === "number" ? numberOf(value) : kind === "date" ? instantOf(value) : null;
  return worth ?? cellText(value);
}

/** Numbers before texts, where a column holds both. @param {number | string} one @param {number | string} other */
function compared(one, other) {
  if (typeof one === "number" && typeof other === "number") return one - other;
  if (typeof one === "string" && typeof other === "string") return COLLATOR.compare(one, other);
  return typeof one === "number" ? -1 : 1;
}
