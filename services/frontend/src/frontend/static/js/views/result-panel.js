// @ts-check
/** A table that a tool answered with: as a grid or as a chart, to be copied or taken home. */

import { chartOf } from "../lib/chart-choice.js";
import { numberWords } from "../lib/chart-spec.js";
import { element, icon } from "../lib/dom.js";
import { fileName } from "../lib/names.js";
import { tableOf } from "../lib/result-table.js";
import { saveFile } from "../lib/save-file.js";
import { csvOf, markdownOf } from "../lib/table-text.js";
import { durationWords } from "../lib/time-words.js";
import { copyButton } from "./copy-button.js";
import { ResultChart } from "./result-chart.js";
import { ResultGrid } from "./result-grid.js";
import { Segments } from "./segments.js";

/** @import { Json } from "../types/wire.js" */
/** @import { ResultTable } from "../lib/result-table.js" */

/** @import { Segment } from "./segments.js" */

/** @typedef {"table" | "chart"} Shape */

/**
 * @typedef {object} PanelOptions
 * @property {string} title what the result is of
 * @property {(() => Promise<Json>) | null} whole fetches all of it, when only a part is here; rejects with a sentence
 *   for the person
 */

/** @type {Segment<Shape>[]} */
const SHAPES = [
  { value: "table", words: "Table", icon: "table" },
  { value: "chart", words: "Chart", icon: "chart" },
];

export class ResultPanel {
  #table;
  #title;
  #whole;
  #grid;
  /** @type {ResultChart | null} made when it is first looked at */
  #chart = null;
  #rows;
  #shapes = new Segments("Show as", SHAPES, (shape) => this.#show(shape));
  #view = element("div", { class: "panel-view" });
  #notes = element("div", { class: "panel-notes" });
  #problem = element("p", { class: "call-error", role: "status" });

  /** @param {ResultTable} table @param {PanelOptions} options */
  constructor(table, { title, whole }) {
    this.#table = table;
    this.#title = title;
    this.#whole = whole;
    this.#rows = table.rows;
    this.#grid = new ResultGrid(table, { onOrder: (rows) => this.#ordered(rows) });
    this.element = element(
      "div",
      { class: "panel" },
      element("div", { class: "panel-tools" }, this.#shapes.element, this.#takings()),
      this.#view,
      this.#notes,
      this.#problem,
    );
    this.#shapes.element.hidden = chartOf(table.columns, table.rows) === null;
    this.#show("table");
    this.#drawNotes();
  }

  // Actions

  async #download() {
    const table = await this.#all();
    if (!table) return;
    // The rows of a whole table that has only now come are as its server sent them.
    const rows = table === this.#table ? this.#rows : table.rows;
    saveFile(
      fileName(this.#title, new Date(), "csv"),
      "text/csv;charset=utf-8",
      csvOf(table.columns, rows),
    );
  }

  /** @param {HTMLButtonElement} button */
  async #loadAll(button) {
    button.disabled = true;
    const table = await this.#all();
    button.disabled = false;
    if (!table) return;
    this.#table = table;
    this.#whole = null;
    this.#grid.update(table.rows);
    this.#drawNotes();
  }

  /** @param {Shape} shape */
  #show(shape) {
    this.#shapes.press(shape);
    const data = shape === "chart" ? chartOf(this.#table.columns, this.#rows) : null;
    if (data) this.#chart ??= new ResultChart(data);
    const shown = data && this.#chart ? this.#chart : this.#grid;
    this.#view.replaceChildren(shown.element);
  }

  // Internal

  /** All of the table, also when only a part is here. @returns {Promise<ResultTable | null>} null: it said why not */
  async #all() {
    this.#problem.textContent = "";
    if (!this.#whole) return this.#table;
    try {
      const table = tableOf(await this.#whole());
      if (table) return table;
      this.#problem.textContent = "The whole result cannot be read as a table.";
    } catch (error) {
      this.#problem.textContent = error instanceof Error ? error.message : String(error);
    }
    return null;
  }

  /** @param {Json[][]} rows */
  #ordered(rows) {
    this.#rows = rows;
    const data = chartOf(this.#table.columns, rows);
    this.#shapes.element.hidden = data === null;
    if (data) this.#chart?.update(data);
  }

  #takings() {
    const download = element(
      "button",
      { type: "button", class: "copy-button", "aria-label": "Download as CSV" },
      icon("download"),
      "CSV",
    );
    download.addEventListener("click", () => this.#download());
    const copy = copyButton(() => markdownOf(this.#table.columns, this.#rows), "Copy as Markdown");
    return element("div", { class: "panel-takings" }, download, copy);
  }

  #drawNotes() {
    const texts = notesOn(this.#table, this.#whole !== null);
    this.#notes.replaceChildren(...texts.map((text) => element("p", { class: "hint" }, text)));
    if (this.#whole) this.#notes.prepend(this.#partNote());
  }

  #partNote() {
    const { rows, rowCount } = this.#table;
    const button = element("button", { type: "button", class: "link-button" }, "Load all");
    button.addEventListener("click", () => this.#loadAll(button));
    const words = `The first ${numberWords(rows.length)} of ${numberWords(rowCount)} rows are here. `;
    return element("p", { class: "hint" }, words, button);
  }
}

/** @param {ResultTable} table @param {boolean} isPart of an answer that is whole elsewhere */
function notesOn({ rows, offset, truncated, hiddenColumns, warnings, elapsedMs }, isPart) {
  const columns = hiddenColumns === 1 ? "1 column is" : `${hiddenColumns} columns are`;
  return [
    offset > 0 && `Rows ${offset + 1} to ${offset + rows.length}.`,
    truncated && !isPart && "There are more rows than were fetched.",
    hiddenColumns > 0 && `${columns} hidden by policy.`,
    ...warnings,
    elapsedMs !== null && `Took ${durationWords(elapsedMs)}.`,
  ].filter((note) => note !== false);
}
