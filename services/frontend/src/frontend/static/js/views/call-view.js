// @ts-check
/** One tool call in the answer: a folded row, and while it waits for the person the question itself. */

import { fromTemplate, part, setIcon, setText } from "../lib/dom.js";
import { durationWords } from "../lib/time-words.js";
import { callPhase, decisionSentence, phaseSentence, phaseWords } from "../models/call-words.js";
import { ApprovalCard } from "./approval-card.js";
import { callBody } from "./result-view.js";

/** @import { Approval, Call } from "../types/turn.js" */
/** @import { ApprovalPort } from "./approval-card.js" */

/**
 * @typedef {object} CallPort
 * @property {ApprovalPort} approvals
 * @property {string} me the person's name
 * @property {(callId: string) => boolean} decidedHere whether this tab took the decision
 */

export class CallView {
  #port;
  #details;
  /** @type {Call | null} */
  #call = null;
  /** @type {ApprovalCard | null} */
  #card = null;
  #wasOpenHere = false;

  /** @param {CallPort} port */
  constructor(port) {
    this.#port = port;
    this.element = fromTemplate("call-template");
    this.#details = part(this.element, "details", HTMLDetailsElement);
    this.#details.addEventListener("toggle", () => this.#drawBody());
  }

  /** The open question, if there is one. */
  get card() {
    return this.#card;
  }

  /** @param {Call} call */
  update(call) {
    if (call === this.#call) return;
    this.#call = call;
    const phase = callPhase(call);
    this.element.dataset.state = phase;
    this.#drawSummary(call);
    this.#drawProgress(call);
    this.#drawSentence(call);
    this.#drawCard(call);
    this.#drawBody();
  }

  close() {
    this.#card?.close();
  }

  // Internal

  /** @param {Call} call */
  #drawSummary(call) {
    const { label, icon } = phaseWords(callPhase(call));
    setIcon(part(this.element, "icon", SVGElement), icon);
    setText(part(this.element, "server"), call.server);
    setText(part(this.element, "title"), call.title || call.tool);
    setText(part(this.element, "state"), label);
    setText(part(this.element, "meta"), metaWords(call));
  }

  /** @param {Call} call */
  #drawProgress({ progress }) {
    const box = part(this.element, "progress");
    box.hidden = !progress;
    if (!progress) return;
    const bar = part(this.element, "bar", HTMLProgressElement);
    if (progress.total) {
      bar.max = progress.total;
      bar.value = progress.done;
    } else {
      bar.removeAttribute("value");
    }
    bar.setAttribute("aria-label", "Progress");
    setText(part(this.element, "progress-words"), progress.message);
  }

  /** @param {Call} call */
  #drawSentence(call) {
    const decided = call.decision
      ? decisionSentence(call.decision, {
          me: this.#port.me,
          elsewhere: this.#wasOpenHere && !this.#port.decidedHere(call.callId),
        })
      : "";
    const note = call.decision?.note ? `“${call.decision.note}”` : "";
    const outcome =
      call.decision && call.decision.decision !== "approved" ? "" : phaseSentence(call);
    const error = call.end?.state === "failed" ? (call.end.error?.message ?? "") : "";
    const sentence = part(this.element, "sentence");
    setText(sentence, sentences([decided, note, outcome, error]));
    sentence.hidden = sentence.textContent === "";
  }

  /** @param {Call} call */
  #drawCard(call) {
    const isOpen = callPhase(call) === "waiting";
    this.#details.hidden = isOpen;
    if (isOpen && !this.#card) {
      this.#card = new ApprovalCard(
        /** @type {Call & { approval: Approval }} */ (call),
        this.#port.approvals,
      );
      this.#wasOpenHere = true;
      this.element.append(this.#card.element);
    }
    if (isOpen || !this.#card) return;
    const hadFocus = this.#card.element.contains(document.activeElement);
    this.#card.close();
    this.#card = null;
    if (hadFocus) this.#details.querySelector("summary")?.focus({ preventScroll: true });
  }

  #drawBody() {
    const body = part(this.element, "body");
    if (this.#details.open && this.#call) body.replaceChildren(...callBody(this.#call));
    else body.replaceChildren();
  }
}

/** One after the other, each with its full stop; a single one goes without. @param {string[]} texts */
function sentences(texts) {
  return texts
    .filter((text) => text !== "")
    .map((text, at, all) => (at < all.length - 1 && !/[.!?”]$/.test(text) ? `${text}.` : text))
    .join(" ");
}

/** @param {Call} call */
function metaWords({ end }) {
  if (!end) return "";
  const rows = end.rows === null ? [] : [end.rows === 1 ? "1 row" : `${end.rows} rows`];
  const duration = end.durationMs === null ? [] : [durationWords(end.durationMs)];
  return [...rows, ...duration].join(" · ");
}
