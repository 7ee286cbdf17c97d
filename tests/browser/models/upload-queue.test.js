// @ts-check
import assert from "node:assert/strict";
import { test } from "node:test";
import { RequestFailed, unreachable } from "#js/models/api.js";
import { UploadQueue } from "#js/models/upload-queue.js";
import { sendFile } from "#js/models/upload-request.js";
import { settled } from "../support/page.js";

const LIMITS = { maxBytes: 100, kinds: [".md"] };
const TO = { collection: "c1" };

/** @param {string} name @param {number} [size] */
const file = (name, size = 10) => new File([new Uint8Array(size)], name);

function queueing() {
  /** @type {{ upload: any, how: any, resolve: (added: any) => void, reject: (error: unknown) => void }[]} */
  const sent = [];
  /** @type {any[]} */
  const taken = [];
  let changes = 0;
  const queue = new UploadQueue({
    send: (upload, how) =>
      new Promise((resolve, reject) => sent.push({ upload, how, resolve, reject })),
    onChange: () => {
      changes += 1;
    },
    onTaken: (upload) => taken.push(upload),
  });
  const states = () => queue.all.map(({ file: { name }, state }) => `${name} ${state}`);
  return { queue, sent, taken, states, changes: () => changes };
}

test("two files are sent at a time, the others wait for their turn", async () => {
  const { queue, sent, taken, states } = queueing();
  queue.add([file("a.md"), file("b.md"), file("c.md")], TO, LIMITS);
  assert.deepEqual(states(), ["a.md sending", "b.md sending", "c.md waiting"]);
  assert.equal(queue.isBusy, true);
  sent[0].resolve({ document: { id: "d1" }, duplicate: false });
  await settled();
  assert.deepEqual(states(), ["a.md taken", "b.md sending", "c.md sending"]);
  assert.equal(taken[0].added.document.id, "d1");
  assert.deepEqual(sent[2].upload.to, TO);
});

test("what cannot be taken is never sent, and holds nothing up", () => {
  const { queue, sent, states } = queueing();
  queue.add([file("a.exe"), file("b.md", 101), file("c.md", 0), file("d.md")], TO, LIMITS);
  assert.deepEqual(states(), ["a.exe refused", "b.md refused", "c.md refused", "d.md sending"]);
  assert.equal(sent.length, 1);
});

test("how far a file is, is told as it goes", () => {
  const { queue, sent, changes } = queueing();
  queue.add([file("a.md")], TO, LIMITS);
  const before = changes();
  sent[0].how.onProgress(7);
  assert.equal(queue.all[0].sent, 7);
  assert.equal(changes(), before + 1);
});

test("after a lost connection the file is kept and can be sent again, from the button or when it is back", async () => {
  const { queue, sent, states } = queueing();
  const chosen = file("a.md");
  queue.add([chosen], TO, LIMITS);
  sent[0].reject(new RequestFailed(unreachable()));
  await settled();
  assert.deepEqual(states(), ["a.md lost"]);
  assert.match(queue.all[0].problem, /cannot be reached/);
  assert.equal(queue.isBusy, true);
  queue.retry(queue.all[0].key);
  assert.deepEqual(states(), ["a.md sending"]);
  assert.ok(sent[1].upload.file === chosen);
  sent[1].reject(new RequestFailed(unreachable()));
  await settled();
  queue.retryLost();
  sent[2].resolve({ document: { id: "d1" }, duplicate: false });
  await settled();
  assert.deepEqual(states(), ["a.md taken"]);
  assert.equal(queue.isBusy, false);
});

test("a file that is turned down is not tried again", async () => {
  const { queue, sent, states } = queueing();
  queue.add([file("a.md")], TO, LIMITS);
  const error = { code: "permission_denied", message: "Not yours.", retryable: false };
  sent[0].reject(new RequestFailed(error));
  await settled();
  assert.deepEqual(states(), ["a.md refused"]);
  queue.retry(queue.all[0].key);
  queue.retryLost();
  assert.equal(sent.length, 1);
});

test("cancelling breaks the sending off, and the next one begins", async () => {
  const { queue, sent, taken, states } = queueing();
  queue.add([file("a.md"), file("b.md"), file("c.md")], TO, LIMITS);
  queue.remove(queue.all[0].key);
  assert.equal(sent[0].how.signal.aborted, true);
  sent[0].reject(new RequestFailed(unreachable()));
  await settled();
  assert.deepEqual(states(), ["b.md sending", "c.md sending"]);
  assert.deepEqual(taken, []);
});

/** Plays the browser's part of a request. */
class FakeRequest extends EventTarget {
  upload = new EventTarget();
  /** @type {Record<string, string>} */
  headers = {};
  status = 0;
  /** @type {any} */
  response = null;
  /** @type {unknown[]} */
  opened = [];
  /** @type {unknown} */
  body = null;

  /** @param {...string} how */
  open(...how) {
    this.opened = how;
  }
  /** @param {string} name @param {string} value */
  setRequestHeader(name, value) {
    this.headers[name] = value;
  }
  /** @param {unknown} body */
  send(body) {
    this.body = body;
  }
  abort() {
    this.dispatchEvent(new Event("abort"));
  }
  /** @param {number} status @param {unknown} response */
  answer(status, response) {
    Object.assign(this, { status, response });
    this.dispatchEvent(new Event("load"));
  }
}

function sending() {
  const request = new FakeRequest();
  const controller = new AbortController();
  /** @type {number[]} */
  const progress = [];
  const body = file("a.md");
  const answer = sendFile(
    {
      path: "/api/knowledge/documents?name=a.md",
      file: body,
      csrfToken: "token",
      onProgress: (sent) => progress.push(sent),
      signal: controller.signal,
    },
    { makeRequest: () => /** @type {any} */ (request), stalledMs: 20 },
  );
  return { request, controller, progress, answer, body };
}

test("a network that has gone silently counts as lost; a server that takes its time does not", async () => {
  const silent = sending();
  await assert.rejects(silent.answer, { code: "unreachable", retryable: true });
  const slow = sending();
  slow.request.upload.dispatchEvent(new Event("loadend"));
  await new Promise((resolve) => setTimeout(resolve, 40));
  slow.request.answer(202, { duplicate: false });
  assert.deepEqual(await slow.answer, { duplicate: false });
});

test("the octets are sent as they are, with the session's token", async () => {
  const { request, progress, answer, body } = sending();
  assert.deepEqual(request.opened, ["PUT", "/api/knowledge/documents?name=a.md"]);
  assert.equal(request.headers["X-CSRFToken"], "token");
  assert.equal(request.headers["Content-Type"], "application/octet-stream");
  assert.ok(request.body === body);
  request.upload.dispatchEvent(Object.assign(new Event("progress"), { loaded: 5 }));
  assert.deepEqual(progress, [5]);
  request.answer(202, { duplicate: false });
  assert.deepEqual(await answer, { duplicate: false });
});

test("an error says what the server said, or that nobody answered", async () => {
  const refused = sending();
  const error = { code: "limit_exceeded", message: "Too large.", retryable: false };
  refused.request.answer(413, { error });
  await assert.rejects(refused.answer, { message: "Too large.", retryable: false });
  const odd = sending();
  odd.request.answer(502, null);
  await assert.rejects(odd.answer, { retryable: true });
  const lost = sending();
  lost.request.dispatchEvent(new Event("error"));
  await assert.rejects(lost.answer, { code: "unreachable", retryable: true });
  const stopped = sending();
  stopped.controller.abort();
  await assert.rejects(stopped.answer, { code: "unreachable" });
});
