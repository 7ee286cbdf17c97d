// @ts-check
/** Keeps a good call under a name, so that the person can have it run again. */

import { announce } from "../lib/announce.js";
import { element, icon } from "../lib/dom.js";
import { queryName } from "../lib/names.js";

/** @import { Call } from "../types/turn.js" */
/** @import { KeepWish, KeptCall } from "../types/wire.js" */

/**
 * @typedef {object} KeepPort
 * @property {(callId: string, wish: KeepWish) => Promise<KeptCall>} keep rejects with a sentence for the person
 * @property {(text: string) => void} propose puts a question before the person, to be sent or not
 */

const LONGEST_TITLE = 120;

export class KeepForm {
  #callId;
  #port;
  #open = element(
    "button",
    { type: "button", class: "button small", "aria-expanded": "false" },
    icon("bookmark"),
    "Save query",
  );
  #title = element("input", {
    type: "text",
    maxlength: LONGEST_TITLE,
    required: true,
    autocomplete: "off",
    placeholder: "Open tasks by project",
  });
  #name = element("code");
  #nameLine = element("p", { class: "hint", hidden: true }, "It will be called ", this.#name);
  #problem = element("p", { class: "field-problem", role: "status" });
  #save = element("button", { type: "submit", class: "button small primary" }, "Save");
  #form;

  /** @param {Pick<Call, "callId">} call @param {KeepPort} port */
  constructor({ callId }, port) {
    this.#callId = callId;
    this.#port = port;
    this.#form = this.#build();
    this.element = element("div", { class: "keep" }, this.#open, this.#form);
    this.#open.addEventListener("click", () => this.#toggle(this.#form.hidden === true));
    this.#title.addEventListener("input", () => this.#typed());
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#submit();
    });
  }

  // Actions

  /** @param {boolean} opens */
  #toggle(opens) {
    this.#form.hidden = !opens;
    this.#open.setAttribute("aria-expanded", String(opens));
    if (opens) this.#title.focus();
    else this.#open.focus();
  }

  #typed() {
    const name = queryName(this.#title.value);
    this.#name.textContent = name;
    this.#nameLine.hidden = name === "";
    this.#say("");
  }

  async #submit() {
    const title = this.#title.value.trim();
    if (!title) return this.#say("Give it a title.");
    this.#lock(true);
    try {
      const wish = { name: queryName(title), title };
      this.#saved(await this.#port.keep(this.#callId, wish));
    } catch (error) {
      this.#lock(false);
      this.#say(error instanceof Error ? error.message : String(error));
      this.#title.focus();
    }
  }

  // Internal

  #build() {
    const cancel = element("button", { type: "button", class: "button small quiet" }, "Cancel");
    cancel.addEventListener("click", () => this.#toggle(false));
    return element(
      "form",
      { class: "keep-form", hidden: true, novalidate: true },
      element("label", { class: "field" }, element("span", {}, "Title"), this.#title),
      this.#nameLine,
      this.#problem,
      element("div", { class: "keep-actions" }, cancel, this.#save),
    );
  }

  /** @param {string} problem */
  #say(problem) {
    this.#problem.textContent = problem;
    this.#title.setAttribute("aria-invalid", String(problem !== ""));
  }

  /** @param {boolean} isLocked */
  #lock(isLocked) {
    this.#title.disabled = isLocked;
    this.#save.disabled = isLocked;
    this.#save.textContent = isLocked ? "Saving…" : "Save";
  }

  /** @param {KeptCall} kept */
  #saved({ name, text }) {
    const question = `Run the saved query ${name}.`;
    const ask = element("button", { type: "button", class: "link-button" }, `“${question}”`);
    ask.addEventListener("click", () => this.#port.propose(question));
    const words = element(
      "div",
      { class: "keep-done", tabindex: -1 },
      element("p", {}, icon("check"), " Saved as ", element("code", {}, name), "."),
      text && element("p", { class: "hint" }, text),
      element("p", { class: "hint" }, "To run it again, ask: ", ask),
    );
    this.element.replaceChildren(words);
    words.focus({ preventScroll: true });
    announce(`Saved as ${name}`);
  }
}
