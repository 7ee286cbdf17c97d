// @ts-check
import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { App } from "#js/models/app.js";
import { FakeConnection, failure } from "../support/connection.js";
import { asked, decided, delta, finished, numbered, proposed, started } from "../support/events.js";
import { openPage, settled, until } from "../support/page.js";

const window = openPage();
const { ChatController } = await import("#js/controllers/chat-controller.js");

const main = /** @type {any} */ (document.querySelector("main"));
const connection = new FakeConnection();
const app = new App({
  api: /** @type {any} */ ({}),
  connection: /** @type {any} */ (connection),
  me: "Ada",
});
/** @type {{ isActive: boolean, isWaiting: boolean } | null} */
let activity = null;
app.hear("activity", (news) => (activity = news));
/** Conversations the server has. @type {Record<string, any>} */
let stored = {};
connection.answers.watch = ({ conversation_id }) => ({
  ok: true,
  conversation: stored[conversation_id] ?? null,
});
connection.answers.ask = () => ({ ok: true, turn_id: "turn-1" });
new ChatController(main, app).connect();

beforeEach(async () => {
  stored = {};
  connection.answers.ask = () => ({ ok: true, turn_id: "turn-1" });
  app.tell("open", { conversationId: null });
  await settled();
  connection.requests = [];
});

const text = () => main.querySelector(".turns").textContent.replace(/\s+/g, " ");
const emptyState = () => !main.querySelector('[data-part="empty"]').hidden;
/** @param {any[]} events */
const receive = (events) => connection.receive("events", { turnId: "turn-1", events });
/** @param {any[]} events */
const storedConversation = (events) => ({
  conversation_id: "conversation-1",
  title: "Tasks",
  turns: [{ turn_id: "turn-1", client_id: "client-1", state: "running", events }],
  earlier_turns: false,
});

test("a new conversation greets and offers prompts that are asked when pressed", async () => {
  assert.equal(emptyState(), true);
  main.querySelector('[data-prompt="What can you do?"]').click();
  await settled();
  assert.equal(connection.sent("ask")[0].text, "What can you do?");
  assert.equal(emptyState(), false);
});

test("a question shows at once, and its turn takes its place", async () => {
  app.tell("ask", { text: "How many tasks?" });
  assert.match(text(), /How many tasks\?/);
  await settled();
  const { client_id, conversation_id } = connection.sent("ask")[0];
  assert.equal(window.location.pathname, `/c/${conversation_id}`);
  assert.deepEqual(connection.sent("follow"), [{ turn_id: "turn-1", after: 0 }]);
  receive(numbered({ ...started(), client_id }, delta("Forty-two.")));
  await until(() => main.querySelectorAll(".answer").length === 1);
  assert.equal(main.querySelectorAll(".turn").length, 1, "the pending one is gone");
  assert.equal(activity?.isActive, true);
  assert.equal(main.querySelector("h1").textContent, "Tasks");
});

test("a turn that began in another tab shows here", async () => {
  stored["conversation-1"] = { ...storedConversation([]), turns: [] };
  app.tell("open", { conversationId: "conversation-1" });
  await settled();
  connection.receive("turn", {
    conversation_id: "conversation-1",
    turn_id: "turn-1",
    client_id: "elsewhere",
  });
  receive(numbered(started("From the other tab"), finished()));
  await until(() => /From the other tab/.test(text()));
});

test("a stored conversation is shown, and a turn that goes on is followed from there", async () => {
  stored["conversation-1"] = storedConversation(numbered(started(), delta("Half ")));
  app.tell("open", { conversationId: "conversation-1" });
  await until(() => /How many tasks/.test(text()));
  assert.deepEqual(connection.sent("follow"), [{ turn_id: "turn-1", after: 2 }]);
  assert.equal(window.location.pathname, "/c/conversation-1");
});

test("a question for a yes is back after a reload, and the window's title says so", async () => {
  stored["conversation-1"] = storedConversation(numbered(started(), proposed(), asked()));
  app.tell("open", { conversationId: "conversation-1" });
  await until(() => main.querySelector('[role="alertdialog"]') !== null);
  assert.match(document.title, /Waiting for your yes/);
  assert.deepEqual(activity, { isActive: true, isWaiting: true });
});

test("a yes is sent, and the event that follows closes the question", async () => {
  const events = numbered(started(), proposed(), asked(), decided("approved"));
  stored["conversation-1"] = storedConversation(events.slice(0, 3));
  app.tell("open", { conversationId: "conversation-1" });
  await until(() => main.querySelector('[data-part="approve"]') !== null);
  main.querySelector('[data-part="approve"]').click();
  await settled();
  assert.deepEqual(connection.sent("decide"), [{ call_id: "call-1", decision: "approve" }]);
  receive(events.slice(3));
  await until(() => main.querySelector('[role="alertdialog"]') === null);
  assert.match(text(), /You approved/);
});

test("a yes that came too late shows who was first, and the conversation is read again", async () => {
  const events = numbered(
    started(),
    proposed(),
    asked(),
    decided("rejected", { decided_by: "Grace" }),
  );
  stored["conversation-1"] = storedConversation(events.slice(0, 3));
  app.tell("open", { conversationId: "conversation-1" });
  await until(() => main.querySelector('[data-part="approve"]') !== null);
  stored["conversation-1"] = storedConversation(events);
  connection.answers.decide = () => Promise.reject(failure("conflict", "Too late."));
  main.querySelector('[data-part="approve"]').click();
  await until(() => main.querySelector('[role="alertdialog"]') === null);
  assert.match(text(), /Rejected in another tab by Grace/);
});

test("Stop stops the turn that goes on", async () => {
  app.tell("ask", { text: "Go" });
  await settled();
  receive(numbered(started("Go")));
  app.tell("stop", {});
  await settled();
  assert.deepEqual(connection.sent("stop"), [{ turn_id: "turn-1" }]);
});

test("a question that is refused can be edited or sent again", async () => {
  connection.answers.ask = () => Promise.reject(failure("unavailable", "The assistant is away."));
  app.tell("ask", { text: "How many?" });
  await until(() => /Not sent. The assistant is away./.test(text()));
  /** @type {string[]} */
  const rewritten = [];
  app.hear("rewrite", ({ text: words }) => rewritten.push(words));
  main.querySelector('[data-part="edit"]').click();
  assert.deepEqual(rewritten, ["How many?"]);
  assert.equal(emptyState(), true);
});

test("after a new connection the conversation is read again and nothing is doubled", async () => {
  const events = numbered(started(), delta("Half "), delta("whole"));
  stored["conversation-1"] = storedConversation(events.slice(0, 2));
  app.tell("open", { conversationId: "conversation-1" });
  await settled();
  connection.receive("open");
  await settled();
  assert.deepEqual(
    connection.sent("follow").map(({ after }) => after),
    [2, 2],
  );
  receive(events);
  await until(() => /Half whole/.test(text()));
  assert.equal(main.querySelectorAll(".turn").length, 1);
});

test("a conversation that cannot be had for now is asked for again by itself", async () => {
  stored["conversation-1"] = storedConversation(numbered(started(), finished()));
  const watch = connection.answers.watch;
  connection.answers.watch = () => Promise.reject(failure("unavailable", "Starting.", true));
  app.tell("open", { conversationId: "conversation-1" });
  await until(() => /cannot be shown. Starting./.test(main.textContent));
  connection.answers.watch = watch;
  await until(() => /How many tasks/.test(text()));
  assert.doesNotMatch(main.textContent, /cannot be shown/);
});

test("an address of no conversation leads to a new one", async () => {
  app.tell("open", { conversationId: "nobody-has-it" });
  await settled();
  assert.equal(window.location.pathname, "/");
  assert.match(
    document.getElementById("toasts")?.textContent ?? "",
    /There is no such conversation/,
  );
});

test("a conversation deleted in another tab is left", async () => {
  stored["conversation-1"] = { ...storedConversation([]), turns: [] };
  app.tell("open", { conversationId: "conversation-1" });
  await settled();
  connection.receive("conversation", { conversation_id: "conversation-1", deleted: true });
  assert.equal(window.location.pathname, "/");
});
