// @ts-check
/**
 * Keeps the turns of the open conversation complete: applies their events in order and asks for what is
 * missing, after a gap, a new connection or a broken relay.
 */

import { pauseMs } from "../lib/backoff.js";
import { RequestFailed } from "./api.js";
import { applyEvents, isInLine, isOver, newTurn } from "./turn.js";

/** @import { Connection } from "./connection.js" */
/** @import { Turn } from "../types/turn.js" */
/** @import { StoredTurn, WireEvent } from "../types/wire.js" */

export class TurnFeed {
  #connection;
  #onChange;
  #onDrop;
  #later;
  /** @type {Map<string, Turn>} */
  #turns = new Map();
  /** Turns the server sends us on the present connection. @type {Set<string>} */
  #followed = new Set();
  /** From where missing events were last asked for. @type {Map<string, number>} */
  #askedAfter = new Map();
  /** How often a turn was asked for again since it last got on. @type {Map<string, number>} */
  #tries = new Map();
  /** Turns that will be asked for after a pause. @type {Set<string>} */
  #pausing = new Set();
  /** Turns that began since the conversation was last asked for. @type {Set<string>} */
  #begunSince = new Set();

  /**
   * @param {object} parts
   * @param {Pick<Connection, "request" | "isOpen">} parts.connection
   * @param {(turn: Turn) => void} parts.onChange
   * @param {(turnId: string) => void} [parts.onDrop] a turn is no longer part of what is shown
   * @param {(task: () => void, ms: number) => unknown} [parts.later]
   */
  constructor({
    connection,
    onChange,
    onDrop = () => {},
    later = (work, ms) => setTimeout(work, ms),
  }) {
    this.#connection = connection;
    this.#onChange = onChange;
    this.#onDrop = onDrop;
    this.#later = later;
  }

  /** In the order they came. */
  get turns() {
    return [...this.#turns.values()];
  }

  /** @param {string} turnId */
  has(turnId) {
    return this.#turns.has(turnId);
  }

  /** Forgets everything: another conversation is opened. */
  clear() {
    this.#turns.clear();
    this.#begunSince.clear();
    this.#forgetConnection();
  }

  /** The conversation is asked for now: the answer may lack turns that begin meanwhile. */
  expect() {
    this.#begunSince.clear();
  }

  /**
   * Takes a conversation's stored turns, the first time or again, and follows those that go on. Others than
   * these are dropped: another version of a question is shown.
   *
   * @param {StoredTurn[]} stored
   * @param {{ earlier?: boolean }} [more] `earlier`: there are turns before these, which stay if they are known
   */
  load(stored, { earlier = false } = {}) {
    this.#forgetConnection();
    this.#dropAllBut(stored, earlier);
    for (const turn of stored) this.#take(turn);
    const known = new Set(stored.map(({ turn_id }) => turn_id));
    this.#moveToEnd([...known, ...[...this.#begunSince].filter((turnId) => !known.has(turnId))]);
    this.#settleQueue();
    for (const turn of this.#turns.values()) {
      if (!isOver(turn)) this.#follow(turn.turnId);
    }
  }

  /** A turn began, here or in another tab. @param {string} turnId @param {string} clientId */
  begin(turnId, clientId) {
    this.#add(turnId, clientId);
    this.#begunSince.add(turnId);
    if (!this.#followed.has(turnId)) this.#follow(turnId);
  }

  /**
   * Events came by themselves. Those of turns this conversation does not have are ignored.
   *
   * @param {string} turnId
   * @param {WireEvent[]} events
   */
  receive(turnId, events) {
    const before = this.#turns.get(turnId);
    if (!before) return;
    this.#followed.add(turnId);
    const missed = this.#apply(turnId, events);
    this.#settleQueue();
    const { applied } = /** @type {Turn} */ (this.#turns.get(turnId));
    if (applied > before.applied) this.#tries.delete(turnId);
    if (!missed) return;
    if (this.#askedAfter.get(turnId) === applied) {
      // Asked for already and still missing: not again with every batch that comes.
      this.relayLost(turnId);
      return;
    }
    this.#askedAfter.set(turnId, applied);
    this.#follow(turnId);
  }

  /** The relay of a turn broke: asks again after a growing pause. @param {string} turnId */
  relayLost(turnId) {
    const turn = this.#turns.get(turnId);
    if (!turn || isOver(turn) || this.#pausing.has(turnId)) return;
    const tries = this.#tries.get(turnId) ?? 0;
    this.#tries.set(turnId, tries + 1);
    this.#pausing.add(turnId);
    this.#later(() => {
      this.#pausing.delete(turnId);
      this.#follow(turnId);
    }, pauseMs(tries));
  }

  // Internal

  #forgetConnection() {
    this.#followed.clear();
    this.#askedAfter.clear();
    this.#tries.clear();
  }

  /** @param {string} turnId @param {string} clientId */
  #add(turnId, clientId) {
    if (!this.#turns.has(turnId)) this.#turns.set(turnId, newTurn(turnId, clientId));
  }

  /** @param {StoredTurn[]} stored @param {boolean} earlier */
  #dropAllBut(stored, earlier) {
    const kept = new Set([...stored.map(({ turn_id }) => turn_id), ...this.#begunSince]);
    const known = [...this.#turns.keys()];
    const first = earlier ? known.indexOf(stored[0]?.turn_id) : 0;
    for (const turnId of known.slice(Math.max(first, 0))) {
      if (kept.has(turnId)) continue;
      this.#turns.delete(turnId);
      this.#onDrop(turnId);
    }
  }

  /** @param {StoredTurn} stored */
  #take({ turn_id, client_id, events, versions = [] }) {
    this.#add(turn_id, client_id);
    const before = /** @type {Turn} */ (this.#turns.get(turn_id));
    const { turn } = applyEvents(before, events);
    const isSame = turn.versions.join() === versions.join();
    this.#put(before, isSame ? turn : { ...turn, versions });
  }

  /** @param {string[]} turnIds */
  #moveToEnd(turnIds) {
    for (const turnId of turnIds) {
      const turn = this.#turns.get(turnId);
      if (!turn) continue;
      this.#turns.delete(turnId);
      this.#turns.set(turnId, turn);
    }
  }

  /** The first turn that goes on is the one that is answered, whatever it said when it was asked. */
  #settleQueue() {
    const next = this.turns.find((turn) => !isOver(turn));
    if (next && isInLine(next)) this.#put(next, { ...next, isNext: true });
  }

  /** @param {string} turnId @param {WireEvent[]} events @returns {boolean} whether something was missed */
  #apply(turnId, events) {
    const before = this.#turns.get(turnId);
    if (!before) return false;
    const { turn, missed } = applyEvents(before, events);
    this.#put(before, turn);
    return missed;
  }

  /** @param {Turn} before @param {Turn} turn */
  #put(before, turn) {
    if (turn === before) return;
    this.#turns.set(turn.turnId, turn);
    this.#onChange(turn);
  }

  /** @param {string} turnId */
  async #follow(turnId) {
    const turn = this.#turns.get(turnId);
    // Without a connection there is nothing to try: the next one loads the conversation again.
    if (!turn || isOver(turn) || !this.#connection.isOpen) return;
    this.#followed.add(turnId);
    try {
      await this.#connection.request("follow", { turn_id: turnId, after: turn.applied });
    } catch (error) {
      this.#followed.delete(turnId);
      if (error instanceof RequestFailed && !error.retryable) return;
      this.relayLost(turnId);
    }
  }
}
