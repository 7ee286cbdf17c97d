// @ts-check
/** Messages that were found, as links to their place, with the words that were looked for marked. */

import { addressOf } from "../lib/address.js";
import { element } from "../lib/dom.js";

/** @import { SearchHit } from "../types/conversations.js" */

export class SearchResults {
  #section;
  #list;
  #onOpen;
  /** @type {readonly SearchHit[]} */
  #shown = [];

  /** @param {HTMLElement} section @param {(hit: SearchHit) => void} onOpen */
  constructor(section, onOpen) {
    this.#section = section;
    this.#onOpen = onOpen;
    const id = "found-messages";
    this.#list = element("ul", { "aria-labelledby": id });
    section.append(element("h2", { id }, "In messages"), this.#list);
  }

  /** In the order shown. */
  get links() {
    return [...this.#list.querySelectorAll("a")];
  }

  /** @param {readonly SearchHit[]} hits best first */
  show(hits) {
    if (hits === this.#shown) return; // or the keyboard would lose its place
    this.#shown = hits;
    this.#section.hidden = hits.length === 0;
    this.#list.replaceChildren(...hits.map((hit) => this.#item(hit)));
  }

  // Internal

  /** @param {SearchHit} hit */
  #item(hit) {
    const { conversation_id, turn_id, title, role, at, snippet } = hit;
    const link = element(
      "a",
      { href: addressOf(conversation_id, turn_id) },
      element("span", { class: "hit-title" }, title),
      element(
        "span",
        { class: "hit-text" },
        ...snippet.map(({ text, found }) => (found ? element("mark", {}, text) : text)),
      ),
      element(
        "span",
        { class: "hit-where" },
        `${role === "person" ? "You" : "Steward"}, ${day(at)}`,
      ),
    );
    link.addEventListener("click", (event) => {
      // With a modifier the browser opens it in another tab or window.
      if (event.metaKey || event.ctrlKey || event.shiftKey || event.button !== 0) return;
      event.preventDefault();
      this.#onOpen(hit);
    });
    return element("li", { class: "hit" }, link);
  }
}

/** @param {string} at */
function day(at) {
  return new Intl.DateTimeFormat(undefined, { dateStyle: "medium" }).format(new Date(at));
}
