// @ts-check
/**
 * A tool server's question to the person: a form, an address to open elsewhere, or that they sign in.
 *
 * The question is the server's and not ours, so the card says whose it is, and follows no address by itself.
 */

import { fromTemplate, part, setText } from "../lib/dom.js";
import { AnswerForm } from "./answer-form.js";
import { signInAddress } from "./connection-view.js";
import { ExpiryClock } from "./expiry-clock.js";

/** @import { Call, ServerQuestion } from "../types/turn.js" */
/** @import { PersonInput } from "../types/wire.js" */

/**
 * @typedef {object} InputPort
 * @property {(inputId: string, answer: PersonInput) => Promise<unknown>} answer
 *   rejects with a sentence for the person when the answer did not count
 */

/** @type {Record<ServerQuestion["mode"], (server: string) => string>} */
const WARNINGS = {
  form: (server) =>
    `What you write goes to “${server}”. Never type a password, a code or a card number here.`,
  url: () =>
    "Steward has not looked at that page. Go on only if you know the address and expected to be sent there.",
  sign_in: () =>
    "Look at the address of the page before you type a password. Steward gets access, never the password.",
};

const BUTTONS = /** @type {const} */ (["send", "decline", "cancel"]);

export class InputCard {
  #question;
  #port;
  #clock;
  /** @type {AnswerForm | null} */
  #form = null;

  /** @param {Call} call @param {ServerQuestion} question @param {InputPort} port */
  constructor(call, question, port) {
    this.#question = question;
    this.#port = port;
    this.element = fromTemplate("input-template");
    this.#describe(call);
    if (question.mode === "url") this.#showAddress();
    else if (question.mode === "sign_in") this.#showSignIn();
    else this.#form = new AnswerForm(part(this.element, "fields"), question.schema);
    part(this.element, "form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#answer({ action: "accept", ...(this.#form ? { content: this.#form.content } : {}) });
    });
    for (const action of /** @type {const} */ (["decline", "cancel"])) {
      part(this.element, action).addEventListener("click", () => this.#answer({ action }));
    }
    this.#clock = new ExpiryClock(part(this.element, "expiry"), question.expiresAt);
  }

  // Lifecycle

  close() {
    this.#clock.stop();
    this.element.remove();
  }

  focus() {
    this.element.focus({ preventScroll: true });
  }

  // Actions

  /** @param {PersonInput} answer */
  async #answer(answer) {
    if (this.element.hasAttribute("aria-busy")) return;
    const pressed = answer.action === "accept" ? "send" : answer.action;
    this.#setBusy(true);
    setText(part(this.element, "problem"), "Sending your answer…");
    try {
      await this.#port.answer(this.#question.inputId, answer);
    } catch (error) {
      this.#setBusy(false);
      setText(
        part(this.element, "problem"),
        error instanceof Error ? error.message : String(error),
      );
      part(this.element, pressed).focus();
    }
  }

  // Internal

  /** @param {Call} call */
  #describe({ title, tool }) {
    const { inputId, server, message, mode } = this.#question;
    const words = {
      title: mode === "sign_in" ? "Sign in to continue" : `The server “${server}” asks`,
      tool: title || tool,
      message,
      warning: WARNINGS[mode](server),
    };
    for (const [name, text] of Object.entries(words)) setText(part(this.element, name), text);
    for (const name of ["title", "message"])
      part(this.element, name).id = `input-${name}-${inputId}`;
    this.element.setAttribute("aria-labelledby", `input-title-${inputId}`);
    this.element.setAttribute("aria-describedby", `input-message-${inputId}`);
  }

  #showAddress() {
    const { url, domain } = this.#question;
    const target = webAddress(url);
    part(this.element, "address").hidden = false;
    part(this.element, "cancel").hidden = true;
    setText(part(this.element, "send"), "I am done");
    // The name that fits the address, which may be spelled out for people, or else what the address itself says.
    const isFitting = !target || domain?.startsWith(target.hostname);
    setText(
      part(this.element, "domain"),
      (isFitting ? domain : target?.host) || "an unknown place",
    );
    setText(part(this.element, "url"), target?.href ?? url ?? "");
    const link = part(this.element, "open", HTMLAnchorElement);
    if (target) link.href = target.href;
    else link.hidden = true;
  }

  /** It is answered by signing in, wherever and whenever that happens; the card leaves by itself then. */
  #showSignIn() {
    const { server, domain } = this.#question;
    for (const name of ["send", "cancel"]) part(this.element, name).hidden = true;
    setText(part(this.element, "decline"), "Do not sign in");
    part(this.element, "address").hidden = false;
    setText(part(this.element, "lead"), "You sign in at the service that this server names:");
    setText(part(this.element, "domain"), domain ?? server);
    part(this.element, "url").hidden = true;
    setText(part(this.element, "open-words"), "Sign in in a new tab");
    const link = part(this.element, "open", HTMLAnchorElement);
    link.href = signInAddress(server);
    link.classList.add("primary");
  }

  /** @param {boolean} isBusy */
  #setBusy(isBusy) {
    this.element.toggleAttribute("aria-busy", isBusy);
    for (const name of BUTTONS) part(this.element, name, HTMLButtonElement).disabled = isBusy;
  }
}

/** @param {string | null} url @returns {URL | null} null when it is none that may be opened */
function webAddress(url) {
  try {
    const target = new URL(url ?? "");
    return ["https:", "http:"].includes(target.protocol) ? target : null;
  } catch {
    return null;
  }
}
