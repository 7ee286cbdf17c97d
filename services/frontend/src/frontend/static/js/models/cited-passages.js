// @ts-check
/** Which passages a conversation has seen, so that marks are known for what they are while an answer is being written. */

import { callsOf } from "./turn.js";

/** @import { PassageShown } from "../types/knowledge.js" */
/** @import { CallEnd, Turn } from "../types/turn.js" */
/** @import { Json } from "../types/wire.js" */

const ID = /^[a-z2-7]{10}$/;

export class CitedPassages {
  /** @type {Map<string, PassageShown>} */
  #known = new Map();
  /** @type {WeakSet<CallEnd>} */
  #read = new WeakSet();
  #isIncomplete = false;

  /** Another conversation is opened. */
  clear() {
    this.#known.clear();
    this.#isIncomplete = false;
  }

  /** Takes in what a turn's calls have found. @param {Turn} turn */
  learn(turn) {
    for (const { end } of callsOf(turn)) {
      if (!end || this.#read.has(end)) continue;
      this.#read.add(end);
      this.#isIncomplete ||= end.wholeBytes !== null;
      this.#learnFrom(end.result);
    }
    for (const passage of turn.citations?.passages ?? []) this.#known.set(passage.id, passage);
  }

  /** Whether a mark may mean a passage: certain, unless results were too long for the page. @param {string} id */
  mayBe(id) {
    return this.#isIncomplete || this.#known.has(id);
  }

  /** @param {string} id @returns {PassageShown | null} */
  get(id) {
    return this.#known.get(id) ?? null;
  }

  // Internal

  /** Lists of passages are members of a result. @param {Json} result */
  #learnFrom(result) {
    if (typeof result !== "object" || result === null) return;
    for (const member of Object.values(result)) {
      if (!Array.isArray(member)) continue;
      for (const item of member) this.#learnItem(item);
    }
  }

  /** @param {Json} item */
  #learnItem(item) {
    if (typeof item !== "object" || item === null || Array.isArray(item)) return;
    const { id } = item;
    if (typeof id !== "string" || !ID.test(id) || this.#known.has(id)) return;
    this.#known.set(id, {
      id,
      document_id: wordsOf(item.document_id),
      title: wordsOf(item.document),
      name: "",
      page: typeof item.page === "number" ? item.page : null,
      headings: Array.isArray(item.headings) ? item.headings.map(wordsOf) : [],
      start: 0,
      end: 0,
      quote: "",
      curated: item.curated === true,
    });
  }
}

/** @param {Json | undefined} value */
function wordsOf(value) {
  return typeof value === "string" ? value : "";
}
