// @ts-check
/** The chart of a result: its drawing, and which of its numbers are in it. */

import { announce } from "../lib/announce.js";
import { MOST_SERIES } from "../lib/chart-choice.js";
import { namesOf } from "../lib/chart-spec.js";
import { element } from "../lib/dom.js";
import { chartDrawing } from "./chart-view.js";
import { Segments } from "./segments.js";

/** @import { ChartData } from "../lib/chart-choice.js" */
/** @import { ChartSpec } from "../lib/chart-spec.js" */
/** @import { Segment } from "./segments.js" */

/** @type {Segment<ChartSpec["type"]>[]} */
const TYPES = [
  { value: "bar", words: "Bars", icon: "chart" },
  { value: "line", words: "Lines", icon: "line" },
];

/** @type {Record<ChartSpec["type"], number>} what can still be told apart */
const MOST_LABELS = { bar: 30, line: 1000 };

export class ResultChart {
  #data;
  #type;
  #drawn;
  #types = new Segments("Draw as", TYPES, (type) => this.#choose(type));
  #legend = element("div", { class: "chart-legend", role: "group", "aria-label": "Values drawn" });
  #title = element("p", { class: "chart-title" });
  #drawing = element("div", {});
  #note = element("p", { class: "hint" });

  /** @param {ChartData} data */
  constructor(data) {
    this.#data = data;
    this.#type = data.type;
    this.#drawn = new Set(data.first);
    this.element = element(
      "figure",
      { class: "chart result-chart" },
      element("figcaption", {}, this.#title, this.#types.element),
      this.#legend,
      this.#drawing,
      this.#note,
    );
    this.#draw();
  }

  /** The rows have come in another order, or more of them have. @param {ChartData} data */
  update(data) {
    this.#data = data;
    this.#draw();
  }

  // Internal

  /** @param {ChartSpec["type"]} type */
  #choose(type) {
    this.#type = type;
    this.#draw();
  }

  #draw() {
    this.#types.press(this.#type);
    const { labels, at, series, of, by } = this.#data;
    const most = MOST_LABELS[this.#type];
    const drawn = series.filter((_, number) => this.#drawn.has(number));
    const spec = {
      type: this.#type,
      title: `${of ?? namesOf(drawn)} by ${by}`,
      labels: labels.slice(0, most),
      at: at?.slice(0, most) ?? null,
      series: drawn.map(({ name, values }) => ({ name, values: values.slice(0, most) })),
      unit: "",
    };
    this.#title.textContent = spec.title;
    this.#drawing.replaceChildren(chartDrawing(spec));
    this.#note.textContent =
      labels.length > most ? `The first ${most} of ${labels.length} are drawn.` : "";
    this.#note.hidden = labels.length <= most;
    this.#drawLegend();
  }

  #drawLegend() {
    const { series } = this.#data;
    const focused = [...this.#legend.children].indexOf(
      /** @type {Element} */ (document.activeElement),
    );
    this.#legend.hidden = series.length < 2;
    this.#legend.replaceChildren(...series.map(({ name }, at) => this.#entry(name, at)));
    const again = this.#legend.children[focused];
    if (again instanceof HTMLElement) again.focus();
  }

  /** @param {string} name @param {number} at */
  #entry(name, at) {
    const isDrawn = this.#drawn.has(at);
    const isLast = isDrawn && this.#drawn.size === 1;
    const isFull = !isDrawn && this.#drawn.size >= MOST_SERIES;
    const place = [...this.#drawn].toSorted((one, other) => one - other).indexOf(at);
    const button = element(
      "button",
      {
        type: "button",
        class: "legend-entry",
        "aria-pressed": String(isDrawn),
        "aria-disabled": isLast || isFull ? "true" : null,
        title: isFull ? `At most ${MOST_SERIES} are drawn at once` : null,
      },
      element("span", { class: "legend-mark", "data-series": isDrawn ? place : null }),
      name,
    );
    if (!isLast && !isFull) button.addEventListener("click", () => this.#toggle(at, name));
    return button;
  }

  /** @param {number} at @param {string} name */
  #toggle(at, name) {
    if (!this.#drawn.delete(at)) this.#drawn.add(at);
    announce(`${name} ${this.#drawn.has(at) ? "is drawn" : "is left out"}`);
    this.#draw();
  }
}
