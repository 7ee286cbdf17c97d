// @ts-check
/** A text of an answer: markdown that may still grow, with its citations as numbered buttons. */

import { sentencesOf, withoutBegunMark } from "../lib/citation-marks.js";
import { element } from "../lib/dom.js";
import { blockToNodes } from "../lib/markdown.js";
import { drawMark } from "./citation-mark.js";
import { enriched } from "./rich-text.js";
import { StreamedMarkdown } from "./streamed-markdown.js";

/** @import { PassageShown, SentenceChecked } from "../types/knowledge.js" */
/** @import { Block } from "../lib/markdown.js" */

/**
 * What is known of an answer's citations.
 *
 * @typedef {object} Cited
 * @property {Map<string, number>} numbers of the passages there are
 * @property {(id: string) => PassageShown | null} passageOf
 * @property {readonly SentenceChecked[]} sentences of this text; empty: not checked
 */

/** @type {Cited} */
const NOTHING = { numbers: new Map(), passageOf: () => null, sentences: [] };

export class AnswerView {
  #markdown;
  #text = "";
  #cited = NOTHING;
  /** One for each mark. @type {ReturnType<typeof sentencesOf>} */
  #judged = [];

  /** @param {(id: string, mark: HTMLElement, sentence: SentenceChecked | null) => void} onOpen a mark was pressed */
  constructor(onOpen) {
    this.element = element("div", { class: "answer" });
    this.#markdown = new StreamedMarkdown(this.element, (block, options) =>
      this.#render(block, options),
    );
    this.element.addEventListener("click", ({ target }) => {
      const mark = target instanceof Element && target.closest(".cite-button")?.parentElement;
      if (mark) onOpen(mark.dataset.passage ?? "", mark, this.#sentenceOf(mark));
    });
    for (const shows of ["pointerover", "focusin"])
      this.element.addEventListener(shows, ({ target }) => this.#keepInView(target));
  }

  /** @param {{ text: string, finished: boolean }} part @param {Cited} [cited] */
  update({ text, finished }, cited = NOTHING) {
    this.#cited = cited;
    this.#text = text;
    this.#markdown.update(finished ? text : withoutBegunMark(text), finished);
    this.#drawMarks();
  }

  // Internal

  get #marks() {
    return /** @type {HTMLElement[]} */ ([...this.element.querySelectorAll("sup[data-passage]")]);
  }

  /** @param {Block} block @param {{ settled: boolean }} options */
  #render(block, options) {
    const fragment = enriched(blockToNodes(block), options);
    for (const mark of fragment.querySelectorAll("sup[data-passage]"))
      this.#draw(/** @type {HTMLElement} */ (mark), null);
    return fragment;
  }

  /** Marks of blocks that are not drawn again learn of new numbers and of the check, too. */
  #drawMarks() {
    const marks = this.#marks;
    const ids = marks.map(({ dataset }) => dataset.passage ?? "");
    const { sentences } = this.#cited;
    this.#judged = sentences.length ? sentencesOf(ids, this.#text, sentences) : [];
    for (const [at, mark] of marks.entries()) this.#draw(mark, this.#judged[at] ?? null);
  }

  /** @param {HTMLElement} mark @param {ReturnType<typeof sentencesOf>[number]} judged */
  #draw(mark, judged) {
    const id = mark.dataset.passage ?? "";
    drawMark(mark, {
      number: this.#cited.numbers.get(id) ?? null,
      passage: this.#cited.passageOf(id),
      support: judged?.sentence.support ?? null,
      isLast: judged?.isLast ?? false,
    });
  }

  /** What a mark says must not hang over the edge of the conversation. @param {EventTarget | null} target */
  #keepInView(target) {
    const button = target instanceof Element ? target.closest(".cite-button") : null;
    const words = button?.querySelector(".cite-words");
    if (!(words instanceof HTMLElement)) return;
    words.style.setProperty("--nudge", "0px");
    const [edge, shown] = [this.element.getBoundingClientRect(), words.getBoundingClientRect()];
    const nudge = Math.max(edge.left - shown.left, 0) || Math.min(edge.right - shown.right, 0);
    words.style.setProperty("--nudge", `${nudge}px`);
  }

  /** @param {HTMLElement} mark */
  #sentenceOf(mark) {
    return this.#judged[this.#marks.indexOf(mark)]?.sentence ?? null;
  }
}
