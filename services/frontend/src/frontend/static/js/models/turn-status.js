// @ts-check
/** What a turn is doing right now, in words. Pure. */

import { isWaiting } from "./call-words.js";
import { callsOf, isOver, openText } from "./turn.js";

/** @import { Call, Turn } from "../types/turn.js" */

/** @typedef {{ kind: "thinking" | "tools" | "waiting" | "writing", words: string }} TurnStatus */

/**
 * @param {Turn} turn
 * @returns {TurnStatus | null} null when the turn is over
 */
export function turnStatus(turn) {
  if (isOver(turn)) return null;
  const calls = callsOf(turn).filter((call) => !call.end);
  const running = calls.filter((call) => call.startedAt);
  if (running.length) return { kind: "tools", words: toolWords(running) };
  if (calls.some(isWaiting)) return { kind: "waiting", words: "Waiting for your yes" };
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
