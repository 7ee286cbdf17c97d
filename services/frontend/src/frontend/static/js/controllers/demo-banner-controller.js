// @ts-check
/** Says that the demo model answers, as long as it does; hidden for this tab when dismissed. */

import { part } from "../lib/dom.js";
import { inTab } from "../lib/storage.js";

/** @import { App } from "../models/app.js" */

const KEY = "steward.demo-note-hidden";

export class DemoBannerController {
  #element;
  #app;

  /** @param {HTMLElement} element @param {App} app */
  constructor(element, app) {
    this.#element = element;
    this.#app = app;
  }

  async connect() {
    part(this.#element, "dismiss").addEventListener("click", () => this.#dismiss());
    if (inTab.get(KEY)) return;
    try {
      this.#element.hidden = !(await this.#app.about()).is_demo;
    } catch {
      // Not known what answers: nothing to say about it.
    }
  }

  #dismiss() {
    inTab.set(KEY, "yes");
    this.#element.hidden = true;
    document.getElementById("question")?.focus();
  }
}
