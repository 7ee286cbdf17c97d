// @ts-check
/** A chart as SVG, drawn again when its width changes; in answers with its numbers as a table one button away. */

import { chartGeometry } from "../lib/chart-geometry.js";
import { chartSentence } from "../lib/chart-spec.js";
import { element, icon, svgElement } from "../lib/dom.js";
import { dataTable } from "./data-table.js";

/** @import { ChartSpec } from "../lib/chart-spec.js" */
/** @import { ChartGeometry, Point } from "../lib/chart-geometry.js" */

const FIRST_WIDTH = 640;
/** Dots further in would be a band; each can be asked for its value all the same. */
const MOST_DOTS = 60;

/** @param {ChartSpec} spec */
export function chartView(spec) {
  const drawing = chartDrawing(spec);
  const table = dataTable({
    caption: spec.title || "The chart's numbers",
    columns: ["", ...spec.series.map(({ name }) => name || spec.unit || "Value")],
    rows: spec.labels.map((label, at) => [label, ...spec.series.map(({ values }) => values[at])]),
  });
  table.hidden = true;
  return element(
    "figure",
    { class: "chart" },
    element("figcaption", {}, caption(spec), toggle(drawing, table)),
    drawing,
    table,
  );
}

/** The drawing alone. @param {ChartSpec} spec */
export function chartDrawing(spec) {
  const drawing = element("div", { class: "chart-drawing" }, draw(spec, FIRST_WIDTH));
  new ResizeObserver(([{ contentRect }]) => {
    const width = Math.round(contentRect.width);
    if (width > 0) drawing.replaceChildren(draw(spec, width));
  }).observe(drawing);
  return drawing;
}

/** @param {ChartSpec} spec */
function caption({ title, unit }) {
  return element("span", {}, title, unit && element("span", { class: "hint" }, ` in ${unit}`));
}

/** @param {HTMLElement} drawing @param {HTMLElement} table */
function toggle(drawing, table) {
  const button = element(
    "button",
    { type: "button", class: "copy-button", "aria-pressed": "false" },
    icon("table"),
    "Show as table",
  );
  button.addEventListener("click", () => {
    table.hidden = !table.hidden;
    drawing.hidden = !table.hidden;
    button.setAttribute("aria-pressed", String(!table.hidden));
  });
  return button;
}

/** @param {ChartSpec} spec @param {number} width */
function draw(spec, width) {
  const geometry = chartGeometry(spec, width);
  return svgElement(
    "svg",
    {
      role: "img",
      "aria-label": chartSentence(spec),
      viewBox: `0 0 ${geometry.width} ${geometry.height}`,
      width: geometry.width,
      height: geometry.height,
    },
    ...geometry.lines.map(({ isBase, ...ends }) =>
      svgElement("line", { ...ends, class: isBase ? "base" : "grid" }),
    ),
    ...geometry.bars.map(({ name, series, ...box }) =>
      svgElement("rect", { ...box, rx: 3, class: "bar", "data-series": series }, tip(name)),
    ),
    ...geometry.curves.map(curve),
    ...dots(geometry),
    ...geometry.labels.map(({ x, y, anchor, text }) =>
      svgElement("text", { x, y, "text-anchor": anchor }, text),
    ),
  );
}

/** @param {Point[]} points */
function curve(points) {
  const path = points.map(({ x, y }) => `${x},${y}`).join(" ");
  return svgElement("polyline", { points: path, class: "curve", "data-series": points[0].series });
}

/** @param {ChartGeometry} geometry */
function dots({ points, curves }) {
  const isCrowded = points.length > MOST_DOTS * curves.length;
  return points.map(({ x, y, name, series }) =>
    svgElement(
      "circle",
      { cx: x, cy: y, r: 4, class: isCrowded ? "dot crowded" : "dot", "data-series": series },
      tip(name),
    ),
  );
}

/** @param {string} text */
function tip(text) {
  return svgElement("title", {}, text);
}
