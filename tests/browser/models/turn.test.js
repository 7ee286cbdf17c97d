// @ts-check
import assert from "node:assert/strict";
import { test } from "node:test";
import { applyEvent, applyEvents, callsOf, isOver, newTurn, openText } from "#js/models/turn.js";
import {
  asked,
  callFinished,
  callStarted,
  decided,
  delta,
  finished,
  numbered,
  proposed,
  started,
} from "../support/events.js";

/** @import { WireEvent } from "#js/types/wire.js" */

const LIVE = numbered(
  started(),
  delta("Let "),
  delta("me look."),
  { kind: "text_finished", text: "Let me look.", covers: 2 },
  proposed({ read_only: true, verdict: "run" }),
  { kind: "usage", model: "demo", input_tokens: 10, output_tokens: 5 },
  callStarted(),
  { kind: "call_progress", call_id: "call-1", done: 1, total: 2, message: "half" },
  callFinished("succeeded", { rows: 3, result: { columns: [], rows: [] } }),
  delta("There "),
  { kind: "text_dropped", reason: "It broke off.", covers: 1 },
  delta("There are "),
  delta("three."),
  { kind: "text_finished", text: "There are three.", covers: 2 },
  { kind: "usage", model: "demo", input_tokens: 20, output_tokens: null },
  finished(),
);
/** What a server keeps: all but the deltas and the progress, which later events cover. */
const STORED = numbered(
  started(),
  { kind: "text_finished", text: "Let me look.", n: 4, first: 2 },
  { ...LIVE[4] },
  { ...LIVE[5] },
  { ...LIVE[6] },
  { ...LIVE[8], first: 8 },
  { kind: "text_dropped", reason: "It broke off.", n: 11, first: 10 },
  { kind: "text_finished", text: "There are three.", n: 14, first: 12 },
  { ...LIVE[14] },
  { ...LIVE[15] },
);

/** @param {WireEvent[]} events */
function folded(events, turn = newTurn("turn-1")) {
  return applyEvents(turn, events).turn;
}

/** @param {WireEvent[]} events */
function textOf(events) {
  return folded(events).parts.map((part) => (part.kind === "text" ? part.text : part.kind));
}

test("a turn knows its question once it has started", () => {
  const turn = folded(LIVE.slice(0, 1));
  assert.equal(turn.question, "How many tasks?");
  assert.equal(turn.title, "Tasks");
  assert.equal(turn.clientId, "client-1");
  assert.equal(turn.applied, 1);
});

test("deltas grow one text until it is finished", () => {
  assert.deepEqual(textOf(LIVE.slice(0, 3)), ["Let me look."]);
  const open = openText(folded(LIVE.slice(0, 3)));
  const done = folded(LIVE.slice(0, 4)).parts[0];
  assert.equal(open?.finished, false);
  assert.equal(done.kind === "text" && done.finished, true);
  assert.equal(open?.key, done.key, "the same piece on the page");
});

test("a replay of the stored events equals what was seen live", () => {
  assert.deepEqual(folded(STORED), folded(LIVE));
});

test("a replay continues live from every point", () => {
  for (let known = 0; known <= STORED.length; known += 1) {
    const turn = folded(STORED.slice(0, known));
    assert.deepEqual(folded(LIVE, turn), folded(LIVE), `from stored event ${known} on`);
  }
});

test("live events are completed by a replay from every point", () => {
  for (let seen = 0; seen <= LIVE.length; seen += 1) {
    const turn = folded(LIVE.slice(0, seen));
    const { turn: whole, missed } = applyEvents(turn, STORED);
    assert.equal(missed, false, `after ${seen} live events`);
    assert.deepEqual(whole, folded(LIVE), `after ${seen} live events`);
  }
});

test("events that were applied are ignored, in whatever batches they come again", () => {
  const turn = folded(LIVE);
  for (const event of LIVE) assert.equal(applyEvent(turn, event), turn);
  let again = newTurn("turn-1");
  for (let at = 0; at < LIVE.length; at += 1) {
    again = folded(LIVE.slice(Math.max(0, at - 3), at + 1), again);
  }
  assert.deepEqual(again, turn);
});

test("nothing is applied after a gap, unless the next event covers it", () => {
  for (let at = 0; at < LIVE.length - 1; at += 1) {
    const { turn, missed } = applyEvents(
      newTurn("turn-1"),
      LIVE.filter((_, other) => other !== at),
    );
    const isCovered = LIVE[at + 1].first <= at + 1;
    assert.equal(missed, !isCovered, `without event ${at + 1}`);
    assert.deepEqual(turn, folded(isCovered ? LIVE : LIVE.slice(0, at)), `without event ${at + 1}`);
  }
});

test("a single event ahead of its time changes nothing", () => {
  const turn = folded(LIVE.slice(0, 2));
  assert.equal(applyEvent(turn, LIVE[4]), turn);
});

test("a finished text replaces the deltas of which some were missed", () => {
  const partly = folded(LIVE.slice(0, 2));
  assert.deepEqual(folded([LIVE[3]], partly).parts, folded(LIVE.slice(0, 4)).parts);
});

test("a dropped text disappears, its reason stays until there is a new one", () => {
  const dropped = folded(LIVE.slice(0, 11));
  assert.deepEqual(textOf(LIVE.slice(0, 11)), ["Let me look.", "call"]);
  assert.equal(dropped.dropped, "It broke off.");
  assert.equal(folded(LIVE.slice(0, 12)).dropped, null);
});

test("the first event of a replica that took over voids the deltas it never saw", () => {
  const seen = folded(numbered(started(), delta("Half a "), delta("senten")));
  const taken = applyEvents(seen, [
    { kind: "text_dropped", n: 1_000_001, first: 2, reason: "Taken over." },
    { kind: "text_delta", n: 1_000_002, first: 1_000_002, text: "A whole sentence." },
  ]);
  assert.equal(taken.missed, false);
  assert.deepEqual(
    taken.turn.parts.map((part) => part.kind === "text" && part.text),
    ["A whole sentence."],
  );
});

test("an event of another kind that covers deltas voids them as well", () => {
  const seen = folded(numbered(started(), delta("Half")));
  const { turn } = applyEvents(seen, [{ ...LIVE[4], n: 1_000_001, first: 2 }]);
  assert.deepEqual(
    turn.parts.map(({ kind }) => kind),
    ["call"],
  );
});

test("an empty text leaves nothing to show", () => {
  assert.deepEqual(textOf(numbered(started(), { kind: "text_finished", text: "" })), []);
});

test("a call goes from proposed to its end", () => {
  const events = numbered(
    started(),
    proposed(),
    asked(),
    decided("approved", {
      arguments: { task_id: 42, status: "review" },
      edited: ["status"],
    }),
    callStarted(),
    callFinished("succeeded", { result: { summary: "Done.", changes: [] } }),
  );
  const [waiting] = callsOf(folded(events.slice(0, 3)));
  assert.equal(waiting.approval?.preview?.summary, "Task 42 becomes done.");
  assert.equal(waiting.decision, null);
  const [done] = callsOf(folded(events));
  assert.deepEqual(done.arguments, { task_id: 42, status: "review" }, "what was sent");
  assert.deepEqual(done.decision?.edited, ["status"]);
  assert.equal(done.end?.state, "succeeded");
});

test("progress is gone when the call has ended", () => {
  assert.equal(callsOf(folded(LIVE.slice(0, 8)))[0].progress?.message, "half");
  assert.equal(callsOf(folded(LIVE.slice(0, 9)))[0].progress, null);
});

test("events of a call that was never proposed are counted and nothing else", () => {
  const turn = folded(numbered(started(), callStarted({ call_id: "nobody" })));
  assert.deepEqual(turn.calls, {});
  assert.equal(turn.applied, 2);
});

test("tokens are added up, unknown ones as none", () => {
  const { inputTokens, outputTokens } = folded(LIVE);
  assert.deepEqual([inputTokens, outputTokens], [30, 5]);
});

test("a stopped turn keeps the text that was being written", () => {
  const turn = folded(numbered(started(), delta("It is "), finished("stopped")));
  assert.equal(isOver(turn), true);
  assert.deepEqual(turn.parts, [
    { kind: "text", key: "text-2", first: 2, text: "It is ", finished: true },
  ]);
});

test("a kind this page does not know is counted and left out", () => {
  const future = /** @type {any} */ ({ kind: "weather_changed", n: 2, first: 2 });
  const { turn, missed } = applyEvents(newTurn("turn-1"), [LIVE[0], future]);
  assert.deepEqual([turn.applied, turn.parts, missed], [2, [], false]);
});

test("a turn is never changed in place", () => {
  const turns = [newTurn("turn-1")];
  for (const event of LIVE) turns.push(applyEvent(turns[turns.length - 1], event));
  const before = structuredClone(turns);
  folded(LIVE, turns[0]);
  for (const turn of turns) folded(LIVE, turn);
  assert.deepEqual(turns, before);
});

test("a question that was stopped while it waited shows that it did, however late", () => {
  const queued = { ...started(), queued: true };
  const removed = applyEvents(newTurn("turn-1"), numbered(queued, finished("stopped"))).turn;
  assert.equal(removed.queued, true);
  const begun = applyEvents(newTurn("turn-1"), numbered(queued, delta("It"), finished("stopped")));
  assert.equal(begun.turn.queued, false);
});
