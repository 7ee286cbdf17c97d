// @ts-check
import assert from "node:assert/strict";
import { test } from "node:test";
import { Connection } from "#js/models/connection.js";

class FakeSocket {
  connected = true;
  active = true;
  connects = 0;
  /** @type {Map<string, (...values: any[]) => void>} */
  #listeners = new Map();
  /** @type {(event: string, payload: unknown) => unknown} */
  acknowledge = () => ({ ok: true });

  connect() {
    this.connects += 1;
    return this;
  }
  disconnect() {
    return this;
  }
  /** @param {string} name @param {(...values: any[]) => void} listener */
  on(name, listener) {
    this.#listeners.set(name, listener);
    return this;
  }
  timeout() {
    return {
      emitWithAck: async (/** @type {string} */ event, /** @type {unknown} */ payload) =>
        this.acknowledge(event, payload),
    };
  }
  /** @param {string} name @param {...unknown} values */
  receive(name, ...values) {
    this.#listeners.get(name)?.(...values);
  }
}

/** @param {Connection} connection @param {...string} names */
function recorded(connection, ...names) {
  /** @type {[string, any][]} */
  const told = [];
  for (const name of names) {
    connection.addEventListener(name, (event) =>
      told.push([name, /** @type {CustomEvent} */ (event).detail]),
    );
  }
  return told;
}

test("a batch of events arrives decoded, with its turn", () => {
  const socket = new FakeSocket();
  const told = recorded(new Connection(socket), "events");
  socket.receive("events", "turn-1", '[{"kind":"text_delta","n":2,"first":2,"text":"Hi"}]');
  assert.deepEqual(told, [
    ["events", { turnId: "turn-1", events: [{ kind: "text_delta", n: 2, first: 2, text: "Hi" }] }],
  ]);
});

test("an answer that is not ok is raised with its code and details", async () => {
  const socket = new FakeSocket();
  socket.acknowledge = () => ({
    ok: false,
    error: {
      code: "conflict",
      message: "Too late.",
      retryable: false,
      details: { winner: "approved" },
    },
  });
  await assert.rejects(new Connection(socket).request("decide", {}), {
    code: "conflict",
    message: "Too late.",
    retryable: false,
    details: { winner: "approved" },
  });
});

test("an answer that makes no sense is raised too", async () => {
  const socket = new FakeSocket();
  socket.acknowledge = () => undefined;
  await assert.rejects(new Connection(socket).request("stop", {}), { code: "internal" });
});

test("no answer in time may be tried again", async () => {
  const socket = new FakeSocket();
  socket.acknowledge = () => {
    throw new Error("operation has timed out");
  };
  await assert.rejects(new Connection(socket).request("ask", {}), {
    code: "no_answer",
    retryable: true,
  });
});

test("a request without a connection fails at once instead of lying in a queue", async () => {
  const socket = new FakeSocket();
  socket.connected = false;
  socket.acknowledge = () => assert.fail("nothing is sent");
  await assert.rejects(new Connection(socket).request("ask", {}), { code: "unreachable" });
});

test("connects again by itself when the server hung up or said no", (context) => {
  context.mock.timers.enable({ apis: ["setTimeout"] });
  const socket = new FakeSocket();
  const told = recorded(new Connection(socket), "closed", "refused");
  socket.receive("disconnect", "io server disconnect");
  context.mock.timers.tick(15_000);
  assert.equal(socket.connects, 1);
  socket.active = false;
  socket.receive("connect_error", new Error("not signed in"));
  context.mock.timers.tick(15_000);
  assert.equal(socket.connects, 2);
  assert.deepEqual(
    told.map(([name]) => name),
    ["closed", "closed", "refused"],
  );
});

test("leaves coming back from a lost network to socket.io", (context) => {
  context.mock.timers.enable({ apis: ["setTimeout"] });
  const socket = new FakeSocket();
  new Connection(socket);
  socket.receive("disconnect", "transport close");
  context.mock.timers.tick(60_000);
  assert.equal(socket.connects, 0);
});
