// @ts-check
/** Whether a table can be drawn, and how: what names the points, what their values are, bars or lines. Pure. */

import { instantOf, numberOf } from "./cell-value.js";
import { cellText } from "./result-shape.js";
import { timeWords } from "./time-labels.js";

/** @import { Json } from "../types/wire.js" */
/** @import { ResultColumn } from "./result-table.js" */

/**
 * @typedef {object} Series
 * @property {string} name
 * @property {(number | null)[]} values one for each label
 */

/**
 * @typedef {object} ChartData
 * @property {"bar" | "line"} type what suits it
 * @property {string | null} of what all series count; null: each its own
 * @property {string} by what the labels are
 * @property {string[]} labels
 * @property {number[] | null} at where the labels stand in time, rising
 * @property {Series[]} series all there is to draw
 * @property {number[]} first which of them to begin with
 */

export const MOST_SERIES = 4;
const MOST_OFFERED = 8;
/** Series whose largest values are further apart are rarely of one kind, and one would be flat beside the other. */
const WIDEST = 5;

const KEY = /^id$|_id$|[a-z]Id$/;
const PART_OF_TIME = /(^|_)(year|quarter|month|week|day|hour)$/i;

/**
 * @param {ResultColumn[]} columns
 * @param {Json[][]} rows
 * @returns {ChartData | null} null: there is nothing in it that a chart would show
 */
export function chartOf(columns, rows) {
  const all = columns.map((column, at) => ({ ...column, at }));
  const numbers = all.filter(
    ({ kind, name, masked }) =>
      kind === "number" && !masked && !KEY.test(name) && !PART_OF_TIME.test(name),
  );
  if (rows.length < 2 || numbers.length === 0) return null;
  const names = all.filter((column) => !numbers.includes(column));
  const label = labelFor(names, rows);
  if (label) return ofColumns(label, numbers, rows);
  return (
    ofTwoNames(names, numbers[0], rows) ??
    ofColumns(names.find(({ kind }) => kind === "text") ?? null, numbers, rows)
  );
}

/** @typedef {ResultColumn & { at: number }} Placed */

/**
 * The column whose values name the rows, each once: things before times, times before keys.
 *
 * @param {Placed[]} names @param {Json[][]} rows
 */
function labelFor(names, rows) {
  const distinct = names.filter(
    ({ at }) => new Set(rows.map((row) => row[at])).size === rows.length,
  );
  return (
    distinct.find(({ kind, name }) => kind === "text" && !KEY.test(name)) ??
    distinct.find(isTime) ??
    distinct.find(({ kind }) => kind === "boolean") ??
    distinct[0] ??
    null
  );
}

/** @param {Placed} column */
function isTime({ kind, name }) {
  return kind === "date" || (kind === "number" && PART_OF_TIME.test(name));
}

/**
 * Each number column is a series. Without a label the rows are numbered.
 *
 * @param {Placed | null} label @param {Placed[]} numbers @param {Json[][]} rows
 * @returns {ChartData}
 */
function ofColumns(label, numbers, rows) {
  const { ordered, ...axis } = axisOf(label, rows);
  const series = numbers.slice(0, MOST_OFFERED).map(({ name, at }) => ({
    name,
    values: ordered.map((row) => numberOf(row[at])),
  }));
  return { ...axis, of: null, series, first: comparable(series) };
}

/** @param {Placed | null} label @param {Json[][]} rows */
function axisOf(label, rows) {
  const at = label?.at ?? -1;
  if (!label || !isTime(label)) {
    const labels = rows.map((row, number) => (label ? wordsOf(row[at]) : `${number + 1}`));
    return {
      type: /** @type {const} */ ("bar"),
      by: label?.name ?? "row",
      labels,
      at: null,
      ordered: rows,
    };
  }
  const place = (/** @type {Json[]} */ row) => instantOf(row[at]) ?? numberOf(row[at]) ?? 0;
  const ordered = rows
    .filter((row) => row[at] !== null)
    .sort((one, other) => place(one) - place(other));
  const labels = timeWords(ordered.map((row) => cellText(row[at])));
  return {
    type: /** @type {const} */ ("line"),
    by: label.name,
    labels,
    at: ordered.map(place),
    ordered,
  };
}

/**
 * Two columns name the rows together, as in "project, status, tasks": the one with few values makes the series.
 *
 * @param {Placed[]} names @param {Placed} number @param {Json[][]} rows
 * @returns {ChartData | null}
 */
function ofTwoNames(names, number, rows) {
  const usable = names.filter(({ kind, name }) => kind !== "number" || PART_OF_TIME.test(name));
  for (const label of usable) {
    const other = usable.find((column) => column !== label && !isTime(column));
    const pivoted = other && pivot(label, other, number, rows);
    if (pivoted) return pivoted;
  }
  return null;
}

/**
 * @param {Placed} label @param {Placed} other @param {Placed} number @param {Json[][]} rows
 * @returns {ChartData | null}
 */
function pivot(label, other, number, rows) {
  const kinds = [...new Set(rows.map((row) => row[other.at]))];
  const pairs = new Set(rows.map((row) => JSON.stringify([row[label.at], row[other.at]])));
  if (kinds.length > MOST_SERIES || pairs.size < rows.length) return null;
  const one = [...new Map(rows.map((row) => [row[label.at], row])).values()];
  const { ordered, ...axis } = axisOf(label, one);
  const series = kinds.map((kind) => {
    const found = new Map(
      rows
        .filter((row) => row[other.at] === kind)
        .map((row) => [row[label.at], numberOf(row[number.at])]),
    );
    return {
      name: wordsOf(kind),
      values: ordered.map((row) => found.get(row[label.at]) ?? null),
    };
  });
  const by = `${label.name} and ${other.name}`;
  return { ...axis, of: number.name, by, series, first: series.map((_, at) => at) };
}

/** @param {Json} value */
function wordsOf(value) {
  return value === null ? "null" : cellText(value);
}

/** The first series and those of its size. @param {Series[]} series */
function comparable(series) {
  const size = (/** @type {Series} */ { values }) =>
    Math.max(...values.map((value) => Math.abs(value ?? 0)));
  const [one] = series.map(size);
  return series
    .map((_, at) => at)
    .filter((at) => size(series[at]) <= one * WIDEST && size(series[at]) * WIDEST >= one)
    .slice(0, MOST_SERIES);
}
