// @ts-check
/** Searches what was said while the person types: after a pause, and without answers that came too late. */

/** @import { SearchHit } from "../types/conversations.js" */

/** @typedef {"idle" | "short" | "searching" | "done" | "failed"} SearchState */

/** Shorter words are in nearly everything. */
const SHORTEST = 2;
const PAUSE_MS = 200;

export class MessageSearch {
  #find;
  #onChange;
  #later;
  #text = "";
  /** Counts what was typed: an answer to something earlier is too late. */
  #typed = 0;
  /** @type {SearchState} */
  #state = "idle";
  /** @type {SearchHit[]} */
  #hits = [];
  #problem = "";

  /**
   * @param {object} parts
   * @param {(text: string) => Promise<{ hits: SearchHit[] }>} parts.find
   * @param {() => void} parts.onChange
   * @param {(task: () => void, ms: number) => unknown} [parts.later]
   */
  constructor({ find, onChange, later = (task, ms) => setTimeout(task, ms) }) {
    this.#find = find;
    this.#onChange = onChange;
    this.#later = later;
  }

  get state() {
    return this.#state;
  }

  /** Best first; while another search is under way, those of the one before. */
  get hits() {
    return this.#hits;
  }

  /** Why it failed, for the person. */
  get problem() {
    return this.#problem;
  }

  /** @param {string} typed */
  look(typed) {
    const text = typed.trim();
    if (text === this.#text) return;
    this.#text = text;
    this.#typed += 1;
    if ([...text].length < SHORTEST) {
      this.#become(text ? "short" : "idle", []);
      return;
    }
    this.#become("searching", this.#hits);
    const mine = this.#typed;
    this.#later(() => mine === this.#typed && this.#ask(text, mine), PAUSE_MS);
  }

  // Internal

  /** @param {string} text @param {number} mine */
  async #ask(text, mine) {
    try {
      const { hits } = await this.#find(text);
      if (mine === this.#typed) this.#become("done", hits);
    } catch (error) {
      if (mine !== this.#typed) return;
      this.#become("failed", [], error instanceof Error ? error.message : String(error));
    }
  }

  /** @param {SearchState} state @param {SearchHit[]} hits @param {string} [problem] */
  #become(state, hits, problem = "") {
    this.#state = state;
    this.#hits = hits;
    this.#problem = problem;
    this.#onChange();
  }
}
