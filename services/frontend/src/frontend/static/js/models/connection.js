// @ts-check
/**
 * The live connection: requests with their answers, and what the server sends by itself.
 *
 * Dispatches `open`, `closed`, `refused`, and the server's events `events`, `turn`, `conversation`,
 * `conversation_changed`, `relay_lost`, `signed_out` and `tenant_switched` as CustomEvents with the message as `detail`.
 */

import { pauseMs } from "../lib/backoff.js";
import { RequestFailed, unreachable } from "./api.js";

/** @import { Socket } from "../vendor.js" */
/** @import { ErrorBody, WireEvent } from "../types/wire.js" */

const ANSWER_WITHIN_MS = 15_000;

export class Connection extends EventTarget {
  #socket;
  #refusals = 0;

  /** @param {Socket} socket not connected yet */
  constructor(socket) {
    super();
    this.#socket = socket;
    this.#listen();
  }

  // Lifecycle

  open() {
    this.#socket.connect();
  }

  close() {
    this.#socket.disconnect();
  }

  get isOpen() {
    return this.#socket.connected;
  }

  // Actions

  /**
   * @param {"watch" | "follow" | "ask" | "stop" | "decide"} event
   * @param {Record<string, unknown>} payload
   * @returns {Promise<any>} the acknowledgement
   * @throws {RequestFailed} refused, not connected, or no answer in time: it may or may not have been taken
   */
  async request(event, payload) {
    if (!this.isOpen) throw new RequestFailed(unreachable());
    /** @type {any} */
    let answer;
    try {
      answer = await this.#socket.timeout(ANSWER_WITHIN_MS).emitWithAck(event, payload);
    } catch {
      throw new RequestFailed({
        code: "no_answer",
        message: "Steward did not answer in time.",
        retryable: true,
      });
    }
    if (answer?.ok) return answer;
    throw new RequestFailed(errorOf(answer));
  }

  // Internal

  #listen() {
    this.#socket.on("connect", () => {
      this.#refusals = 0;
      this.#tell("open");
    });
    this.#socket.on("disconnect", (/** @type {string} */ reason) => {
      this.#tell("closed");
      // socket.io comes back by itself except when the server hung up on purpose.
      if (reason === "io server disconnect") this.#connectLater();
    });
    this.#socket.on("connect_error", () => {
      this.#tell("closed");
      this.#tell("refused");
      // Not `active`: socket.io does not try again by itself, because the server's answer was a no.
      if (!this.#socket.active) this.#connectLater();
    });
    this.#socket.on("events", (/** @type {string} */ turnId, /** @type {string} */ json) => {
      this.#tell("events", { turnId, events: /** @type {WireEvent[]} */ (JSON.parse(json)) });
    });
    for (const name of [
      "turn",
      "conversation",
      "conversation_changed",
      "relay_lost",
      "signed_out",
      "tenant_switched",
    ]) {
      this.#socket.on(name, (/** @type {object} */ message) => this.#tell(name, message));
    }
  }

  #connectLater() {
    setTimeout(() => this.#socket.connect(), pauseMs(this.#refusals++));
  }

  /** @param {string} name @param {object} [detail] */
  #tell(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }
}

/** @param {any} answer @returns {ErrorBody} */
function errorOf(answer) {
  return (
    answer?.error ?? {
      code: "internal",
      message: "Steward answered in an unknown way.",
      retryable: false,
    }
  );
}
