// @ts-check
/** Counts down beside an open question. The server decides when it expires. */

import { setText } from "../lib/dom.js";
import { expiryTickMs, expiryWords } from "../lib/time-words.js";

const SOON_MS = 5 * 60_000;

export class ExpiryClock {
  #element;
  #expiresAt;
  #ticking = 0;

  /** @param {HTMLElement} element where the words stand @param {string} expiresAt */
  constructor(element, expiresAt) {
    this.#element = element;
    this.#expiresAt = Date.parse(expiresAt);
    this.#tick();
  }

  stop() {
    window.clearTimeout(this.#ticking);
  }

  // Internal

  #tick() {
    const msLeft = this.#expiresAt - Date.now();
    setText(this.#element, expiryWords(msLeft));
    this.#element.toggleAttribute("data-soon", msLeft < SOON_MS);
    if (msLeft > 0) this.#ticking = window.setTimeout(() => this.#tick(), expiryTickMs(msLeft));
  }
}
