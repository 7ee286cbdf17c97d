// @ts-check
/** Under an answer: what it cites, and in words how well that supports it. */

import { element, icon, setText } from "../lib/dom.js";
import { CURATED, checkWords, placeWords, titleOf } from "../lib/knowledge-words.js";
import { plainText } from "./plain-text.js";

/** @import { PassageShown, SentenceChecked } from "../types/knowledge.js" */

/** @typedef {{ id: string, number: number, passage: PassageShown | null }} Source */

export class SourcesView {
  #onOpen;
  #head = element("h3", { class: "sources-head" });
  #check = element("p", { class: "sources-check" });
  #list = element("ol", { class: "sources-list" });
  #drawn = "";

  /** @param {HTMLElement} root empty @param {(id: string, opener: HTMLElement) => void} onOpen */
  constructor(root, onOpen) {
    this.element = root;
    this.#onOpen = onOpen;
    root.append(this.#head, this.#check, this.#list);
  }

  /** @param {Source[]} sources in the order of their numbers @param {readonly SentenceChecked[]} sentences empty: not checked */
  update(sources, sentences) {
    const drawn = JSON.stringify([sources, sentences]);
    if (drawn === this.#drawn) return;
    this.#drawn = drawn;
    this.element.hidden = sources.length === 0 && sentences.length === 0;
    setText(this.#head, headWords(sources));
    const { words, level } = checkWords(sentences);
    this.#check.replaceChildren(...(words ? [icon(level), element("span", {}, words)] : []));
    this.#check.dataset.level = level;
    this.#list.replaceChildren(...sources.map((source) => this.#item(source)));
  }

  // Internal

  /** @param {Source} source */
  #item({ id, number, passage }) {
    const place = passage ? placeWords(passage) : "";
    const button = element(
      "button",
      { type: "button", class: "source" },
      element("span", { class: "source-number" }, number),
      element(
        "span",
        { class: "source-title" },
        element("bdi", {}, ...plainText(passage ? titleOf(passage) : "Source")),
      ),
      place && element("span", { class: "source-place" }, ...plainText(place)),
      passage?.curated && element("span", { class: "badge curated" }, CURATED),
    );
    button.addEventListener("click", () => this.#onOpen(id, button));
    return element("li", {}, button);
  }
}

/** @param {Source[]} sources */
function headWords(sources) {
  if (sources.length === 0) return "No sources";
  if (sources.every(({ passage }) => passage?.curated)) return CURATED;
  return sources.length === 1 ? "1 source" : `${sources.length} sources`;
}
