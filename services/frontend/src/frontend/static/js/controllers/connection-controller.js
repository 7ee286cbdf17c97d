// @ts-check
/** Says when the live connection is missing, and leaves when the session has ended. */

import { part, setText } from "../lib/dom.js";
import { RequestFailed } from "../models/api.js";

/** @import { App } from "../models/app.js" */
/** @import { Connection } from "../models/connection.js" */

/** Shorter breaks are not worth a word. */
const PATIENCE_MS = 1200;
const SIGN_IN = "/sign-in";
const HOME = "/";

export class ConnectionController {
  #element;
  #app;
  #connection;
  #leave;
  #timer = 0;

  /** @param {HTMLElement} element @param {App} app @param {(address: string) => void} [leave] */
  constructor(element, app, leave = (address) => location.assign(address)) {
    this.#element = element;
    this.#app = app;
    this.#connection = /** @type {Connection} */ (app.connection);
    this.#leave = leave;
  }

  // Lifecycle

  connect() {
    const hear = (/** @type {string} */ name, /** @type {(event: any) => void} */ listener) =>
      this.#connection.addEventListener(name, listener);
    hear("open", () => this.#show("open", ""));
    hear("closed", () => this.#missing());
    hear("refused", () => this.#refused());
    hear("signed_out", () => this.#leave(SIGN_IN));
    hear("tenant_switched", () => this.#leave(HOME));
    hear("relay_lost", ({ detail }) =>
      this.#show("closed", detail.message || "The assistant is away. Reconnecting…"),
    );
    hear("events", () => this.#show("open", ""));
    window.addEventListener("online", () => this.#connection.open());
    window.addEventListener("offline", () => this.#missing());
    this.#missing();
    this.#connection.open();
  }

  // Internal

  #missing() {
    if (this.#timer) return;
    this.#timer = window.setTimeout(() => {
      const words = navigator.onLine ? "Reconnecting…" : "You are offline. Nothing is lost.";
      this.#show("closed", words);
    }, PATIENCE_MS);
  }

  /** The server did not let us in: because the session is over, or because it is in trouble. */
  async #refused() {
    try {
      await this.#app.api.about();
    } catch (error) {
      if (error instanceof RequestFailed && error.code === "not_signed_in") this.#leave(SIGN_IN);
    }
  }

  /** @param {"open" | "closed"} state @param {string} words */
  #show(state, words) {
    window.clearTimeout(this.#timer);
    this.#timer = 0;
    this.#element.dataset.state = state;
    setText(part(this.#element, "words"), words);
  }
}
