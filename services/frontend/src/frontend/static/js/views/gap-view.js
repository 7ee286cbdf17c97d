// @ts-check
/** A question that nobody could answer: how often it was asked, and the place to answer it. */

import { element, icon, setText } from "../lib/dom.js";
import { CURATED } from "../lib/knowledge-words.js";
import { agoWords } from "../lib/time-words.js";
import { plainText } from "./plain-text.js";
import { StreamedMarkdown } from "./streamed-markdown.js";

/** @import { GapShown } from "../types/knowledge.js" */

const MOST_CHARACTERS = 20_000;

/**
 * @typedef {object} GapActions
 * @property {(written: { question: string, answer: string }) => Promise<void>} onAnswer rejects with a sentence
 * @property {() => Promise<void>} onDismiss rejects with a sentence
 * @property {(documentId: string) => Promise<string>} answerText of a curated answer, as Markdown; rejects with a sentence
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
    this.element = element(
      "li",
      { class: "gap", tabindex: -1, "data-state": gap.state },
      element(
        "div",
        { class: "gap-head" },
        element("h3", {}, element("bdi", {}, ...plainText(gap.question))),
        element("p", { class: "hint" }, askedWords(gap, now)),
      ),
      this.#place,
      this.#problem,
    );
    this.#showButtons();
  }

  // Actions

  #write() {
    const question = element("input", { type: "text", maxlength: 400, required: true });
    question.value = this.#gap.question;
    const answer = element("textarea", {
      rows: 6,
      maxlength: MOST_CHARACTERS,
      required: true,
      placeholder: "Markdown: **bold**, lists, tables, links",
    });
    const preview = previewBox();
    answer.addEventListener("input", () => preview.show(answer.value));
    const cancel = button("button small quiet", "Cancel", "x");
    const save = element(
      "button",
      { type: "submit", class: "button small primary" },
      icon("check"),
      "Save the answer",
    );
    const form = element(
      "form",
      { class: "gap-form" },
      element("label", { class: "field" }, element("span", {}, "Question"), question),
      element("label", { class: "field" }, element("span", {}, "Answer"), answer),
      preview.element,
      element("div", { class: "gap-actions" }, save, cancel),
    );
    cancel.addEventListener("click", () => {
      this.#showButtons();
      this.#place.querySelector("button")?.focus();
    });
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      save.disabled = true;
      const written = { question: question.value.trim(), answer: answer.value };
      await this.#trying(() => this.#actions.onAnswer(written));
      save.disabled = false;
    });
    this.#place.replaceChildren(form);
    answer.focus();
  }

  /** @param {HTMLButtonElement} opener */
  async #showAnswer(opener) {
    await this.#trying(async () => {
      const text = await this.#actions.answerText(this.#gap.answer_id);
      const box = element("div", { class: "answer" });
      new StreamedMarkdown(box).update(text, true);
      opener.replaceWith(
        element(
          "section",
          { class: "gap-answer", "aria-label": CURATED },
          element("p", { class: "badge curated" }, CURATED),
          box,
        ),
      );
    });
  }

  // Internal

  #showButtons() {
    setText(this.#problem, "");
    const { state, answer_id } = this.#gap;
    const actions = element("div", { class: "gap-actions" });
    this.#place.replaceChildren(actions);
    if (state === "answered" && answer_id) {
      const shown = button("button small", "Show the answer", "eye");
      shown.addEventListener("click", () => this.#showAnswer(shown));
      const link = element(
        "a",
        { class: "button small quiet", href: `#${new URLSearchParams({ document: answer_id })}` },
        icon("book"),
        "Among the documents",
      );
      actions.append(shown, link);
      return;
    }
    const write = button("button small primary", "Write an answer", "pencil");
    write.addEventListener("click", () => this.#write());
    actions.append(write);
    if (state !== "open") return;
    const dismiss = button("button small quiet", "Needs no answer", "ban");
    dismiss.addEventListener("click", () => this.#trying(() => this.#actions.onDismiss()));
    actions.append(dismiss);
  }

  /** @param {() => Promise<void>} act */
  async #trying(act) {
    setText(this.#problem, "");
    try {
      await act();
    } catch (error) {
      setText(this.#problem, error instanceof Error ? error.message : String(error));
    }
  }
}

/** @param {GapShown} gap @param {Date} now */
function askedWords({ asked, first_asked_at, last_asked_at }, now) {
  const ago = (/** @type {string} */ at) => agoWords(now.getTime() - new Date(at).getTime());
  if (asked === 1) return `Asked once, ${ago(last_asked_at)}`;
  return `Asked ${asked} times, first ${ago(first_asked_at)}, last ${ago(last_asked_at)}`;
}

/** How it will look; made anew with each change, since what comes before may change as well. */
function previewBox() {
  const box = element("div", { class: "answer" });
  const shown = element(
    "section",
    { class: "gap-preview", "aria-label": "Preview", hidden: true },
    element("p", { class: "hint" }, "Preview"),
    box,
  );
  const markdown = new StreamedMarkdown(box);
  return {
    element: shown,
    show: (/** @type {string} */ text) => {
      shown.hidden = text.trim() === "";
      markdown.update(text, true);
    },
  };
}

/** @param {string} look @param {string} words @param {string} sign */
function button(look, words, sign) {
  return element("button", { type: "button", class: look }, icon(sign), words);
}
