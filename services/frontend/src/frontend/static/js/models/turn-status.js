// @ts-check
/** What a turn is doing right now, in words. Pure. */

import { callPhase, phaseWords } from "./call-words.js";
import { callsOf, isInLine, isOver, openText } from "./turn.js";

/** @import { Call, Turn } from "../types/turn.js" */

/** @typedef {{ kind: "queued" | "thinking" | "tools" | "waiting" | "writing", words: string }} TurnStatus */

/** What a turn may wait for, first what this person can end. */
const WAITING = /** @type {const} */ (["waiting", "asked", "undecided", "waiting_for_other"]);

/**
 * @param {Turn} turn
 * @returns {TurnStatus | null} null when the turn is over
 */
export function turnStatus(turn) {
  if (isOver(turn)) return null;
  if (isInLine(turn)) return { kind: "queued", words: "Waits for the answer above" };
  const calls = callsOf(turn);
  const running = calls.filter((call) => callPhase(call) === "running");
  if (running.length) return { kind: "tools", words: toolWords(running) };
  const waiting = WAITING.find((phase) => calls.some((call) => callPhase(call) === phase));
  if (waiting) return { kind: "waiting", words: phaseWords(waiting).label };
  if (openText(turn)) return { kind: "writing", words: "Steward is writing…" };
  if (turn.dropped) return { kind: "thinking", words: `${sentence(turn.dropped)} Trying again…` };
  return { kind: "thinking", words: "Steward is thinking…" };
}

/** @param {Call[]} calls */
function toolWords(calls) {
  const servers = [...new Set(calls.map((call) => call.server))].join(" and ");
  if (calls.every((call) => call.readOnly)) return `Reading from ${servers}…`;
  return `Working in ${servers}…`;
}

/** @param {string} text */
function sentence(text) {
  return /[.!?…]$/.test(text) ? text : `${text}.`;
}
