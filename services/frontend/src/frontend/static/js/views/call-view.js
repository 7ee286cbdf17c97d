// @ts-check
/** One tool call in the answer: a folded row, and while it waits for the person the question itself. */

import { numberWords } from "../lib/chart-spec.js";
import { fromTemplate, part, setIcon, setText } from "../lib/dom.js";
import { mailAlarm } from "../lib/mail-outcome.js";
import { tableOf } from "../lib/result-table.js";
import { durationWords } from "../lib/time-words.js";
import {
  answerSentence,
  callPhase,
  choiceSentence,
  decisionSentence,
  openQuestion,
  phaseSentence,
  phaseWords,
} from "../models/call-words.js";
import { ApprovalCard } from "./approval-card.js";
import { InputCard } from "./input-card.js";
import { OutcomeCard } from "./outcome-card.js";
import { callBody } from "./result-view.js";

/** @import { Approval, Call, LostOutcome } from "../types/turn.js" */
/** @import { ApprovalPort } from "./approval-card.js" */
/** @import { InputPort } from "./input-card.js" */
/** @import { ResultPort } from "./result-view.js" */
/** @import { OutcomePort } from "./outcome-card.js" */
/** @import { DecideAll } from "./together-bar.js" */

/** @typedef {ApprovalCard | InputCard | OutcomeCard} Card a question about the call, in its place */

/**
 * @typedef {object} CallPort
 * @property {ApprovalPort & { decideAll: DecideAll }} approvals
 * @property {OutcomePort} outcomes
 * @property {InputPort} inputs
 * @property {ResultPort} results
 * @property {string} me the person's name
 * @property {(callId: string) => boolean} decidedHere whether this tab took the decision
 */

export class CallView {
  #port;
  #details;
  /** @type {Call | null} */
  #call = null;
  /** @type {Card | null} */
  #card = null;
  /** The call as its body was last drawn. @type {Call | null} */
  #drawn = null;
  /** Which question the card asks; empty when there is none. */
  #cardKey = "";
  #wasOpenHere = false;

  /** @param {CallPort} port */
  constructor(port) {
    this.#port = port;
    this.element = fromTemplate("call-template");
    this.#details = part(this.element, "details", HTMLDetailsElement);
    this.#details.addEventListener("toggle", () => this.#drawBody());
  }

  /** The open question to this person, if there is one. */
  get card() {
    return this.approval?.mayDecide === false ? null : this.#card;
  }

  /** The same, where it asks for a yes. */
  get approval() {
    return this.#card instanceof ApprovalCard ? this.#card : null;
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
    this.#drawInvitation(call);
  }

  /** A result that is a table is worth a look. @param {Call} call */
  #drawInvitation({ end }) {
    const invitation = part(this.element, "invitation");
    const table = end?.state === "succeeded" ? tableOf(end.result) : null;
    invitation.hidden = !table;
    if (table) setText(part(invitation, "invitation-words"), invitationWords(table, end?.rows));
  }

  /** @param {Call} call */
  #drawProgress(call) {
    const { progress } = call;
    const box = part(this.element, "progress");
    box.hidden = !progress || callPhase(call) !== "running";
    if (!progress) return;
    const bar = part(this.element, "bar", HTMLProgressElement);
    if (progress.total) {
      bar.max = progress.total;
      bar.value = Math.min(progress.done, progress.total);
    } else {
      bar.removeAttribute("value");
    }
    bar.setAttribute("aria-label", `Progress of ${call.title || call.tool}`);
    setText(part(this.element, "progress-words"), progressWords(progress));
  }

  /** @param {Call} call */
  #drawSentence(call) {
    const { me } = this.#port;
    const elsewhere =
      this.#wasOpenHere &&
      !call.approval?.approverRoles.length &&
      !this.#port.decidedHere(call.callId);
    const decided = call.decision ? decisionSentence(call.decision, { me, elsewhere }) : "";
    const note = call.decision?.note ? `“${call.decision.note}”` : "";
    const mail = call.end?.state === "succeeded" ? mailAlarm(call.end.result) : "";
    const outcome =
      call.decision && call.decision.decision !== "approved" ? "" : mail || phaseSentence(call);
    const error = call.end?.state === "failed" ? (call.end.error?.message ?? "") : "";
    const sentence = part(this.element, "sentence");
    setText(
      sentence,
      sentences([
        call.retryOf ? "Proposed anew, because an earlier answer was lost" : "",
        call.grantId ? "Covered by a standing approval" : "",
        decided,
        note,
        ...call.questions.map(answerSentence),
        call.outcome ? choiceSentence(call.outcome, { me }) : "",
        outcome,
        error,
      ]),
    );
    sentence.hidden = sentence.textContent === "";
  }

  /** @param {Call} call */
  #drawCard(call) {
    const key = questionKey(call);
    this.#details.hidden = key === "approval";
    if (key === this.#cardKey) {
      if (this.#card instanceof OutcomeCard && call.outcome) this.#card.update(call.outcome);
      return;
    }
    const hadFocus = this.#card?.element.contains(document.activeElement);
    this.#card?.close();
    this.#cardKey = key;
    this.#card = key ? this.#makeCard(call) : null;
    if (this.#card) this.element.append(this.#card.element);
    if (key === "approval") this.#wasOpenHere = true;
    if (hadFocus) this.#details.querySelector("summary")?.focus({ preventScroll: true });
  }

  /** @param {Call} call @returns {Card} */
  #makeCard(call) {
    const question = openQuestion(call);
    if (callPhase(call) === "undecided") {
      const lost = /** @type {Call & { outcome: LostOutcome }} */ (call);
      return new OutcomeCard(lost, this.#port.outcomes);
    }
    if (question) return new InputCard(call, question, this.#port.inputs);
    const waiting = /** @type {Call & { approval: Approval }} */ (call);
    return new ApprovalCard(waiting, this.#port.approvals);
  }

  /** When it is first looked at, and when there is news of it: a table keeps its order while it is folded away. */
  #drawBody() {
    if (!this.#details.open || !this.#call || this.#drawn === this.#call) return;
    const isNews =
      this.#drawn?.end !== this.#call.end || this.#drawn?.arguments !== this.#call.arguments;
    this.#drawn = this.#call;
    if (!isNews) return;
    part(this.element, "body").replaceChildren(...callBody(this.#call, this.#port.results));
  }
}

/** The same as long as the same question is open; empty when none is. @param {Call} call */
function questionKey(call) {
  switch (callPhase(call)) {
    case "waiting":
    case "waiting_for_other":
      return "approval";
    case "undecided":
      return "outcome";
    case "asked":
      return `input-${openQuestion(call)?.inputId}`;
    default:
      return "";
  }
}

/** @param {NonNullable<Call["progress"]>} progress */
function progressWords({ done, total, message }) {
  const share = total ? `${Math.floor((Math.min(done, total) / total) * 100)} %` : "";
  return [message, share].filter(Boolean).join(" · ") || `${done} so far`;
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
  const isTable = end.state === "succeeded" && tableOf(end.result) !== null;
  const rows = end.rows === null || isTable ? [] : [rowWords(end.rows)];
  const duration = end.durationMs === null ? [] : [durationWords(end.durationMs)];
  return [...rows, ...duration].join(" · ");
}

/** @param {import("../lib/result-table.js").ResultTable} table @param {number | null} [rows] */
function invitationWords(table, rows) {
  const more = table.truncated && !(rows && rows > table.rows.length) ? "+" : "";
  return rowWords(Math.max(rows ?? 0, table.rowCount), more);
}

/** @param {number} count @param {string} [more] a mark that there are more */
function rowWords(count, more = "") {
  const number = `${numberWords(count)}${more}`;
  return number === "1" ? "1 row" : `${number} rows`;
}
