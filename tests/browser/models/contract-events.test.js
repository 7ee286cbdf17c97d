// @ts-check
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { callPhase } from "#js/models/call-words.js";
import { applyEvents, callsOf, newTurn } from "#js/models/turn.js";

/** @import { WireEvent } from "#js/types/wire.js" */

const FOLDER = new URL("../../contracts/events/", import.meta.url);
/** @type {WireEvent[]} */
const EXAMPLES = readdirSync(FOLDER)
  .map((name) => JSON.parse(readFileSync(new URL(name, FOLDER), "utf8")))
  .sort((one, other) => one.n - other.n);

test("the example events make one whole turn", () => {
  const { turn, missed } = applyEvents(newTurn("5b0a1d8c2f6e4d7f9a3b6c8d0e1f2a3b"), EXAMPLES);
  assert.equal(missed, false);
  assert.equal(turn.question, "Set task 42 to done");
  assert.equal(turn.outcome, "answered");
  assert.deepEqual(
    turn.parts.map((part) => (part.kind === "call" ? "call" : part.text)),
    [
      "The server “weather” cannot be reached, so its tools are left out.",
      "call",
      "Task 42 is in **review** now.",
    ],
  );
  const [call] = callsOf(turn);
  assert.equal(callPhase(call), "succeeded");
  assert.deepEqual(call.decision?.edited, ["status"]);
});

test("every example event changes what the page knows", () => {
  let turn = newTurn("5b0a1d8c2f6e4d7f9a3b6c8d0e1f2a3b");
  for (const event of EXAMPLES) {
    const next = applyEvents(turn, [event]).turn;
    const { applied: _, ...before } = turn;
    const { applied, ...after } = next;
    assert.equal(applied, event.n, event.kind);
    assert.notDeepEqual(after, before, event.kind);
    turn = next;
  }
});
