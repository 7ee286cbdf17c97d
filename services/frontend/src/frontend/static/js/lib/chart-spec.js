// @ts-check
/** What a chart shows, read from the JSON of a `chart` block or chosen from a table; and the same in words. Pure. */

/** @import { Series } from "./chart-choice.js" */

const MOST_POINTS = 200;

/**
 * @typedef {object} ChartSpec
 * @property {"bar" | "line"} type
 * @property {string} title
 * @property {string[]} labels
 * @property {number[] | null} at where the labels stand on a line's axis; null: evenly
 * @property {Series[]} series at least one; a missing value leaves a gap
 * @property {string} unit empty when there is none
 */

/**
 * @param {string} text
 * @returns {ChartSpec | null} null: not a chart we can draw, so the block is shown as code
 */
export function readChart(text) {
  const json = parsed(text);
  if (json?.type !== "bar" && json?.type !== "line") return null;
  const { labels, values } = json;
  if (!Array.isArray(labels) || !Array.isArray(values)) return null;
  if (labels.length !== values.length || values.length === 0 || values.length > MOST_POINTS)
    return null;
  if (!values.every((value) => Number.isFinite(value))) return null;
  return {
    type: json.type,
    title: typeof json.title === "string" ? json.title : "",
    labels: labels.map(String),
    at: null,
    series: [{ name: "", values }],
    unit: typeof json.unit === "string" ? json.unit : "",
  };
}

/** @param {string} text @returns {Record<string, any> | null} */
function parsed(text) {
  try {
    const json = JSON.parse(text);
    return typeof json === "object" ? json : null;
  } catch {
    return null;
  }
}

/** @typedef {{ label: string, series: string, value: number }} ChartPoint */

/** The chart in a few sentences, for those who do not see it. @param {ChartSpec} spec */
export function chartSentence({ type, title, labels, series, unit }) {
  const points = pointsOf(labels, series);
  const shape = type === "bar" ? "Bar chart" : "Line chart";
  const names = series.length > 1 ? ` in ${series.length} series: ${namesOf(series)}` : "";
  const about = `${shape}${title ? `: ${title}` : ""}. ${points.length} values${names}.`;
  if (points.length === 0) return about;
  const sorted = points.toSorted((one, other) => other.value - one.value);
  const [highest, lowest] = [sorted[0], sorted[sorted.length - 1]].map((point) =>
    pointWords(point, unit),
  );
  return points.length > 1
    ? `${about} Highest: ${highest}. Lowest: ${lowest}.`
    : `${about} ${highest}.`;
}

/** @param {string[]} labels @param {Series[]} series @returns {ChartPoint[]} */
function pointsOf(labels, series) {
  return series.flatMap(({ name, values }) =>
    values.flatMap((value, at) =>
      value === null ? [] : { label: labels[at], series: name, value },
    ),
  );
}

/** @param {ChartPoint} point @param {string} unit */
export function pointWords({ label, series, value }, unit) {
  return [label, series, numberWords(value, unit)].filter(Boolean).join(", ");
}

/** @param {Series[]} series */
export function namesOf(series) {
  return series.map(({ name }) => name).join(", ");
}

/** @param {number} value @param {string} [unit] */
export function numberWords(value, unit = "") {
  const number = new Intl.NumberFormat(undefined, { maximumFractionDigits: 2 }).format(value);
  return unit ? `${number} ${unit}` : number;
}

/** Short, for an axis. @param {number} value */
export function tickWords(value) {
  if (Math.abs(value) < 100_000) {
    return new Intl.NumberFormat(undefined, { maximumSignificantDigits: 6 }).format(value);
  }
  return new Intl.NumberFormat(undefined, { notation: "compact", maximumFractionDigits: 1 }).format(
    value,
  );
}
