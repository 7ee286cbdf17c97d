// @ts-check
/** The rows of a result in a table that is ordered by its heads and grows on demand. */

import { announce } from "../lib/announce.js";
import { numberWords } from "../lib/chart-spec.js";
import { element, icon, setIcon } from "../lib/dom.js";
import { cellText } from "../lib/result-shape.js";
import { inOrder, nextOrder } from "../lib/row-order.js";

/** @import { Json } from "../types/wire.js" */
/** @import { ResultColumn, ResultTable } from "../lib/result-table.js" */
/** @import { Order } from "../lib/row-order.js" */

/** Thousands of rows at once would hold up the page. */
const FIRST_ROWS = 100;
const MORE_ROWS = 400;
const LONGEST_TEXT = 100;
/** Stays on one line, however narrow the page. */
const SHORT_TEXT = 32;

export class ResultGrid {
  #columns;
  #rows;
  /** The rows in the order they are shown in. */
  #ordered;
  /** @type {Order | null} null: as they came */
  #order = null;
  #shown = 0;
  #onOrder;
  #heads;
  #body = element("tbody");
  #more = element("button", { type: "button", class: "button small" });
  #count = element("span");

  /** @param {ResultTable} table @param {{ onOrder: (rows: Json[][]) => void }} options */
  constructor({ columns, rows }, { onOrder }) {
    this.#columns = columns;
    this.#rows = rows;
    this.#ordered = rows;
    this.#onOrder = onOrder;
    this.#heads = columns.map((column, at) => this.#head(column, at));
    this.#more.addEventListener("click", () => this.#grow());
    this.element = element(
      "div",
      { class: "grid" },
      this.#scroller(),
      element("p", { class: "grid-foot hint" }, this.#count, this.#more),
    );
    this.#drawAnew();
  }

  /** The same columns with other rows; their order is kept. @param {Json[][]} rows */
  update(rows) {
    this.#rows = rows;
    this.#applyOrder();
  }

  // Internal

  #scroller() {
    const head = element("thead", {}, element("tr", {}, ...this.#heads));
    const caption = element("caption", { class: "visually-hidden" }, "Result");
    const table = element("table", {}, caption, head, this.#body);
    return element(
      "div",
      { class: "table-scroll grid-scroll", tabindex: 0, role: "group", "aria-label": "Result" },
      table,
    );
  }

  /** @param {ResultColumn} column @param {number} at */
  #head({ name, type, kind, masked }, at) {
    const button = element(
      "button",
      { type: "button", class: "grid-order", title: type && `${name}: ${type}` },
      element("span", {}, name),
      icon("sort"),
    );
    button.addEventListener("click", () => this.#sortBy(at));
    return element(
      "th",
      { scope: "col", class: kind === "number" && "numeric", "aria-sort": "none" },
      button,
      masked && element("span", { class: "grid-masked" }, icon("ban"), `masked: ${masked}`),
    );
  }

  /** @param {number} at */
  #sortBy(at) {
    this.#order = nextOrder(this.#order, at);
    const by = this.#order
      ? `by ${this.#columns[at].name}, ${this.#order.direction}`
      : "as it came";
    announce(`Result ${by}`);
    this.#applyOrder();
  }

  #applyOrder() {
    const { column, direction } = this.#order ?? { column: -1, direction: null };
    this.#ordered = direction
      ? inOrder(this.#rows, column, this.#columns[column].kind, direction)
      : this.#rows;
    this.#heads.forEach((head, at) => {
      const own = at === column && direction ? direction : "none";
      head.setAttribute("aria-sort", own);
      const mark = /** @type {SVGElement} */ (head.querySelector("[data-icon]"));
      setIcon(mark, ORDER_ICONS[own]);
    });
    this.#drawAnew();
    this.#onOrder(this.#ordered);
  }

  #drawAnew() {
    this.#body.replaceChildren();
    this.#shown = 0;
    this.#append(FIRST_ROWS);
  }

  #grow() {
    const first = this.#shown;
    this.#append(MORE_ROWS);
    announce(`${this.#shown} rows are shown`);
    if (this.#more.hidden) {
      const row = /** @type {HTMLElement} */ (this.#body.children[first]);
      row.tabIndex = -1;
      row.focus({ preventScroll: true });
    }
  }

  /** @param {number} count */
  #append(count) {
    const rows = this.#ordered.slice(this.#shown, this.#shown + count);
    this.#body.append(...rows.map((row) => this.#row(row)));
    this.#shown += rows.length;
    const left = this.#ordered.length - this.#shown;
    this.#more.hidden = left === 0;
    this.#more.textContent = `Show ${Math.min(left, MORE_ROWS)} more`;
    this.#count.textContent = shownWords(this.#shown, this.#ordered.length);
  }

  /** @param {Json[]} row */
  #row(row) {
    return element("tr", {}, ...this.#columns.map(({ kind }, at) => cell(row[at] ?? null, kind)));
  }
}

/** @type {Record<Order["direction"] | "none", string>} */
const ORDER_ICONS = { ascending: "arrow-up", descending: "arrow-down", none: "sort" };

/** @param {Json} value @param {ResultColumn["kind"]} kind */
function cell(value, kind) {
  const numeric = kind === "number" && "numeric";
  if (value === null)
    return element("td", { class: numeric }, element("span", { class: "null" }, "null"));
  const text = cellText(value);
  if (text.length > LONGEST_TEXT) return longCell(text);
  return element("td", { class: numeric || (text.length <= SHORT_TEXT && "short") }, text);
}

/** @param {string} text */
function longCell(text) {
  const shown = element("span", { class: "clipped" }, text);
  const button = element(
    "button",
    { type: "button", class: "link-button", "aria-expanded": "false" },
    "Show all",
  );
  button.addEventListener("click", () => {
    const opens = button.getAttribute("aria-expanded") === "false";
    button.setAttribute("aria-expanded", String(opens));
    button.textContent = opens ? "Show less" : "Show all";
    shown.classList.toggle("clipped", !opens);
  });
  return element("td", { class: "long" }, shown, button);
}

/** @param {number} shown @param {number} count */
function shownWords(shown, count) {
  if (count === 0) return "No rows.";
  if (shown < count) return `${numberWords(shown)} of ${numberWords(count)} rows are shown.`;
  return count === 1 ? "1 row." : `${numberWords(count)} rows.`;
}
