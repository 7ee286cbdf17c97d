// @ts-check
/**
 * Questions on their way. Each keeps its `client_id` however often it is tried, also after a reload, so the
 * server takes it once. Without a connection a question waits and goes out with the next one.
 */

import { newId } from "../lib/ids.js";
import { RequestFailed } from "./api.js";

/** @import { Remembered } from "../lib/storage.js" */
/** @import { Connection } from "./connection.js" */

/**
 * @typedef {object} Pending
 * @property {string} clientId
 * @property {string} conversationId
 * @property {boolean} isNew whether it is to begin that conversation
 * @property {string} text
 * @property {string} [replaces] the turn of which it is to be another version
 * @property {boolean} [temporary] whether the conversation, if it begins it, is one that is not kept
 * @property {"sending" | "waiting" | "failed" | "taken"} state `taken`: the server has it, its turn will show soon
 * @property {string} problem why it failed
 */

const KEY = "steward.outbox";

export class Outbox {
  #connection;
  #remembered;
  #onChange;
  #onTaken;
  /** @type {Map<string, Pending>} */
  #pending = new Map();

  /**
   * @param {object} parts
   * @param {Pick<Connection, "request" | "isOpen">} parts.connection
   * @param {Pick<Remembered, "get" | "set">} parts.remembered where questions survive a reload
   * @param {() => void} parts.onChange
   * @param {(taken: { conversationId: string, turnId: string, clientId: string, replaces?: string }) => void} parts.onTaken
   */
  constructor({ connection, remembered, onChange, onTaken }) {
    this.#connection = connection;
    this.#remembered = remembered;
    this.#onChange = onChange;
    this.#onTaken = onTaken;
    for (const pending of parsed(remembered.get(KEY))) this.#pending.set(pending.clientId, pending);
  }

  /** Oldest first. @returns {Pending[]} */
  get all() {
    return [...this.#pending.values()];
  }

  /** @param {string} conversationId @returns {Pending[]} oldest first */
  of(conversationId) {
    return this.all.filter((pending) => pending.conversationId === conversationId);
  }

  /** @param {Omit<Pending, "clientId" | "state" | "problem">} question */
  async send(question) {
    await this.#try({ clientId: newId(), ...question, state: "sending", problem: "" });
  }

  /** @param {string} clientId */
  async retry(clientId) {
    const pending = this.#pending.get(clientId);
    if (pending && pending.state !== "sending") await this.#try(pending);
  }

  /** There is a connection again. */
  async sendWaiting() {
    for (const pending of this.all) {
      if (pending.state === "waiting") await this.#try(pending);
    }
  }

  /**
   * Takes a question out: to be edited, or because its turn is here.
   *
   * @param {string} clientId
   * @returns {string} its text, empty when there is none
   */
  remove(clientId) {
    const text = this.#pending.get(clientId)?.text ?? "";
    if (this.#pending.delete(clientId)) this.#changed();
    return text;
  }

  // Internal

  /** @param {Pending} pending */
  async #try(pending) {
    const { clientId, conversationId, text, replaces, temporary } = pending;
    this.#keep({ ...pending, state: "sending", problem: "" });
    try {
      const { turn_id } = await this.#connection.request("ask", {
        conversation_id: conversationId,
        client_id: clientId,
        text,
        ...(replaces && { replaces }),
        ...(temporary && { temporary }),
      });
      if (this.#pending.has(clientId)) this.#keep({ ...pending, state: "taken", problem: "" });
      this.#onTaken({ conversationId, turnId: turn_id, clientId, ...(replaces && { replaces }) });
    } catch (error) {
      // Its turn may have come by another way meanwhile; then there is nothing left to keep.
      if (this.#pending.has(clientId)) this.#keep({ ...pending, ...this.#outcome(error) });
    }
  }

  /** @param {unknown} error @returns {Pick<Pending, "state" | "problem">} */
  #outcome(error) {
    if (!this.#connection.isOpen) return { state: "waiting", problem: "" };
    return {
      state: "failed",
      problem: error instanceof RequestFailed ? error.message : String(error),
    };
  }

  /** @param {Pending} pending */
  #keep(pending) {
    this.#pending.set(pending.clientId, pending);
    this.#changed();
  }

  #changed() {
    const unsent = this.all.filter(({ state }) => state !== "taken");
    this.#remembered.set(KEY, unsent.length ? JSON.stringify(unsent) : null);
    this.#onChange();
  }
}

/** @param {string | null} json @returns {Pending[]} */
function parsed(json) {
  if (!json) return [];
  const pending = /** @type {Pending[]} */ (JSON.parse(json));
  return pending.map((item) => ({ ...item, state: "waiting", problem: "" }));
}
