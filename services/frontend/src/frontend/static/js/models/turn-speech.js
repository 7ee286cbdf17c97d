// @ts-check
/** What a screen reader hears of turns as they go on: sentences, states, questions. Nothing of what was there before. */

import { checkWords } from "../lib/knowledge-words.js";
import { SentenceBuffer } from "../lib/sentences.js";
import { callPhase, openQuestion } from "./call-words.js";
import { callsOf, isOver } from "./turn.js";
import { turnStatus } from "./turn-status.js";

/** @import { Call, Turn } from "../types/turn.js" */

/** @typedef {{ buffers: Map<string, SentenceBuffer>, asked: Set<string>, said: string }} Heard */

export class TurnSpeech {
  #say;
  #sayNow;
  /** @type {Map<string, Heard>} */
  #heard = new Map();

  /** @param {{ announce: (text: string) => void, announceNow: (text: string) => void }} voice */
  constructor({ announce, announceNow }) {
    this.#say = announce;
    this.#sayNow = announceNow;
  }

  /** Counts everything up to here as known. @param {Turn} turn */
  skip(turn) {
    this.#hear(turn, { aloud: false });
  }

  /** Speaks what is new. @param {Turn} turn */
  follow(turn) {
    this.#hear(turn, { aloud: true });
  }

  // Internal

  /** @param {Turn} turn @param {{ aloud: boolean }} how */
  #hear(turn, { aloud }) {
    const heard = this.#heardOf(turn.turnId);
    const words = [...this.#sentences(turn, heard), ...this.#states(turn, heard)];
    const questions = this.#questions(turn, heard);
    if (!aloud) return;
    for (const text of words) this.#say(text);
    for (const text of questions) this.#sayNow(text);
  }

  /** @param {string} turnId @returns {Heard} */
  #heardOf(turnId) {
    const heard = this.#heard.get(turnId);
    if (heard) return heard;
    const fresh = { buffers: new Map(), asked: new Set(), said: "" };
    this.#heard.set(turnId, fresh);
    return fresh;
  }

  /** @param {Turn} turn @param {Heard} heard */
  #sentences(turn, heard) {
    return turn.parts.flatMap((part) => {
      if (part.kind !== "text")
        return part.kind === "notice" ? once(heard, part.key, part.text) : [];
      const buffer = heard.buffers.get(part.key) ?? new SentenceBuffer();
      heard.buffers.set(part.key, buffer);
      return buffer.read(part.text, { finished: part.finished });
    });
  }

  /** @param {Turn} turn @param {Heard} heard */
  #states(turn, heard) {
    if (isOver(turn)) return [...this.#check(turn, heard), ...once(heard, "over", endWords(turn))];
    const status = turnStatus(turn);
    if (!status || status.kind === "writing" || status.words === heard.said) return [];
    heard.said = status.words;
    return status.kind === "waiting" ? [] : [status.words];
  }

  /** How well its sources support the answer. @param {Turn} turn @param {Heard} heard */
  #check({ citations }, heard) {
    return once(heard, "check", checkWords(citations?.sentences ?? []).words);
  }

  /** @param {Turn} turn @param {Heard} heard */
  #questions(turn, heard) {
    return callsOf(turn).flatMap((call) => {
      const { key, words } = questionOf(call);
      return once(heard, key, words);
    });
  }
}

/** What the person is asked about a call, empty words when nothing. @param {Call} call */
function questionOf(call) {
  const what = `${call.title || call.tool} on ${call.server}`;
  switch (callPhase(call)) {
    case "waiting":
      return { key: call.callId, words: `Steward asks for your yes: ${what}.` };
    case "undecided":
      return {
        key: `${call.callId}-outcome`,
        words: `It may have been done: ${what}. Please choose.`,
      };
    case "asked": {
      const question = openQuestion(call);
      const words = `The server ${question?.server} asks you: ${question?.message}`;
      return { key: question?.inputId ?? "", words };
    }
    default:
      return { key: "", words: "" };
  }
}

/** @param {Heard} heard @param {string} key @param {string} words */
function once(heard, key, words) {
  if (heard.asked.has(key) || !words) return [];
  heard.asked.add(key);
  return [words];
}

/** @param {Turn} turn */
function endWords({ outcome, error, queued }) {
  if (queued) return "A waiting question was removed.";
  if (outcome === "stopped") return "Stopped.";
  return outcome === "failed" ? (error?.message ?? "Something went wrong.") : "";
}
