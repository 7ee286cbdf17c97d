// @ts-check
import assert from "node:assert/strict";
import { test } from "node:test";
import { Outbox } from "#js/models/outbox.js";
import { FakeConnection, failure } from "../support/connection.js";

const QUESTION = { conversationId: "conversation-1", isNew: true, text: "How many?" };

function memory() {
  /** @type {Map<string, string>} */
  const kept = new Map();
  return {
    get: (/** @type {string} */ key) => kept.get(key) ?? null,
    set: (/** @type {string} */ key, /** @type {string | null} */ value) => {
      if (value === null) kept.delete(key);
      else kept.set(key, value);
    },
  };
}

function outbox(connection = new FakeConnection(), remembered = memory()) {
  /** @type {{ conversationId: string, turnId: string, clientId: string, replaces?: string }[]} */
  const taken = [];
  const box = new Outbox({
    connection,
    remembered,
    onChange: () => {},
    onTaken: (turn) => taken.push(turn),
  });
  return { box, connection, remembered, taken };
}

test("a question that is taken gives its turn, and is kept until the turn shows", async () => {
  const { box, connection, taken } = outbox();
  connection.answers.ask = () => ({ ok: true, turn_id: "turn-1" });
  await box.send(QUESTION);
  const [{ client_id }] = connection.sent("ask");
  assert.deepEqual(taken, [
    { conversationId: "conversation-1", turnId: "turn-1", clientId: client_id },
  ]);
  assert.equal(box.of("conversation-1")[0].state, "taken");
  box.remove(client_id);
  assert.deepEqual(box.all, []);
});

test("a question that was refused says why and is sent again under the same id", async () => {
  const { box, connection } = outbox();
  connection.answers.ask = () => Promise.reject(failure("unavailable", "The assistant is away."));
  await box.send(QUESTION);
  const [pending] = box.all;
  assert.deepEqual([pending.state, pending.problem], ["failed", "The assistant is away."]);
  connection.answers.ask = () => ({ ok: true, turn_id: "turn-1" });
  await box.retry(pending.clientId);
  const [first, second] = connection.sent("ask");
  assert.deepEqual(second, first);
});

test("without a connection a question waits, and goes out once with the next one", async () => {
  const { box, connection } = outbox();
  connection.isOpen = false;
  await box.send(QUESTION);
  assert.equal(box.all[0].state, "waiting");
  connection.isOpen = true;
  connection.answers.ask = () => ({ ok: true, turn_id: "turn-1" });
  await box.sendWaiting();
  await box.sendWaiting();
  const [first, second, ...more] = connection.sent("ask");
  assert.equal(second.client_id, first.client_id);
  assert.deepEqual(more, []);
});

test("a question on its way is not sent twice by an impatient person", async () => {
  const { box, connection } = outbox();
  /** @type {(answer: unknown) => void} */
  let answer = () => {};
  connection.answers.ask = () => new Promise((resolve) => (answer = resolve));
  const sending = box.send(QUESTION);
  await box.retry(box.all[0].clientId);
  answer({ ok: true, turn_id: "turn-1" });
  await sending;
  assert.equal(connection.sent("ask").length, 1);
});

test("a question survives a reload under its id, until it is taken", async () => {
  const { box, connection, remembered } = outbox();
  connection.isOpen = false;
  await box.send(QUESTION);
  const { box: reloaded, connection: next } = outbox(new FakeConnection(), remembered);
  assert.deepEqual(
    reloaded.all.map(({ text, state, isNew }) => ({ text, state, isNew })),
    [{ text: "How many?", state: "waiting", isNew: true }],
  );
  next.answers.ask = () => ({ ok: true, turn_id: "turn-1" });
  await reloaded.sendWaiting();
  assert.equal(next.sent("ask")[0].client_id, box.all[0].clientId);
  assert.deepEqual(outbox(new FakeConnection(), remembered).box.all, []);
});

test("taking a question out to edit it gives its text back", async () => {
  const { box, connection } = outbox();
  connection.answers.ask = () => Promise.reject(failure("invalid_input", "No."));
  await box.send(QUESTION);
  assert.equal(box.remove(box.all[0].clientId), "How many?");
  assert.deepEqual(box.all, []);
});

test("a question whose turn came by another way does not come back as failed", async () => {
  const { box, connection } = outbox();
  connection.answers.ask = ({ client_id }) => {
    box.remove(client_id);
    throw failure("unreachable", "No answer in time.");
  };
  await box.send(QUESTION);
  assert.deepEqual(box.all, []);
});

test("what a question replaces, and that its conversation is temporary, is sent each time", async () => {
  const { box, connection, taken } = outbox();
  connection.answers.ask = () => Promise.reject(failure("unavailable", "Away."));
  await box.send({ ...QUESTION, replaces: "turn-1", temporary: true });
  connection.answers.ask = () => ({ ok: true, turn_id: "turn-2" });
  await box.retry(box.all[0].clientId);
  assert.deepEqual(
    connection.sent("ask").map(({ replaces, temporary }) => [replaces, temporary]),
    [
      ["turn-1", true],
      ["turn-1", true],
    ],
  );
  assert.equal(taken[0].replaces, "turn-1");
});
