// @ts-check
/** Asks what to do about a call that was sent and whose answer was lost: it may have been done. */

import { fromTemplate, part, setText } from "../lib/dom.js";
import { ExpiryClock } from "./expiry-clock.js";

/** @import { Call, LostOutcome } from "../types/turn.js" */
/** @import { CheckedOutcome, OutcomeAnswer } from "../types/wire.js" */

/** @typedef {"check" | "retry" | "done" | "leave"} Choice */

/**
 * @typedef {object} OutcomePort
 * @property {(callId: string, choice: Choice) => Promise<OutcomeAnswer>} choose
 *   rejects with a sentence for the person when the choice did not count
 */

const CHOICES = /** @type {const} */ (["check", "retry", "done", "leave"]);

/** @type {Record<Choice, string>} */
const BUSY = {
  check: "Asking the server…",
  retry: "Proposing it anew…",
  done: "Marking it as done…",
  leave: "Leaving it as it is…",
};

/** @type {Record<CheckedOutcome, string>} */
const ANSWERS = {
  done: "The server says that it was done.",
  not_done: "The server says that it was not done.",
  unknown: "The server does not know.",
};

/** What to do next, after the server has said so. @type {Record<CheckedOutcome, Choice | null>} */
const SUGGESTED = { done: "done", not_done: "retry", unknown: null };

export class OutcomeCard {
  #callId;
  #port;
  #clock;
  #canCheck;
  #isBusy = false;

  /** @param {Call & { outcome: LostOutcome }} call @param {OutcomePort} port */
  constructor(call, port) {
    this.#callId = call.callId;
    this.#port = port;
    this.#canCheck = call.outcome.canCheck;
    this.element = fromTemplate("outcome-template");
    this.#describe(call);
    for (const choice of CHOICES) {
      part(this.element, choice).addEventListener("click", () => this.#choose(choice));
    }
    this.#clock = new ExpiryClock(part(this.element, "expiry"), call.outcome.expiresAt);
    this.update(call.outcome);
  }

  // Lifecycle

  close() {
    this.#clock.stop();
    this.element.remove();
  }

  focus() {
    this.element.focus({ preventScroll: true });
  }

  /** What is known has changed: another tab may have asked the server. @param {LostOutcome} outcome */
  update({ checked }) {
    if (checked) this.#showChecked(checked.answer, checked.text);
  }

  // Actions

  /** @param {Choice} choice */
  async #choose(choice) {
    if (this.#isBusy) return;
    this.#setBusy(choice);
    try {
      const { checked, text } = await this.#port.choose(this.#callId, choice);
      if (checked) this.#showChecked(checked, text);
      // A choice closes this card by its event; a check leaves it open.
      if (choice === "check") this.#setBusy(null);
    } catch (error) {
      this.#setBusy(null);
      setText(
        part(this.element, "problem"),
        error instanceof Error ? error.message : String(error),
      );
    }
    if (!this.#isBusy) part(this.element, choice).focus();
  }

  // Internal

  /** @param {Call & { outcome: LostOutcome }} call */
  #describe({ callId, title, tool, server, outcome }) {
    const words = { title: title || tool, tool, server, message: outcome.message };
    for (const [name, text] of Object.entries(words)) setText(part(this.element, name), text);
    for (const name of ["title", "message"])
      part(this.element, name).id = `outcome-${name}-${callId}`;
    this.element.setAttribute("aria-labelledby", `outcome-title-${callId}`);
    this.element.setAttribute("aria-describedby", `outcome-message-${callId}`);
    part(this.element, "may-check").hidden = !this.#canCheck;
  }

  /** @param {CheckedOutcome} answer @param {string} text */
  #showChecked(answer, text) {
    const box = part(this.element, "checked");
    box.hidden = false;
    setText(box, text ? `${ANSWERS[answer]} ${text}` : ANSWERS[answer]);
    for (const choice of CHOICES) {
      part(this.element, choice).classList.toggle("primary", choice === SUGGESTED[answer]);
    }
  }

  /** @param {Choice | null} choice on its way */
  #setBusy(choice) {
    this.#isBusy = choice !== null;
    for (const name of CHOICES) {
      part(this.element, name, HTMLButtonElement).disabled = this.#isBusy;
    }
    this.element.toggleAttribute("aria-busy", this.#isBusy);
    setText(part(this.element, "problem"), choice ? BUSY[choice] : "");
  }
}
