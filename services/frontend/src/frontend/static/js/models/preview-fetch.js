// @ts-check
/** Asks what a waiting call would change with edited arguments: after a pause in typing, newest answer only. */

/** @import { JsonObject, PreviewAnswer } from "../types/wire.js" */

const PAUSE_MS = 400;

export class PreviewFetch {
  #ask;
  #onAnswer;
  #asked = 0;
  #timer = 0;

  /**
   * @param {(args: JsonObject) => Promise<PreviewAnswer>} ask
   * @param {(answer: PreviewAnswer) => void} onAnswer
   */
  constructor(ask, onAnswer) {
    this.#ask = ask;
    this.#onAnswer = onAnswer;
  }

  /** @param {JsonObject} args */
  request(args) {
    this.cancel();
    const mine = this.#asked;
    this.#timer = window.setTimeout(() => this.#fetch(args, mine), PAUSE_MS);
  }

  /** Whatever was asked does not matter any more. */
  cancel() {
    this.#asked += 1;
    window.clearTimeout(this.#timer);
  }

  // Internal

  /** @param {JsonObject} args @param {number} mine */
  async #fetch(args, mine) {
    /** @type {PreviewAnswer} */
    let answer;
    try {
      answer = await this.#ask(args);
    } catch (error) {
      answer = { preview: null, problem: error instanceof Error ? error.message : String(error) };
    }
    if (mine === this.#asked) this.#onAnswer(answer);
  }
}
