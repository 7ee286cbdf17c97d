// @ts-check
/** Takes the person's decisions to the server, and remembers which were taken in this tab. */

import { RequestFailed } from "./api.js";

/** @import { Connection } from "./connection.js" */
/** @import { CallDecision, DecisionResult, GrantWish, JsonObject, NamedDecision } from "../types/wire.js" */

/** @typedef {{ callId: string, decision: "approve" | "reject", arguments?: JsonObject, grant?: GrantWish, note: string }} PersonsDecision */

/** As it goes over the wire: a note is sent with a rejection only. @param {PersonsDecision} decision @returns {CallDecision} */
export function decisionBody({ decision, arguments: args, grant, note }) {
  return {
    decision,
    ...(args ? { arguments: args } : {}),
    ...(grant ? { grant } : {}),
    ...(note && decision === "reject" ? { note } : {}),
  };
}

export class Decisions {
  #connection;
  #onLate;
  #sendAll;
  /** @type {Set<string>} */
  #takenHere = new Set();

  /**
   * @param {object} parts
   * @param {Pick<Connection, "request">} parts.connection
   * @param {() => void} parts.onLate somebody else was first: what is shown here is out of date
   * @param {(decisions: NamedDecision[]) => Promise<{ results: DecisionResult[] }>} parts.sendAll
   */
  constructor({ connection, onLate, sendAll }) {
    this.#connection = connection;
    this.#onLate = onLate;
    this.#sendAll = sendAll;
  }

  /** @param {string} callId */
  wereTakenHere(callId) {
    return this.#takenHere.has(callId);
  }

  /**
   * @param {PersonsDecision} decision
   * @throws {RequestFailed} it did not count; the message says why
   */
  async take(decision) {
    const { callId } = decision;
    // Before the request: the event may overtake its acknowledgement.
    this.#takenHere.add(callId);
    try {
      await this.#connection.request("decide", { call_id: callId, ...decisionBody(decision) });
    } catch (error) {
      const code = error instanceof RequestFailed ? error.code : "";
      // Without an answer it may have arrived all the same, and then it was taken here.
      if (code !== "no_answer") this.#takenHere.delete(callId);
      if (code === "conflict") this.#onLate();
      throw error;
    }
  }

  /**
   * Several at once; each is judged by itself.
   *
   * @param {PersonsDecision[]} decisions
   * @returns {Promise<DecisionResult[]>} in the order of the decisions
   * @throws {RequestFailed} the request itself failed: none may have counted
   */
  async takeAll(decisions) {
    for (const { callId } of decisions) this.#takenHere.add(callId);
    try {
      const { results } = await this.#sendAll(
        decisions.map((decision) => ({ call_id: decision.callId, ...decisionBody(decision) })),
      );
      const late = results.filter(({ status }) => status >= 400);
      for (const { call_id } of late) this.#takenHere.delete(call_id);
      if (late.some(({ status }) => status === 409)) this.#onLate();
      return results;
    } catch (error) {
      const code = error instanceof RequestFailed ? error.code : "";
      if (code !== "unreachable")
        for (const { callId } of decisions) this.#takenHere.delete(callId);
      throw error;
    }
  }
}
