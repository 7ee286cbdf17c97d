// @ts-check
/** Takes the person's decisions to the server, and remembers which were taken in this tab. */

import { isObject } from "../lib/result-shape.js";
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
      this.#takenHere.delete(callId);
      if (!(error instanceof RequestFailed) || error.code !== "conflict") throw error;
      this.#onLate();
      throw new RequestFailed({
        code: "conflict",
        message: winnerSentence(error),
        retryable: false,
      });
    }
  }
}

/** @type {Record<string, string>} */
const PARTICIPLES = {
  approve: "approved",
  reject: "rejected",
  approved: "approved",
  rejected: "rejected",
  expired: "expired",
  cancelled: "cancelled",
};

/** @param {RequestFailed} error */
function winnerSentence({ message, details }) {
  const winner = details.winner;
  const decided = PARTICIPLES[String(isObject(winner ?? null) ? Object(winner).decision : winner)];
  if (!decided) return message;
  const by = Object(winner).decided_by;
  return `Already decided: ${decided}${by ? ` by ${by}` : ""}.`;
}
