// @ts-check
/** Reads the JSON of a `chart` block. Pure. */

const MOST_POINTS = 200;

/**
 * @typedef {object} ChartSpec
 * @property {"bar" | "line"} type
 * @property {string} title
 * @property {string[]} labels
 * @property {number[]} values
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
    values,
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

/** The chart in a sentence, for those who do not see it. @param {ChartSpec} spec */
export function chartSentence({ type, title, labels, values, unit }) {
  const highest = values.indexOf(Math.max(...values));
  const lowest = values.indexOf(Math.min(...values));
  const of = (/** @type {number} */ at) => `${labels[at]}, ${numberWords(values[at], unit)}`;
  const shape = type === "bar" ? "Bar chart" : "Line chart";
  const range =
    values.length > 1 ? ` Highest: ${of(highest)}. Lowest: ${of(lowest)}.` : ` ${of(0)}.`;
  return `${shape}${title ? `: ${title}` : ""}. ${values.length} values.${range}`;
}

/** @param {number} value @param {string} [unit] */
export function numberWords(value, unit = "") {
  const number = new Intl.NumberFormat(undefined, { maximumFractionDigits: 2 }).format(value);
  return unit ? `${number} ${unit}` : number;
}
