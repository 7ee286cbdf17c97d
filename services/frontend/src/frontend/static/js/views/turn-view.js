// @ts-check
/** One turn: the question, the pieces of the answer in their order, and what is going on. */

import { numbersOf, sentenceWords, withFootnotes } from "../lib/citation-marks.js";
import { element, fromTemplate, icon, part, setText } from "../lib/dom.js";
import { placeWords, titleOf } from "../lib/knowledge-words.js";
import { isOver } from "../models/turn.js";
import { turnStatus } from "../models/turn-status.js";
import { AnswerView } from "./answer-view.js";
import { CallView } from "./call-view.js";
import { copyButton } from "./copy-button.js";
import { questionEditor } from "./question-editor.js";
import { SourcesView } from "./sources-view.js";
import { TogetherBar } from "./together-bar.js";
import { VersionSwitch } from "./version-switch.js";

/** @import { SentenceChecked } from "../types/knowledge.js" */
/** @import { NoticePart, Part, TextPart, Turn } from "../types/turn.js" */
/** @import { CitedPassages } from "../models/cited-passages.js" */
/** @import { CallPort } from "./call-view.js" */
/** @import { Opening } from "./source-panel.js" */

/** Nothing moves until somebody or something else is done. @type {Set<string | undefined>} */
const RESTS = new Set(["waiting", "queued"]);
/** Longer questions are folded. */
const FOLD_CHARACTERS = 1200;
const FOLD_LINES = 14;

/**
 * @typedef {object} TurnActions
 * @property {(question: { text: string, replaces: string }) => void} onAskInstead another version of a question
 * @property {(change: { from: string, to: string, step: number }) => void} onShowVersion
 * @property {(turnId: string) => void} onUnqueue
 * @property {CitedPassages} cited what the conversation has seen
 * @property {(opening: Opening) => void} onOpenSource
 */

/** @typedef {{ element: HTMLElement, update: (part: any, turn: Turn) => void, close?: () => void }} PartView */

export class TurnView {
  #port;
  /** @type {Map<string, PartView>} */
  #parts = new Map();
  /** @type {Map<string, CallView>} */
  #calls = new Map();
  #wasOver = false;
  #together;
  #turnId = "";
  #question = "";
  #versions;
  #sources;
  /** Of the passages that the answer cites. @type {Map<string, number>} */
  #numbers = new Map();

  /** @param {CallPort & TurnActions} port */
  constructor(port) {
    this.#port = port;
    this.element = fromTemplate("turn-template");
    this.#together = new TogetherBar(part(this.element, "together"), (decisions) =>
      port.approvals.decideAll(decisions),
    );
    this.#versions = new VersionSwitch(part(this.element, "versions"), (to, step) =>
      port.onShowVersion({ from: this.#turnId, to, step }),
    );
    this.#sources = new SourcesView(part(this.element, "sources"), (id, opener) =>
      this.#openSource(id, opener),
    );
    part(this.element, "unfold").addEventListener("click", () => this.#toggleFold());
    part(this.element, "edit").addEventListener("click", () => this.#edit());
    part(this.element, "unqueue").addEventListener("click", () => port.onUnqueue(this.#turnId));
  }

  /** Questions that wait for the person, in order. */
  get openCards() {
    return [...this.#calls.values()].flatMap(({ card }) => (card ? [card] : []));
  }

  get #openApprovals() {
    return [...this.#calls.values()].flatMap(({ approval }) =>
      approval?.mayDecide ? [approval] : [],
    );
  }

  /** @param {number} step the direction in which the person goes through the versions */
  focusVersions(step) {
    this.#versions.focus(step);
  }

  /** @param {Turn} turn */
  update(turn) {
    this.#drawQuestion(turn);
    this.#versions.update(turn.turnId, turn.versions);
    this.#number(turn);
    this.#drawParts(turn);
    this.#drawSources(turn);
    this.#together.update(this.#openApprovals);
    this.#drawStatus(turn);
    if (isOver(turn) && !this.#wasOver) this.#drawEnd(turn);
    this.#wasOver = isOver(turn);
    this.element.setAttribute(
      "aria-busy",
      String(!isOver(turn) && !RESTS.has(turnStatus(turn)?.kind)),
    );
  }

  close() {
    for (const call of this.#calls.values()) call.close();
    this.element.remove();
  }

  // Internal

  /** @param {Turn} turn */
  #drawQuestion({ question, turnId }) {
    const text = part(this.element, "question");
    if (text.textContent === question) return;
    text.textContent = question;
    this.#turnId = turnId;
    this.#question = question;
    this.element.id = `turn-${turnId}`;
    part(this.element, "edit").hidden = question === "";
    setText(part(this.element, "heading"), `You asked: ${question.slice(0, 120)}`);
    const isLong = question.length > FOLD_CHARACTERS || question.split("\n").length > FOLD_LINES;
    text.toggleAttribute("data-folded", isLong);
    part(this.element, "unfold").hidden = !isLong;
  }

  #toggleFold() {
    const isFolded = part(this.element, "question").toggleAttribute("data-folded");
    const button = part(this.element, "unfold");
    button.textContent = isFolded ? "Show all" : "Show less";
    button.setAttribute("aria-expanded", String(!isFolded));
  }

  #edit() {
    const box = part(this.element, "question-box");
    const opener = part(this.element, "edit");
    const finish = (/** @type {Element} */ form) => {
      form.remove();
      box.hidden = false;
      part(this.element, "question-foot").hidden = false;
      opener.focus();
    };
    const form = questionEditor(this.#question, {
      onCancel: () => finish(form),
      onSend: (text) => {
        finish(form);
        this.#askInstead(text);
      },
    });
    box.hidden = true;
    part(this.element, "question-foot").hidden = true;
    box.after(form);
    const field = part(form, "text", HTMLTextAreaElement);
    field.focus();
    field.setSelectionRange(field.value.length, field.value.length);
  }

  /** @param {string} text */
  #askInstead(text) {
    this.#port.onAskInstead({ text, replaces: this.#turnId });
  }

  /** @param {Turn} turn */
  #number(turn) {
    const { cited } = this.#port;
    cited.learn(turn);
    const isPassage = (/** @type {string} */ id) =>
      turn.citations ? cited.get(id) !== null : cited.mayBe(id);
    this.#numbers = numbersOf(textsOf(turn), isPassage);
  }

  /** @param {Turn} turn */
  #drawSources(turn) {
    const isShown = isOver(turn) || turn.citations;
    const sources = [...this.#numbers].map(([id, number]) => ({
      id,
      number,
      passage: this.#port.cited.get(id),
    }));
    this.#sources.update(isShown ? sources : [], turn.citations?.sentences ?? []);
  }

  /** @param {string} id @param {HTMLElement} opener @param {{ words: string, support: SentenceChecked["support"] } | null} [sentence] */
  #openSource(id, opener, sentence = null) {
    this.#port.onOpenSource({ ids: [...this.#numbers.keys()], id, opener, sentence });
  }

  /** @param {Turn} turn */
  #drawParts(turn) {
    const container = part(this.element, "parts");
    const keys = new Set(turn.parts.map(({ key }) => key));
    for (const [key, view] of this.#parts) {
      if (keys.has(key)) continue;
      view.element.remove();
      this.#parts.delete(key);
    }
    turn.parts.forEach((piece, at) => {
      const view = this.#viewOf(piece);
      if (container.children[at] !== view.element)
        container.insertBefore(view.element, container.children[at] ?? null);
      view.update(piece, turn);
    });
  }

  /** @param {Part} piece @returns {PartView} */
  #viewOf(piece) {
    const known = this.#parts.get(piece.key);
    if (known) return known;
    const view = this.#makeView(piece);
    this.#parts.set(piece.key, view);
    return view;
  }

  /** @param {Part} piece @returns {PartView} */
  #makeView(piece) {
    if (piece.kind === "text") return this.#makeAnswer();
    if (piece.kind === "notice") return noticeView(piece);
    const call = new CallView(this.#port);
    this.#calls.set(piece.callId, call);
    return { element: call.element, update: (_, turn) => call.update(turn.calls[piece.callId]) };
  }

  /** @returns {PartView} */
  #makeAnswer() {
    let text = "";
    const view = new AnswerView((id, mark, sentence) => {
      const judged = sentence && {
        words: sentenceWords(text, sentence),
        support: sentence.support,
      };
      this.#openSource(id, part(mark, "open"), judged);
    });
    return {
      element: view.element,
      update: (/** @type {TextPart} */ piece, turn) => {
        text = piece.text;
        const isLast = turn.parts.findLast(({ kind }) => kind === "text") === piece;
        view.update(piece, {
          numbers: this.#numbers,
          passageOf: (id) => this.#port.cited.get(id),
          sentences: (isLast && turn.citations?.sentences) || [],
        });
      },
    };
  }

  /** @param {Turn} turn */
  #drawStatus(turn) {
    const status = turnStatus(turn);
    const line = part(this.element, "status");
    line.hidden = !status || status.kind === "writing" || RESTS.has(status.kind);
    part(this.element, "queued").hidden = status?.kind !== "queued";
    setText(part(this.element, "queued-words"), status?.kind === "queued" ? status.words : "");
    if (status && !line.hidden) setText(part(this.element, "status-words"), status.words);
  }

  /** @param {Turn} turn */
  #drawEnd(turn) {
    const end = part(this.element, "end");
    const words = turn.queued ? "Not answered: removed while it waited" : "Stopped";
    if (turn.outcome === "stopped")
      end.append(element("p", { class: "stopped" }, icon("stop"), words));
    if (turn.outcome === "failed") end.append(this.#failure(turn));
    const text = textsOf(turn).join("\n\n");
    if (text) end.append(copyButton(() => this.#withSources(text), "Copy the answer"));
    if (turn.outcome !== "failed" && !turn.queued)
      end.append(this.#again("copy-button turn-change", "Answer again"));
  }

  /** @param {string} text */
  #withSources(text) {
    return withFootnotes(text, this.#numbers, (id) => {
      const passage = this.#port.cited.get(id);
      return passage ? [titleOf(passage), placeWords(passage)].filter(Boolean).join(", ") : id;
    });
  }

  /** @param {string} look @param {string} words */
  #again(look, words) {
    const again = element("button", { type: "button", class: look }, icon("retry"), words);
    again.addEventListener("click", () => this.#askInstead(this.#question));
    return again;
  }

  /** @param {Turn} turn */
  #failure({ error }) {
    const again = this.#again("button small turn-change", "Ask again");
    const hint = error?.hint && element("p", { class: "hint" }, error.hint);
    const words = element("p", {}, error?.message ?? "Something went wrong on our side.");
    return element(
      "div",
      { class: "note error" },
      icon("alert"),
      element("div", {}, words, hint, again),
    );
  }
}

/** @param {Turn} turn */
function textsOf(turn) {
  return turn.parts.flatMap((piece) => (piece.kind === "text" ? [piece.text] : []));
}

/** @param {NoticePart} notice @returns {PartView} */
function noticeView({ level, text }) {
  const sign = icon(level === "info" ? "info" : "alert");
  return {
    element: element("p", { class: `note ${level}` }, sign, element("span", {}, text)),
    update: () => {},
  };
}
