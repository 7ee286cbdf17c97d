// @ts-check
/** Where a curated answer is written: its question, its text, and how it will look. */

import { element } from "../lib/dom.js";
import { StreamedMarkdown } from "./streamed-markdown.js";

/** @import { WrittenAnswer } from "../types/knowledge.js" */

const MOST_CHARACTERS = 20_000;
const MOST_IN_QUESTION = 400;

export class CuratedAnswerFields {
  #question = element("input", { type: "text", maxlength: MOST_IN_QUESTION, required: true });
  #answer = element("textarea", {
    rows: 6,
    maxlength: MOST_CHARACTERS,
    required: true,
    placeholder: "Markdown: **bold**, lists, tables, links",
  });
  #box = element("div", { class: "answer" });
  #markdown = new StreamedMarkdown(this.#box);
  #preview = element(
    "section",
    { class: "gap-preview", "aria-label": "Preview" },
    element("p", { class: "hint" }, "Preview"),
    this.#box,
  );

  /** @param {WrittenAnswer} written as it is */
  constructor({ question, answer }) {
    this.#question.value = question;
    this.#answer.value = answer;
    this.#answer.addEventListener("input", () => this.#draw());
    this.elements = [
      element("label", { class: "field" }, element("span", {}, "Question"), this.#question),
      element("label", { class: "field" }, element("span", {}, "Answer"), this.#answer),
      this.#preview,
    ];
    this.#draw();
  }

  /** @returns {WrittenAnswer} */
  get value() {
    return { question: this.#question.value.trim(), answer: this.#answer.value };
  }

  focus() {
    this.#answer.focus();
  }

  // Internal

  /** Made anew with each change, since what comes before may change as well. */
  #draw() {
    this.#preview.hidden = this.#answer.value.trim() === "";
    this.#markdown.update(this.#answer.value, true);
  }
}
