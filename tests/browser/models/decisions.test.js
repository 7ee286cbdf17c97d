// @ts-check
import assert from "node:assert/strict";
import { test } from "node:test";
import { Decisions } from "#js/models/decisions.js";
import { FakeConnection, failure } from "../support/connection.js";

function decisions() {
  const connection = new FakeConnection();
  let late = 0;
  /** @type {any} */
  const server = { sent: [], answer: async () => ({ results: [] }) };
  const taken = new Decisions({
    connection,
    onLate: () => (late += 1),
    sendAll: (all) => {
      server.sent.push(all);
      return server.answer();
    },
  });
  return { connection, taken, late: () => late, server };
}

test("an approval sends the edited arguments, and no note", async () => {
  const { connection, taken } = decisions();
  await taken.take({ callId: "call-1", decision: "approve", arguments: { a: 1 }, note: "ignored" });
  assert.deepEqual(connection.sent("decide"), [
    { call_id: "call-1", decision: "approve", arguments: { a: 1 } },
  ]);
  assert.equal(taken.wereTakenHere("call-1"), true);
});

test("an approval of what was proposed sends no arguments, so they cannot differ", async () => {
  const { connection, taken } = decisions();
  await taken.take({ callId: "call-1", decision: "approve", note: "" });
  assert.deepEqual(connection.sent("decide"), [{ call_id: "call-1", decision: "approve" }]);
});

test("a rejection takes its note along", async () => {
  const { connection, taken } = decisions();
  await taken.take({ callId: "call-1", decision: "reject", note: "Not today." });
  assert.deepEqual(connection.sent("decide"), [
    { call_id: "call-1", decision: "reject", note: "Not today." },
  ]);
});

test("a decision that came too late says which one counted, and what is shown is read again", async () => {
  const { connection, taken, late } = decisions();
  const message = "This was already approved by Grace.";
  connection.answers.decide = () => Promise.reject(failure("conflict", message));
  await assert.rejects(taken.take({ callId: "call-1", decision: "reject", note: "" }), { message });
  assert.equal(late(), 1);
  assert.equal(taken.wereTakenHere("call-1"), false);
});

test("a decision that did not arrive can be taken again", async () => {
  const { connection, taken } = decisions();
  connection.isOpen = false;
  await assert.rejects(taken.take({ callId: "call-1", decision: "approve", note: "" }));
  assert.equal(taken.wereTakenHere("call-1"), false);
});

test("a decision without an answer may have arrived, and then it was taken here", async () => {
  const { connection, taken } = decisions();
  connection.answers.decide = () => Promise.reject(failure("no_answer", "No answer.", true));
  await assert.rejects(taken.take({ callId: "call-1", decision: "approve", note: "" }));
  assert.equal(taken.wereTakenHere("call-1"), true);
});

test("a yes for longer takes its wish along", async () => {
  const { connection, taken } = decisions();
  const grant = { lifetime_s: 3600, vary: {} };
  await taken.take({ callId: "call-1", decision: "approve", grant, note: "" });
  assert.deepEqual(connection.sent("decide")[0].grant, grant);
});

test("several decisions go in one request, and only those that counted were taken here", async () => {
  const { taken, late, server } = decisions();
  const error = { error: { code: "conflict", message: "Grace was first.", retryable: false } };
  const results = [
    { call_id: "call-1", status: 200, decision: "rejected", error: null },
    { call_id: "call-2", status: 409, decision: null, error },
  ];
  server.answer = async () => ({ results });
  const given = await taken.takeAll([
    { callId: "call-1", decision: "reject", note: "No." },
    { callId: "call-2", decision: "reject", note: "" },
  ]);
  assert.deepEqual(server.sent, [
    [
      { call_id: "call-1", decision: "reject", note: "No." },
      { call_id: "call-2", decision: "reject" },
    ],
  ]);
  assert.deepEqual(given, results);
  assert.deepEqual([taken.wereTakenHere("call-1"), taken.wereTakenHere("call-2")], [true, false]);
  assert.equal(late(), 1);
});

test("several decisions that were refused together can be taken again", async () => {
  const { taken, server } = decisions();
  server.answer = () => Promise.reject(failure("invalid_input", "Too many."));
  await assert.rejects(taken.takeAll([{ callId: "call-1", decision: "approve", note: "" }]));
  assert.equal(taken.wereTakenHere("call-1"), false);
});
