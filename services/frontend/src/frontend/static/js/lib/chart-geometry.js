// @ts-check
/** Where the marks of a chart stand, for a given width in pixels. Pure. */

import { scaleOf } from "./chart-scale.js";
import { numberWords, pointWords, tickWords } from "./chart-spec.js";

/** @import { ChartSpec } from "./chart-spec.js" */
/** @import { Scale } from "./chart-scale.js" */

/** @typedef {{ x: number, y: number, text: string, anchor: "start" | "middle" | "end" }} Label */
/** @typedef {{ x1: number, y1: number, x2: number, y2: number, isBase: boolean }} Line */
/** @typedef {{ x: number, y: number, width: number, height: number, name: string, series: number }} Bar */
/** @typedef {{ x: number, y: number, name: string, series: number }} Point */

/**
 * @typedef {object} ChartGeometry
 * @property {number} width
 * @property {number} height
 * @property {Line[]} lines the grid
 * @property {Label[]} labels
 * @property {Bar[]} bars
 * @property {Point[]} points
 * @property {Point[][]} curves the points that are joined; a gap ends a curve
 */

const CHARACTER = 7;
const BAR = 20;
const NARROW_BAR = 12;
const BETWEEN = 14;
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
  if (spec.type === "line") return lines(spec, width);
  const axis = axisWidth(scaleOf(valuesOf(spec)));
  const fits = (width - axis) / spec.labels.length > longest(spec.labels) * CHARACTER + 10;
  return fits ? columns(spec, width) : lying(spec, width);
}

/** @param {ChartSpec} spec @param {number} width @returns {ChartGeometry} */
function lying(spec, width) {
  const { labels, series } = spec;
  const names = labels.map((label) => shortened(label, Math.floor((width * 0.42) / CHARACTER)));
  const left = longest(names) * CHARACTER + 12;
  const values = valuesOf(spec);
  const right = longest(values.map((value) => numberWords(value))) * CHARACTER + 10;
  // There is no axis with steps to end at, so the longest bar takes all the room.
  const low = Math.min(0, ...values);
  const high = Math.max(0, ...values);
  const across = (/** @type {number} */ value) =>
    left + ((value - low) / (high - low || 1)) * Math.max(40, width - left - right);
  const thickness = series.length > 1 ? NARROW_BAR : BAR;
  const row = thickness * series.length + BETWEEN;
  const height = labels.length * row;
  const base = across(Math.max(low, Math.min(0, high)));
  const bars = marks(spec, ({ value, at, number, name }) => ({
    x: Math.min(base, across(value)),
    y: at * row + BETWEEN / 2 + number * thickness,
    width: Math.max(1, Math.abs(across(value) - base)),
    height: series.length > 1 ? thickness - 1 : thickness,
    name,
    series: number,
  }));
  return {
    width,
    height,
    points: [],
    curves: [],
    lines: [{ x1: base, y1: 0, x2: base, y2: height, isBase: true }],
    bars,
    labels: [
      ...names.map((text, at) => endingAt(left - 10, at * row + row / 2 + 4, text)),
      ...marks(spec, ({ value, at, number }) => ({
        x: Math.max(base, across(value)) + 8,
        y: at * row + BETWEEN / 2 + (number + 0.5) * thickness + 4,
        text: numberWords(value),
        anchor: /** @type {const} */ ("start"),
      })),
    ],
  };
}

/** @param {ChartSpec} spec @param {number} width @returns {ChartGeometry} */
function columns(spec, width) {
  const { labels, series } = spec;
  const frame = frameOf(scaleOf(valuesOf(spec)), width);
  const { left, up, base } = frame;
  const band = (width - left) / labels.length;
  const middle = (/** @type {number} */ at) => left + band * (at + 0.5);
  const thickness = Math.min(56, (band * (series.length > 1 ? 0.78 : 0.62)) / series.length);
  const start = (/** @type {number} */ at, /** @type {number} */ number) =>
    middle(at) + (number - series.length / 2) * thickness;
  const bars = marks(spec, ({ value, at, number, name }) => ({
    x: start(at, number),
    y: Math.min(base, up(value)),
    width: series.length > 1 ? Math.max(1, thickness - 1) : thickness,
    height: Math.max(1, Math.abs(up(value) - base)),
    name,
    series: number,
  }));
  const above = marks(spec, ({ value, at, number }) => ({
    x: start(at, number) + thickness / 2,
    y: up(Math.max(0, value)) - 7,
    text: numberWords(value),
    anchor: /** @type {const} */ ("middle"),
  }));
  const room = series.length > 1 ? thickness : band;
  const fits = longest(above.map(({ text }) => text)) * CHARACTER <= room;
  return {
    width,
    height: COLUMNS_HEIGHT,
    lines: frame.lines,
    labels: [
      ...frame.labels,
      ...namesBelow(
        labels,
        labels.map((_, at) => middle(at)),
        width,
      ),
      ...(fits ? above : []),
    ],
    bars,
    points: [],
    curves: [],
  };
}

/** @param {ChartSpec} spec @param {number} width @returns {ChartGeometry} */
function lines(spec, width) {
  const { labels, at: places } = spec;
  const frame = frameOf(scaleOf(valuesOf(spec), { zero: false }), width);
  const band = (width - frame.left) / labels.length;
  const edge = Math.min(band / 2, 28);
  const inner = width - frame.left - 2 * edge;
  const place = placesOf(labels, places);
  const across = (/** @type {number} */ at) => frame.left + edge + place[at] * inner;
  const points = marks(spec, ({ value, at, number, name }) => ({
    x: across(at),
    y: frame.up(value),
    name,
    series: number,
  }));
  return {
    width,
    height: COLUMNS_HEIGHT,
    lines: frame.lines,
    labels: [
      ...frame.labels,
      ...namesBelow(
        labels,
        labels.map((_, at) => across(at)),
        width,
      ),
    ],
    bars: [],
    points,
    curves: spec.series.flatMap(({ values }, number) => {
      const own = points.filter(({ series }) => series === number);
      return unbroken(values, own);
    }),
  };
}

/** The points between gaps. @param {(number | null)[]} values @param {Point[]} points those of the values there are */
function unbroken(values, points) {
  /** @type {Point[][]} */
  const curves = [[]];
  let next = 0;
  for (const value of values) {
    if (value !== null) curves[curves.length - 1].push(points[next++]);
    else curves.push([]);
  }
  return curves.filter((curve) => curve.length > 0);
}

/** Shares of the way along the axis. @param {string[]} labels @param {number[] | null} places */
function placesOf(labels, places) {
  const at = places ?? labels.map((_, number) => number);
  const span = at[at.length - 1] - at[0];
  return at.map((place) => (span ? (place - at[0]) / span : 0.5));
}

/** The axis of values with its grid. @param {Scale} scale @param {number} width */
function frameOf(scale, width) {
  const { low, high, ticks } = scale;
  const left = axisWidth(scale);
  const bottom = COLUMNS_HEIGHT - BOTTOM;
  const up = (/** @type {number} */ value) =>
    bottom - ((value - low) / (high - low)) * (bottom - TOP);
  return {
    left,
    up,
    base: up(Math.max(low, Math.min(0, high))),
    lines: ticks.map((tick) => ({
      x1: left,
      y1: up(tick),
      x2: width,
      y2: up(tick),
      isBase: tick === 0,
    })),
    labels: ticks.map((tick) => endingAt(left - 8, up(tick) + 4, tickWords(tick))),
  };
}

/**
 * Something for each value there is.
 *
 * @template Mark
 * @param {ChartSpec} spec
 * @param {(mark: { value: number, at: number, number: number, name: string }) => Mark} make `number` counts the series
 * @returns {Mark[]}
 */
function marks({ labels, series, unit }, make) {
  return series.flatMap(({ name, values }, number) =>
    values.flatMap((value, at) => {
      if (value === null) return [];
      const words = pointWords({ label: labels[at], series: name, value }, unit);
      return make({ value, at, number, name: words });
    }),
  );
}

/** @param {ChartSpec} spec @returns {number[]} */
function valuesOf({ series }) {
  const values = series.flatMap((one) => one.values.filter((value) => value !== null));
  return values.length ? values : [0];
}

/** @param {number} x @param {number} y @param {string} text @returns {Label} */
function endingAt(x, y, text) {
  return { x, y, text, anchor: "end" };
}

/**
 * As many names as there is room for, from the first on.
 *
 * @param {string[]} labels @param {number[]} places @param {number} width @returns {Label[]}
 */
function namesBelow(labels, places, width) {
  /** @type {Label[]} */
  const shown = [];
  let free = Number.NEGATIVE_INFINITY;
  labels.forEach((label, at) => {
    const text = shortened(label, 18);
    const half = (text.length * CHARACTER) / 2;
    const x = Math.max(half, Math.min(width - half, places[at]));
    if (x - half < free) return;
    free = x + half + 12;
    shown.push({ x, y: COLUMNS_HEIGHT - 6, text, anchor: "middle" });
  });
  return shown;
}

/** @param {Scale} scale */
function axisWidth({ ticks }) {
  return longest(ticks.map(tickWords)) * CHARACTER + 14;
}

/** @param {string[]} texts */
function longest(texts) {
  return texts.reduce((most, { length }) => Math.max(most, length), 0);
}

/** @param {string} text @param {number} length */
function shortened(text, length) {
  return text.length > length ? `${text.slice(0, Math.max(1, length - 1))}…` : text;
}
