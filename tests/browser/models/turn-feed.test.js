// @ts-check
import assert from "node:assert/strict";
import { test } from "node:test";
import { isInLine } from "#js/models/turn.js";
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
  /** @type {string[]} */
  const dropped = [];
  const turns = new TurnFeed({
    connection,
    onDrop: (turnId) => dropped.push(turnId),
    onChange: (turn) => changes.push(turn),
    later: (task) => postponed.push(task),
  });
  return { connection, changes, dropped, postponed, turns };
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

/**
 * @param {string} turnId
 * @param {{ versions?: string[], queued?: boolean, events?: Parameters<typeof numbered> }} [more]
 */
function turnOf(turnId, { versions, queued, events = [finished()] } = {}) {
  return {
    turn_id: turnId,
    client_id: `client-of-${turnId}`,
    state: /** @type {const} */ ("answered"),
    events: numbered({ ...started(), turn_id: turnId, queued }, ...events),
    versions,
  };
}

/** @param {TurnFeed} turns */
const ids = (turns) => turns.turns.map(({ turnId }) => turnId);

test("turns that are no longer part of the conversation are dropped", () => {
  const { changes, dropped, turns } = feed();
  turns.load([turnOf("a"), turnOf("b"), turnOf("c")]);
  turns.load([turnOf("a"), turnOf("b2", { versions: ["b", "b2"] })]);
  assert.deepEqual(ids(turns), ["a", "b2"]);
  assert.deepEqual(dropped, ["b", "c"]);
  assert.deepEqual(changes.at(-1)?.versions, ["b", "b2"]);
});

test("a turn that gets another version is told, one that stays the same is not", () => {
  const { changes, turns } = feed();
  turns.load([turnOf("a")]);
  turns.load([turnOf("a")]);
  assert.equal(changes.length, 1);
  turns.load([turnOf("a", { versions: ["a", "a2"] })]);
  assert.equal(changes.length, 2);
});

test("a turn that began while the conversation was asked for stays", () => {
  const { turns } = feed();
  turns.begin("before", "client-0");
  turns.expect();
  turns.begin("meanwhile", "client-1");
  turns.load([turnOf("a")]);
  assert.deepEqual(ids(turns), ["a", "meanwhile"]);
});

test("turns before the latest ones stay as long as it is known what follows them", () => {
  const { turns } = feed();
  turns.load([turnOf("a"), turnOf("b"), turnOf("c")]);
  turns.load([turnOf("b"), turnOf("c")], { earlier: true });
  assert.deepEqual(ids(turns), ["a", "b", "c"]);
  turns.load([turnOf("x")], { earlier: true });
  assert.deepEqual(ids(turns), ["x"]);
});

test("a queued turn waits for the one before, also for one that nobody has heard of since", () => {
  const { turns } = feed();
  turns.load([
    turnOf("a", { events: [delta("It")] }),
    turnOf("b", { queued: true, events: [] }),
    turnOf("c", { queued: true, events: [] }),
  ]);
  assert.deepEqual(turns.turns.map(isInLine), [false, true, true]);
  turns.receive("a", numbered(started(), delta("It"), finished()));
  assert.deepEqual(turns.turns.map(isInLine), [false, false, true]);
  turns.receive("b", numbered(started(), delta("So"), finished()));
  assert.deepEqual(turns.turns.map(isInLine), [false, false, false]);
});
