// @ts-check
import assert from "node:assert/strict";
import { test } from "node:test";
import { TurnFeed } from "#js/models/turn-feed.js";
import { FakeConnection, failure } from "../support/connection.js";
import { delta, finished, numbered, started } from "../support/events.js";
import { settled } from "../support/page.js";

const EVENTS = numbered(started(), delta("It "), delta("is "), delta("noon."), finished());

function feed() {
  const connection = new FakeConnection();
  /** @type {import("#js/types/turn.js").Turn[]} */
  const changes = [];
  /** @type {(() => void)[]} */
  const postponed = [];
  const turns = new TurnFeed({
    connection,
    onChange: (turn) => changes.push(turn),
    later: (task) => postponed.push(task),
  });
  return { connection, changes, postponed, turns };
}

/** @param {number} count */
function stored(count) {
  return {
    turn_id: "turn-1",
    client_id: "client-1",
    state: /** @type {const} */ ("running"),
    events: EVENTS.slice(0, count),
  };
}

test("a turn that began is followed from its start", () => {
  const { connection, turns } = feed();
  turns.begin("turn-1", "client-1");
  turns.begin("turn-1", "client-1");
  assert.deepEqual(connection.sent("follow"), [{ turn_id: "turn-1", after: 0 }]);
});

test("stored turns are shown, and those that go on are followed from there", () => {
  const { connection, turns } = feed();
  turns.load([stored(2)]);
  assert.equal(turns.turns[0].applied, 2);
  assert.deepEqual(connection.sent("follow"), [{ turn_id: "turn-1", after: 2 }]);
});

test("a turn that is over is not followed", () => {
  const { connection, turns } = feed();
  turns.load([stored(5)]);
  assert.deepEqual(connection.sent("follow"), []);
});

test("events of turns of other conversations are ignored", () => {
  const { changes, turns } = feed();
  turns.receive("turn-9", EVENTS);
  assert.deepEqual(changes, []);
});

test("missed events are asked for from where the page is", async () => {
  const { connection, changes, turns } = feed();
  turns.begin("turn-1", "client-1");
  turns.receive("turn-1", EVENTS.slice(0, 1));
  turns.receive("turn-1", EVENTS.slice(2, 3));
  assert.deepEqual(connection.sent("follow").at(-1), { turn_id: "turn-1", after: 1 });
  turns.receive("turn-1", EVENTS.slice(1));
  await settled();
  assert.equal(changes.at(-1)?.outcome, "answered");
});

test("a gap that stays is asked for again after a pause, not with every batch", async () => {
  const { connection, postponed, turns } = feed();
  turns.begin("turn-1", "client-1");
  turns.receive("turn-1", EVENTS.slice(0, 1));
  for (let batch = 0; batch < 5; batch += 1) turns.receive("turn-1", EVENTS.slice(2, 3));
  assert.equal(connection.sent("follow").length, 2);
  assert.equal(postponed.length, 1);
  postponed[0]();
  assert.equal(connection.sent("follow").length, 3);
});

test("a broken relay is asked for again", async () => {
  const { connection, postponed, turns } = feed();
  turns.load([stored(2)]);
  turns.relayLost("turn-1");
  turns.relayLost("turn-1");
  assert.equal(postponed.length, 1);
  postponed[0]();
  assert.deepEqual(connection.sent("follow").at(-1), { turn_id: "turn-1", after: 2 });
});

test("a follow that fails for now is tried again, one that was refused is not", async () => {
  for (const [retryable, tries] of /** @type {const} */ ([
    [true, 1],
    [false, 0],
  ])) {
    const { connection, postponed, turns } = feed();
    connection.answers.follow = () => Promise.reject(failure("unavailable", "Away.", retryable));
    turns.begin("turn-1", "client-1");
    await settled();
    assert.equal(postponed.length, tries);
  }
});

test("without a connection nothing is tried until the conversation is loaded again", () => {
  const { connection, turns } = feed();
  turns.load([stored(2)]);
  connection.isOpen = false;
  turns.relayLost("turn-1");
  connection.isOpen = true;
  turns.load([stored(3)]);
  assert.deepEqual(connection.sent("follow"), [
    { turn_id: "turn-1", after: 2 },
    { turn_id: "turn-1", after: 3 },
  ]);
});

test("loading again repeats nothing that is known", () => {
  const { changes, turns } = feed();
  turns.load([stored(3)]);
  const count = changes.length;
  turns.load([stored(3)]);
  assert.equal(changes.length, count);
  assert.equal(turns.turns.length, 1);
});
