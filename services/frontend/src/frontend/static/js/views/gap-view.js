// @ts-check
/** A question that nobody could answer: how often it was asked, and the place to answer it or to change its answer. */

import { element, icon, setText } from "../lib/dom.js";
import { errorWords } from "../lib/error-words.js";
import { CURATED } from "../lib/knowledge-words.js";
import { agoWords } from "../lib/time-words.js";
import { CuratedAnswerFields } from "./curated-answer-fields.js";
import { plainText } from "./plain-text.js";
import { StreamedMarkdown } from "./streamed-markdown.js";

/** @import { GapShown, WrittenAnswer } from "../types/knowledge.js" */

/**
 * @typedef {object} GapActions
 * @property {(written: WrittenAnswer) => Promise<void>} onAnswer the first, or another; rejects with a sentence
 * @property {() => Promise<void>} onDismiss rejects with a sentence
 * @property {() => Promise<WrittenAnswer>} fetchAnswer of an answered one; rejects with a sentence
 */

export class GapView {
  #gap;
  #actions;
  #problem = element("p", { class: "field-problem", role: "alert" });
  #place = element("div", { class: "gap-place" });

  /** @param {GapShown} gap @param {GapActions} actions @param {Date} [now] */
  constructor(gap, actions, now = new Date()) {
    this.#gap = gap;
    this.#actions = actions;
    const { question, state } = gap;
    const asked = askedAs(gap);
    this.element = element(
      "li",
      { class: "gap", tabindex: -1, "data-state": state },
      element(
        "div",
        { class: "gap-head" },
        element("h3", {}, element("bdi", {}, ...plainText(asked))),
        element("p", { class: "hint" }, askedWords(gap, now)),
        asked !== question &&
          element(
            "p",
            { class: "hint" },
            "Looked for: ",
            element("bdi", {}, ...plainText(question)),
          ),
      ),
      this.#place,
      this.#problem,
    );
    this.showButtons();
  }

  /** Something is being written, which must not go away by itself. */
  get isBeingWritten() {
    return this.#place.querySelector("form") !== null;
  }

  /** As at first. */
  showButtons() {
    setText(this.#problem, "");
    const actions = element("div", { class: "gap-actions" }, ...this.#buttons());
    this.#place.replaceChildren(actions);
  }

  // Actions

  /** @param {WrittenAnswer} written what there is already */
  #write(written) {
    const fields = new CuratedAnswerFields(written);
    const save = element(
      "button",
      { type: "submit", class: "button small primary" },
      icon("check"),
      "Save the answer",
    );
    const cancel = button("button small quiet", "Cancel", "x", () => {
      this.showButtons();
      this.#place.querySelector("button")?.focus();
    });
    const form = element(
      "form",
      { class: "gap-form" },
      ...fields.elements,
      element("div", { class: "gap-actions" }, save, cancel),
    );
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      save.disabled = true;
      await this.#trying(() => this.#actions.onAnswer(fields.value));
      save.disabled = false;
    });
    this.#place.replaceChildren(form);
    fields.focus();
  }

  /** @param {HTMLButtonElement} opener */
  async #showAnswer(opener) {
    await this.#trying(async () => {
      const { answer } = await this.#actions.fetchAnswer();
      const box = element("div", { class: "answer" });
      new StreamedMarkdown(box).update(answer, true);
      opener.replaceWith(
        element(
          "section",
          { class: "gap-answer", "aria-label": CURATED, tabindex: -1 },
          element("p", { class: "badge curated" }, CURATED),
          box,
        ),
      );
      this.#place.querySelector("section")?.focus();
    });
  }

  // Internal

  #buttons() {
    const { state, answer_id } = this.#gap;
    if (state === "answered" && answer_id) return this.#buttonsOfAnswered(answer_id);
    const write = button("button small primary", "Write an answer", "pencil", () =>
      this.#write({ question: askedAs(this.#gap), answer: "" }),
    );
    const dismiss = button("button small quiet", "Needs no answer", "ban", () =>
      this.#trying(() => this.#actions.onDismiss()),
    );
    return state === "open" ? [write, dismiss] : [write];
  }

  /** @param {string} answerId */
  #buttonsOfAnswered(answerId) {
    const show = button("button small", "Show the answer", "eye", () => this.#showAnswer(show));
    const change = button("button small", "Change the answer", "pencil", () =>
      this.#trying(async () => this.#write(await this.#actions.fetchAnswer())),
    );
    const link = element(
      "a",
      { class: "button small quiet", href: `#${new URLSearchParams({ document: answerId })}` },
      icon("book"),
      "Among the documents",
    );
    return [show, change, link];
  }

  /** @param {() => Promise<void>} act */
  async #trying(act) {
    setText(this.#problem, "");
    try {
      await act();
    } catch (error) {
      setText(this.#problem, errorWords(error));
    }
  }
}

/** What people know it by. @param {GapShown} gap */
function askedAs({ asked_as, question }) {
  return asked_as || question;
}

/** @param {GapShown} gap @param {Date} now */
function askedWords({ asked, first_asked_at, last_asked_at }, now) {
  const ago = (/** @type {string} */ at) => agoWords(now.getTime() - new Date(at).getTime());
  if (asked === 1) return `Asked once, ${ago(last_asked_at)}`;
  return `Asked ${asked} times, first ${ago(first_asked_at)}, last ${ago(last_asked_at)}`;
}

/** @param {string} look @param {string} words @param {string} sign @param {() => void} act */
function button(look, words, sign, act) {
  const made = element("button", { type: "button", class: look }, icon(sign), words);
  made.addEventListener("click", act);
  return made;
}
