// @ts-check
/** Where the marks of a chart stand, for a given width in pixels. Pure. */

import { numberWords } from "./chart-spec.js";

/** @import { ChartSpec } from "./chart-spec.js" */

/** @typedef {{ x: number, y: number, text: string, anchor: "start" | "middle" | "end" }} Label */
/** @typedef {{ x1: number, y1: number, x2: number, y2: number, isBase: boolean }} Line */
/** @typedef {{ x: number, y: number, width: number, height: number, name: string }} Bar */
/** @typedef {{ x: number, y: number, name: string }} Point */

/**
 * @typedef {object} ChartGeometry
 * @property {number} width
 * @property {number} height
 * @property {Line[]} lines the grid
 * @property {Label[]} labels
 * @property {Bar[]} bars
 * @property {Point[]} points
 */

const CHARACTER = 7;
const ROW = 34;
const BAR = 20;
const COLUMNS_HEIGHT = 260;
const TOP = 22;
const BOTTOM = 26;

/**
 * Bars lie down when their names do not fit side by side.
 *
 * @param {ChartSpec} spec
 * @param {number} width
 * @returns {ChartGeometry}
 */
export function chartGeometry(spec, width) {
  if (spec.type === "line") return upright(spec, width);
  const axis = axisWidth(scaleOf(spec.values));
  const fits = (width - axis) / spec.labels.length > longest(spec.labels) * CHARACTER + 10;
  return fits ? upright(spec, width) : lying(spec, width);
}

/** @param {ChartSpec} spec @param {number} width @returns {ChartGeometry} */
function lying({ labels, values, unit }, width) {
  const names = labels.map((label) => shortened(label, Math.floor((width * 0.42) / CHARACTER)));
  const left = longest(names) * CHARACTER + 12;
  const numbers = values.map((value) => numberWords(value));
  const right = longest(numbers) * CHARACTER + 10;
  const { low, high } = scaleOf(values);
  const across = (/** @type {number} */ value) =>
    left + ((value - low) / (high - low)) * Math.max(40, width - left - right);
  const height = labels.length * ROW;
  const base = across(Math.max(low, Math.min(0, high)));
  return {
    width,
    height,
    points: [],
    lines: [{ x1: base, y1: 0, x2: base, y2: height, isBase: true }],
    bars: values.map((value, at) => ({
      x: Math.min(base, across(value)),
      y: at * ROW + (ROW - BAR) / 2,
      width: Math.max(1, Math.abs(across(value) - base)),
      height: BAR,
      name: `${labels[at]}: ${numberWords(value, unit)}`,
    })),
    labels: values.flatMap((value, at) => {
      const y = at * ROW + ROW / 2 + 4;
      return [
        /** @type {Label} */ ({ x: left - 10, y, text: names[at], anchor: "end" }),
        /** @type {Label} */ ({
          x: Math.max(base, across(value)) + 8,
          y,
          text: numbers[at],
          anchor: "start",
        }),
      ];
    }),
  };
}

/** @param {ChartSpec} spec @param {number} width @returns {ChartGeometry} */
function upright({ type, labels, values, unit }, width) {
  const scale = scaleOf(values);
  const left = axisWidth(scale);
  const bottom = COLUMNS_HEIGHT - BOTTOM;
  const { low, high, ticks } = scale;
  const up = (/** @type {number} */ value) =>
    bottom - ((value - low) / (high - low)) * (bottom - TOP);
  const band = (width - left) / values.length;
  const middle = (/** @type {number} */ at) => left + band * (at + 0.5);
  const base = up(Math.max(low, Math.min(0, high)));
  return {
    width,
    height: COLUMNS_HEIGHT,
    lines: ticks.map((tick) => ({
      x1: left,
      y1: up(tick),
      x2: width,
      y2: up(tick),
      isBase: tick === 0,
    })),
    labels: [
      ...ticks.map((tick) => tickLabel(left - 8, up(tick) + 4, numberWords(tick))),
      ...namesBelow(labels, band, middle),
      ...(type === "bar" ? valuesAbove(values, middle, up) : []),
    ],
    bars: type === "line" ? [] : values.map((value, at) => column(value, at)),
    points:
      type === "bar"
        ? []
        : values.map((value, at) => ({ x: middle(at), y: up(value), name: name(at) })),
  };

  /** @param {number} at */
  function name(at) {
    return `${labels[at]}: ${numberWords(values[at], unit)}`;
  }

  /** @param {number} value @param {number} at @returns {Bar} */
  function column(value, at) {
    const thickness = Math.min(56, band * 0.62);
    return {
      x: middle(at) - thickness / 2,
      y: Math.min(base, up(value)),
      width: thickness,
      height: Math.max(1, Math.abs(up(value) - base)),
      name: name(at),
    };
  }
}

/** @param {number} x @param {number} y @param {string} text @returns {Label} */
function tickLabel(x, y, text) {
  return { x, y, text, anchor: "end" };
}

/**
 * As many names as there is room for, evenly left out.
 *
 * @param {string[]} labels @param {number} band @param {(at: number) => number} middle @returns {Label[]}
 */
function namesBelow(labels, band, middle) {
  const every = Math.max(1, Math.ceil((longest(labels) * CHARACTER + 12) / band));
  return labels.flatMap((label, at) =>
    at % every === 0
      ? [{ x: middle(at), y: COLUMNS_HEIGHT - 6, text: shortened(label, 18), anchor: "middle" }]
      : [],
  );
}

/** @param {number[]} values @param {(at: number) => number} middle @param {(value: number) => number} up @returns {Label[]} */
function valuesAbove(values, middle, up) {
  return values.map((value, at) => ({
    x: middle(at),
    y: up(Math.max(0, value)) - 7,
    text: numberWords(value),
    anchor: "middle",
  }));
}

/** @param {{ ticks: number[] }} scale */
function axisWidth({ ticks }) {
  return longest(ticks.map((tick) => numberWords(tick))) * CHARACTER + 14;
}

/** @param {number[]} values */
export function scaleOf(values) {
  const low = Math.min(0, ...values);
  const high = Math.max(0, ...values);
  const step = niceStep((high - low || 1) / 4);
  const first = Math.floor(low / step);
  const last = Math.max(first + 1, Math.ceil(high / step));
  const ticks = Array.from({ length: last - first + 1 }, (_, at) => round((first + at) * step));
  return { low: ticks[0], high: ticks[ticks.length - 1], ticks };
}

/** The next of 1, 2, 5 times a power of ten. @param {number} rough */
function niceStep(rough) {
  const power = 10 ** Math.floor(Math.log10(rough));
  const nice = [1, 2, 5, 10].find((factor) => factor * power >= rough * 0.999) ?? 10;
  return nice * power;
}

/** Takes away what floating point added. @param {number} value */
function round(value) {
  return Number(value.toPrecision(12));
}

/** @param {string[]} texts */
function longest(texts) {
  return Math.max(...texts.map((text) => text.length));
}

/** @param {string} text @param {number} length */
function shortened(text, length) {
  return text.length > length ? `${text.slice(0, Math.max(1, length - 1))}…` : text;
}
