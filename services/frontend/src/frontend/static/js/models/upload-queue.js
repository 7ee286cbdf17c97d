// @ts-check
/** Files on their way to the knowledge base: a few at a time, and each is kept until it is there or given up. */

import { refusal } from "../lib/knowledge-words.js";
import { RequestFailed } from "./api.js";

/** @import { DocumentAdded } from "../types/knowledge.js" */
/** @import { Limits } from "../lib/knowledge-words.js" */

const AT_ONCE = 2;

/**
 * `refused`: never sent, or turned down for good. `lost`: the connection broke, or the server asks to try again later.
 *
 * @typedef {"waiting" | "sending" | "lost" | "refused" | "taken"} UploadState
 */

/** @typedef {{ collection: string, replaces?: string, access?: string[] }} Destination */

/**
 * @typedef {object} Upload
 * @property {string} key
 * @property {File} file
 * @property {Destination} to
 * @property {UploadState} state
 * @property {number} sent octets
 * @property {string} problem why it is lost or refused
 * @property {DocumentAdded | null} added once it is taken
 */

/** @typedef {(upload: Upload, how: { onProgress: (sent: number) => void, signal: AbortSignal }) => Promise<DocumentAdded>} Send */

export class UploadQueue {
  #send;
  #onChange;
  #onTaken;
  #made = 0;
  /** In the order they were chosen. @type {Map<string, Upload>} */
  #uploads = new Map();
  /** @type {Map<string, AbortController>} */
  #sending = new Map();

  /**
   * @param {object} parts
   * @param {Send} parts.send
   * @param {(uploads: Upload[]) => void} parts.onChange
   * @param {(upload: Upload) => void} parts.onTaken
   */
  constructor({ send, onChange, onTaken }) {
    this.#send = send;
    this.#onChange = onChange;
    this.#onTaken = onTaken;
  }

  get all() {
    return [...this.#uploads.values()];
  }

  /** Whether something would be lost if the page were closed. */
  get isBusy() {
    return this.all.some(({ state }) => ["waiting", "sending", "lost"].includes(state));
  }

  /** Whether something is on its way, or will be by itself. */
  get isSending() {
    return this.all.some(({ state }) => state === "waiting" || state === "sending");
  }

  /** @param {Iterable<File>} files @param {Destination} to @param {Limits} limits */
  add(files, to, limits) {
    for (const file of files) {
      this.#made += 1;
      const problem = refusal(file, limits);
      const key = `upload-${this.#made}`;
      const state = problem ? "refused" : "waiting";
      this.#uploads.set(key, { key, file, to, state, sent: 0, problem, added: null });
    }
    this.#next();
  }

  /** It is given up, or has been read about. @param {string} key */
  remove(key) {
    this.#uploads.delete(key);
    this.#sending.get(key)?.abort();
    this.#next();
  }

  /** @param {string} key */
  retry(key) {
    if (this.#uploads.get(key)?.state !== "lost") return;
    this.#change(key, { state: "waiting", sent: 0, problem: "" });
    this.#next();
  }

  /** The connection is back. */
  retryLost() {
    for (const { key } of this.all) this.retry(key);
  }

  // Internal

  #next() {
    for (const upload of this.all) {
      if (this.#sending.size >= AT_ONCE) break;
      if (upload.state === "waiting") this.#start(upload);
    }
    this.#onChange(this.all);
  }

  /** @param {Upload} upload */
  async #start({ key }) {
    const controller = new AbortController();
    this.#sending.set(key, controller);
    const upload = this.#change(key, { state: "sending" });
    try {
      const added = await this.#send(upload, {
        onProgress: (sent) => this.#progressed(key, sent),
        signal: controller.signal,
      });
      if (this.#uploads.has(key)) this.#onTaken(this.#change(key, { state: "taken", added }));
    } catch (error) {
      if (this.#uploads.has(key)) this.#change(key, failed(error));
    }
    this.#sending.delete(key);
    this.#next();
  }

  /** @param {string} key @param {number} sent */
  #progressed(key, sent) {
    if (!this.#uploads.has(key)) return;
    this.#change(key, { sent });
    this.#onChange(this.all);
  }

  /** @param {string} key @param {Partial<Upload>} changes */
  #change(key, changes) {
    const changed = { .../** @type {Upload} */ (this.#uploads.get(key)), ...changes };
    this.#uploads.set(key, changed);
    return changed;
  }
}

/** @param {unknown} error @returns {Pick<Upload, "state" | "problem">} */
function failed(error) {
  if (!(error instanceof RequestFailed)) throw error;
  return { state: error.retryable ? "lost" : "refused", problem: error.message };
}
