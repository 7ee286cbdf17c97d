// @ts-check
/** Open questions for a yes, asked for again at most every 30 seconds while somebody looks. */

/** @import { PendingApproval } from "../types/wire.js" */

export const ASK_EVERY_MS = 30_000;

/** @typedef {{ approvals: PendingApproval[] | null, problem: string }} InboxNews `approvals` is null when they could not be had */

export class ApprovalInbox {
  #fetch;
  #isVisible;
  #later;
  /** @type {((news: InboxNews) => void)[]} */
  #listeners = [];
  /** @type {InboxNews | null} */
  #latest = null;
  /** Only the answer to the newest request counts. */
  #asked = 0;
  /** @type {unknown} */
  #timer = null;

  /**
   * @param {object} parts
   * @param {() => Promise<{ approvals: PendingApproval[] }>} parts.fetch
   * @param {() => boolean} [parts.isVisible]
   * @param {{ set: (task: () => void, ms: number) => unknown, clear: (timer: any) => void }} [parts.later]
   */
  constructor({
    fetch,
    isVisible = () => document.visibilityState === "visible",
    later = { set: (task, ms) => setTimeout(task, ms), clear: (timer) => clearTimeout(timer) },
  }) {
    this.#fetch = fetch;
    this.#isVisible = isVisible;
    this.#later = later;
  }

  /** Tells the newest state now and whenever it is asked for. @param {(news: InboxNews) => void} listener */
  hear(listener) {
    this.#listeners.push(listener);
    if (this.#listeners.length === 1) {
      document.addEventListener("visibilitychange", () => this.#shownAgain());
      this.refresh();
    } else if (this.#latest) {
      listener(this.#latest);
    }
  }

  /** Asks now: something was decided. */
  async refresh() {
    this.#later.clear(this.#timer);
    this.#timer = null;
    const mine = ++this.#asked;
    const news = await this.#ask();
    if (mine !== this.#asked) return;
    this.#latest = news;
    for (const listener of this.#listeners) listener(news);
    this.#timer = this.#later.set(() => this.#due(), ASK_EVERY_MS);
  }

  // Internal

  /** @returns {Promise<InboxNews>} */
  async #ask() {
    try {
      const { approvals } = await this.#fetch();
      return { approvals, problem: "" };
    } catch (error) {
      return { approvals: null, problem: error instanceof Error ? error.message : String(error) };
    }
  }

  #due() {
    this.#timer = null;
    if (this.#isVisible()) this.refresh();
  }

  /** A page that was hidden when it was due asks as soon as it is looked at. */
  #shownAgain() {
    if (this.#isVisible() && this.#timer === null) this.refresh();
  }
}
