// @ts-check
/** Takes the person's decisions to the server, and remembers which were taken in this tab. */

import { RequestFailed } from "./api.js";

/** @import { Connection } from "./connection.js" */
/** @import { JsonObject } from "../types/wire.js" */

/** @typedef {{ callId: string, decision: "approve" | "reject", arguments?: JsonObject, note: string }} PersonsDecision */

export class Decisions {
  #connection;
  #onLate;
  /** @type {Set<string>} */
  #takenHere = new Set();

  /**
   * @param {object} parts
   * @param {Pick<Connection, "request">} parts.connection
   * @param {() => void} parts.onLate somebody else was first: what is shown here is out of date
   */
  constructor({ connection, onLate }) {
    this.#connection = connection;
    this.#onLate = onLate;
  }

  /** @param {string} callId */
  wereTakenHere(callId) {
    return this.#takenHere.has(callId);
  }

  /**
   * @param {PersonsDecision} decision a note is sent with a rejection only
   * @throws {RequestFailed} it did not count; the message says why
   */
  async take({ callId, decision, arguments: args, note }) {
    // Before the request: the event may overtake its acknowledgement.
    this.#takenHere.add(callId);
    try {
      await this.#connection.request("decide", {
        call_id: callId,
        decision,
        ...(args ? { arguments: args } : {}),
        ...(note && decision === "reject" ? { note } : {}),
      });
    } catch (error) {
      const code = error instanceof RequestFailed ? error.code : "";
      // Without an answer it may have arrived all the same, and then it was taken here.
      if (code !== "no_answer") this.#takenHere.delete(callId);
      if (code === "conflict") this.#onLate();
      throw error;
    }
  }
}
