// @ts-check
/** The questions that the documents did not answer: an editor answers them, or says that they need no answer. */

import { part, setText } from "../lib/dom.js";
import { GapView } from "../views/gap-view.js";
import { Segments } from "../views/segments.js";
import { toast } from "../views/toast.js";

/** @import { KnowledgeApi } from "../models/knowledge-api.js" */
/** @import { GapShown, GapState } from "../types/knowledge.js" */

/** @type {Record<GapState, string>} */
const EMPTY = {
  open: "No open questions. Whenever an answer is not found in the documents, the question shows up here.",
  answered: "Nothing was answered yet.",
  dismissed: "Nothing was dismissed.",
};

export class GapShelf {
  #root;
  #port;
  #states;
  /** @type {GapState} */
  #state = "open";
  /** Counts what was asked for, so that late answers are not shown. */
  #asked = 0;

  /** @param {HTMLElement} root the page @param {{ api: KnowledgeApi, onCount: (open: number) => void }} port */
  constructor(root, port) {
    this.#root = root;
    this.#port = port;
    this.#states = new Segments(
      "Which questions",
      [
        { value: "open", words: "Open", icon: "question" },
        { value: "answered", words: "Answered", icon: "check" },
        { value: "dismissed", words: "Dismissed", icon: "ban" },
      ],
      (state) => this.#choose(state),
    );
    this.#states.press(this.#state);
    part(root, "gap-states").append(this.#states.element);
  }

  async show() {
    this.#asked += 1;
    const mine = this.#asked;
    const note = part(this.#root, "gaps-note");
    try {
      const { gaps } = await this.#port.api.gaps(this.#state);
      if (mine !== this.#asked) return;
      setText(note, gaps.length ? "" : EMPTY[this.#state]);
      part(this.#root, "gap-list").replaceChildren(...gaps.map((gap) => this.#item(gap)));
      this.#count();
    } catch (error) {
      if (mine !== this.#asked) return;
      setText(note, `The questions cannot be shown. ${wordsOf(error)}`);
    }
  }

  // Actions

  /** @param {GapState} state */
  #choose(state) {
    this.#state = state;
    this.#states.press(state);
    this.show();
  }

  // Internal

  /** @param {GapShown} gap */
  #item(gap) {
    const view = new GapView(gap, {
      onAnswer: async (written) => {
        await this.#port.api.answerGap(gap.id, written);
        this.#settled(view, "Your answer is being taken in, and is found from now on.");
      },
      onDismiss: async () => {
        await this.#port.api.dismissGap(gap.id);
        this.#settled(view, "Dismissed.");
      },
      answerText: (documentId) => this.#port.api.originalText(documentId),
    });
    return view.element;
  }

  /** @param {GapView} view @param {string} words */
  #settled(view, words) {
    const next = view.element.nextElementSibling ?? view.element.previousElementSibling;
    view.element.remove();
    toast(words);
    if (next instanceof HTMLElement) next.focus();
    else part(this.#root, "gaps-title").focus();
    this.#count();
    if (!part(this.#root, "gap-list").children.length)
      setText(part(this.#root, "gaps-note"), EMPTY[this.#state]);
  }

  #count() {
    if (this.#state === "open") this.#port.onCount(part(this.#root, "gap-list").children.length);
  }
}

/** @param {unknown} error */
function wordsOf(error) {
  return error instanceof Error ? error.message : String(error);
}
