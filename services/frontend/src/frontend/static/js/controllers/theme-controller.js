// @ts-check
/** Light, dark, or like the system; remembered on this device. theme.js applies it before the first paint. */

/** @import { App } from "../models/app.js" */

const KEY = "steward.theme";

export class ThemeController {
  #element;
  #remembered;

  /** @param {HTMLElement} element @param {App} app */
  constructor(element, app) {
    this.#element = element;
    this.#remembered = app.remembered;
  }

  connect() {
    const chosen = this.#remembered.get(KEY) ?? "system";
    for (const radio of this.#element.querySelectorAll("input")) {
      radio.checked = radio.value === chosen;
      radio.addEventListener("change", () => this.#choose(radio.value));
    }
  }

  /** @param {string} theme */
  #choose(theme) {
    const isSystem = theme === "system";
    this.#remembered.set(KEY, isSystem ? null : theme);
    if (isSystem) delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme;
  }
}
