// @ts-check
/** The questions that the documents did not answer: an editor answers them, or says that they need no answer. */

import { writtenAnswer } from "../lib/curated-answer.js";
import { part, setText } from "../lib/dom.js";
import { errorWords } from "../lib/error-words.js";
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
  /** Those that are shown, and those in which something is being written. @type {Map<string, GapView>} */
  #views = new Map();
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
    window.addEventListener("beforeunload", (event) => {
      if ([...this.#views.values()].some(({ isBeingWritten }) => isBeingWritten))
        event.preventDefault();
    });
  }

  async show() {
    this.#asked += 1;
    const mine = this.#asked;
    const note = part(this.#root, "gaps-note");
    try {
      const { gaps } = await this.#port.api.gaps(this.#state);
      if (mine !== this.#asked) return;
      setText(note, gaps.length ? "" : EMPTY[this.#state]);
      this.#draw(gaps);
      this.#count();
    } catch (error) {
      if (mine !== this.#asked) return;
      setText(note, `The questions cannot be shown. ${errorWords(error)}`);
    }
  }

  // Actions

  /** @param {GapState} state */
  #choose(state) {
    if (state === this.#state) return;
    this.#state = state;
    this.#states.press(state);
    this.show();
  }

  // Internal

  /** What is being written stays as it is, whatever else has changed. @param {GapShown[]} gaps */
  #draw(gaps) {
    this.#views = new Map([...this.#views].filter(([, view]) => view.isBeingWritten));
    for (const gap of gaps) if (!this.#views.has(gap.id)) this.#views.set(gap.id, this.#view(gap));
    const elements = gaps.map(({ id }) => /** @type {GapView} */ (this.#views.get(id)).element);
    part(this.#root, "gap-list").replaceChildren(...elements);
  }

  /** @param {GapShown} gap */
  #view(gap) {
    const { api } = this.#port;
    const view = new GapView(gap, {
      onAnswer: async (written) => {
        if (gap.state === "answered") {
          await api.changeAnswer(gap.answer_id, written);
          view.showButtons();
          view.element.focus();
          toast("The new answer is being taken in. Until then the old one is found.");
          return;
        }
        await api.answerGap(gap.id, written);
        this.#settled(gap.id, "Your answer is being taken in, and is found from now on.");
      },
      onDismiss: async () => {
        await api.dismissGap(gap.id);
        this.#settled(gap.id, "Dismissed.");
      },
      fetchAnswer: async () => {
        const { question, answer } = writtenAnswer(await api.originalText(gap.answer_id));
        return { question: question || gap.question, answer };
      },
    });
    return view;
  }

  /** @param {string} id @param {string} words */
  #settled(id, words) {
    const { element } = /** @type {GapView} */ (this.#views.get(id));
    const next = element.nextElementSibling ?? element.previousElementSibling;
    element.remove();
    this.#views.delete(id);
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
