// @ts-check
/** The side list as a drawer on narrow screens: opens over the conversation and keeps the keyboard inside. */

/** @import { App } from "../models/app.js" */

export class DrawerController {
  #drawer;
  #app;
  #narrow = matchMedia("(max-width: 860px)");

  /** @param {HTMLElement} drawer @param {App} app */
  constructor(drawer, app) {
    this.#drawer = drawer;
    this.#app = app;
  }

  // Lifecycle

  connect() {
    this.#opener.addEventListener("click", () => this.#open());
    this.#element("[data-drawer-scrim]").addEventListener("click", () => this.#close());
    this.#drawer
      .querySelector('[data-part="close"]')
      ?.addEventListener("click", () => this.#close());
    document.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && !event.defaultPrevented) this.#close();
    });
    this.#app.hear("opened", () => this.#close({ focusOpener: false }));
    this.#app.hear("find", () => this.#open());
    this.#narrow.addEventListener("change", () => this.#close({ focusOpener: false }));
  }

  // Actions

  #open() {
    if (!this.#narrow.matches || this.#isOpen) return;
    this.#set(true);
    this.#drawer.querySelector("button")?.focus();
  }

  #close({ focusOpener = true } = {}) {
    if (!this.#isOpen) return;
    this.#set(false);
    if (focusOpener) this.#opener.focus();
  }

  // Internal

  get #isOpen() {
    return this.#drawer.hasAttribute("data-open");
  }

  get #opener() {
    return this.#element("[data-drawer-opener]");
  }

  /** @param {boolean} isOpen */
  #set(isOpen) {
    this.#drawer.toggleAttribute("data-open", isOpen);
    this.#opener.setAttribute("aria-expanded", String(isOpen));
    this.#element("[data-drawer-behind]").inert = isOpen;
  }

  /** @param {string} selector @returns {HTMLElement} */
  #element(selector) {
    return /** @type {HTMLElement} */ (document.querySelector(selector));
  }
}
