// @ts-check
import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { App } from "#js/models/app.js";
import { FakeConnection, failure } from "../support/connection.js";
import { asked, decided, delta, finished, numbered, proposed, started } from "../support/events.js";
import { openPage, press, settled, until } from "../support/page.js";

const window = openPage();
const { ChatController } = await import("#js/controllers/chat-controller.js");

const main = /** @type {any} */ (document.querySelector("main"));
const connection = new FakeConnection();
/** What is shown once a version is asked for. @type {Record<string, any>} */
let versions = {};
/** What comes before a position. @type {Record<number, any>} */
let earlier = {};
const app = new App({
  api: /** @type {any} */ ({
    turnsBefore: async (/** @type {string} */ _, /** @type {number} */ position) => {
      if (!earlier[position]) throw failure("unavailable", "Away.", true);
      return earlier[position];
    },
    showVersion: async (/** @type {string} */ id, /** @type {string} */ turnId) => {
      if (!versions[turnId]) throw failure("not_found", "There is no such turn.");
      stored[id] = versions[turnId];
      return stored[id];
    },
  }),
  connection: /** @type {any} */ (connection),
  me: "Ada",
});
/** @type {{ isActive: boolean, isWaiting: boolean, queued: number } | null} */
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
  versions = {};
  earlier = {};
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

test("a turn that begins while the conversation is read stands after those that are read", async () => {
  const watch = connection.answers.watch;
  connection.answers.watch = async (payload) => {
    connection.receive("turn", {
      conversation_id: "conversation-1",
      turn_id: "turn-1",
      client_id: "elsewhere",
    });
    receive(numbered(started("Asked just now"), finished()));
    await until(() => /Asked just now/.test(text()));
    return watch(payload);
  };
  stored["conversation-1"] = withTurns([turn("a", "Asked before")]);
  app.tell("open", { conversationId: "conversation-1" });
  await until(() => /Asked before/.test(text()));
  assert.match(text(), /Asked before.*Asked just now/);
  connection.answers.watch = watch;
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
  assert.deepEqual(activity, { isActive: true, isWaiting: true, queued: 0 });
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

/**
 * A turn as it is stored.
 *
 * @param {string} turnId
 * @param {string} question
 * @param {{ versions?: string[], state?: string, queued?: boolean, events?: any[] }} [more]
 */
function turn(turnId, question, { versions = [], state = "answered", queued, events } = {}) {
  const begun = { ...started(question), turn_id: turnId, client_id: `client-of-${turnId}`, queued };
  const rest = events ?? [{ kind: "text_finished", text: `About: ${question}` }, finished()];
  return {
    turn_id: turnId,
    client_id: begun.client_id,
    state,
    events: numbered(begun, ...rest),
    versions,
  };
}

/** @param {any[]} turns @param {object} [more] */
const withTurns = (turns, more = {}) => ({ ...storedConversation([]), turns, ...more });

/** @param {any} conversation */
async function openStored(conversation) {
  stored["conversation-1"] = conversation;
  app.tell("open", { conversationId: "conversation-1" });
  await settled();
  connection.requests = [];
}

/** @param {string} turnId @param {string} name @returns {any} */
const inTurn = (turnId, name) =>
  document.getElementById(`turn-${turnId}`)?.querySelector(`[data-part="${name}"]`);

test("an edited question takes the place of the one before, and of what followed it", async () => {
  await openStored(withTurns([turn("a", "Tasks?"), turn("b", "Bugs?"), turn("c", "Stories?")]));
  connection.answers.ask = ({ client_id }) => {
    const again = { ...turn("b2", "Open bugs?", { versions: ["b", "b2"] }), client_id };
    stored["conversation-1"] = withTurns([turn("a", "Tasks?"), again]);
    return { ok: true, turn_id: "b2" };
  };
  inTurn("b", "edit").click();
  inTurn("b", "text").value = "Open bugs?";
  press(window, inTurn("b", "text"), "Enter");
  assert.equal(document.getElementById("turn-c")?.hidden, true, "gone at once");
  assert.ok(document.activeElement === document.getElementById("question"));
  await until(() => inTurn("b2", "version")?.textContent === "2 / 2");
  assert.deepEqual(
    connection.sent("ask").map(({ text, replaces }) => [text, replaces]),
    [["Open bugs?", "b"]],
  );
  assert.deepEqual(
    [...main.querySelectorAll(".turn")].map(({ id }) => id),
    ["turn-a", "turn-b2"],
  );
});

test("a version that could not be sent leaves the one before", async () => {
  await openStored(withTurns([turn("a", "Tasks?"), turn("b", "Bugs?")]));
  connection.answers.ask = () => Promise.reject(failure("invalid_input", "Too long."));
  inTurn("a", "edit").click();
  press(window, inTurn("a", "text"), "Enter");
  await until(() => /Not sent. Too long./.test(text()));
  main.querySelector(".pending [data-part=edit]").click();
  assert.equal(document.getElementById("turn-b")?.hidden, false);
});

test("another version is shown without a word to listeners, and the keyboard stays there", async () => {
  const two = ["a", "a2"];
  const before = withTurns([turn("a", "Tasks?", { versions: two }), turn("b", "Bugs?")]);
  versions.a2 = withTurns([turn("a2", "Open tasks?", { versions: two })]);
  versions.a = before;
  await openStored(before);
  const polite = /** @type {any} */ (document.getElementById("polite-announcer"));
  polite.replaceChildren();
  inTurn("a", "version-after").click();
  await until(() => inTurn("a2", "version")?.textContent === "2 / 2");
  assert.doesNotMatch(text(), /Bugs/);
  assert.equal(polite.textContent, "Version 2 of 2.");
  assert.ok(document.activeElement === inTurn("a2", "version-before"));
  inTurn("a2", "version-before").click();
  await until(() => /Bugs/.test(text()));
});

test("a version chosen in another tab shows here", async () => {
  const two = ["a", "a2"];
  await openStored(withTurns([turn("a", "Tasks?", { versions: two })]));
  stored["conversation-1"] = withTurns([turn("a2", "Open tasks?", { versions: two })]);
  connection.receive("conversation_changed", { conversation_id: "another" });
  connection.receive("conversation_changed", { conversation_id: "conversation-1" });
  await until(() => /Open tasks/.test(text()));
  assert.equal(connection.sent("watch").length, 1);
  assert.equal(main.querySelectorAll(".turn").length, 1);
});

test("its own change of version, told before it is answered, is not shown twice", async () => {
  const two = ["a", "a2"];
  versions.a2 = withTurns([turn("a2", "Open tasks?", { versions: two })]);
  await openStored(withTurns([turn("a", "Tasks?", { versions: two })]));
  inTurn("a", "version-after").click();
  connection.receive("conversation_changed", { conversation_id: "conversation-1" });
  assert.deepEqual(connection.sent("watch"), [], "first the answer, which keeps the place");
  await until(() => connection.sent("watch").length === 1);
  assert.ok(document.activeElement === inTurn("a2", "version-before"));
});

test("a version that is gone is told, and what is shown stays", async () => {
  await openStored(withTurns([turn("a", "Tasks?", { versions: ["a", "gone"] })]));
  inTurn("a", "version-after").click();
  await settled();
  assert.match(document.getElementById("toasts")?.textContent ?? "", /cannot be shown/);
  assert.match(text(), /Tasks/);
});

test("questions wait in line, are back after a reload, and move up", async () => {
  const running = turn("a", "Tasks?", { state: "running", events: [delta("So ")] });
  const waiting = turn("b", "Bugs?", { state: "queued", queued: true, events: [] });
  await openStored(withTurns([running, waiting]));
  assert.equal(inTurn("b", "queued").hidden, false);
  assert.deepEqual(activity, { isActive: true, isWaiting: false, queued: 1 });
  assert.ok(main.querySelector(".turns[data-busy]"), "nothing before is changed meanwhile");
  app.tell("stop", {});
  inTurn("b", "unqueue").click();
  await settled();
  assert.deepEqual(connection.sent("stop"), [{ turn_id: "a" }, { turn_id: "b" }]);
  const rest = numbered(started(), delta("So "), finished()).slice(2);
  connection.receive("events", { turnId: "a", events: rest });
  await until(() => inTurn("b", "queued").hidden);
  assert.match(inTurn("b", "status").textContent, /thinking/);
  assert.deepEqual(activity, { isActive: true, isWaiting: false, queued: 0 });
});

test("what was found is shown at its place, also in another version", async () => {
  await openStored(withTurns([turn("a", "Tasks?"), turn("b", "Bugs?")]));
  app.tell("open", { conversationId: "conversation-1", turnId: "b" });
  await until(() => document.activeElement?.id === "turn-b");
  assert.equal(window.location.hash, "#turn-b");
  versions.a2 = withTurns([turn("a2", "Open tasks?", { versions: ["a", "a2"] })]);
  app.tell("open", { conversationId: "conversation-1", turnId: "a2" });
  await until(() => document.activeElement?.id === "turn-a2");
});

test("a temporary chat is asked for as one, marked, and left with one warning", async () => {
  const dialog = /** @type {any} */ (document.getElementById("confirm-dialog"));
  const toggle = main.querySelector('[data-part="temporary"]');
  const mark = main.querySelector('[data-part="temporary-mark"]');
  assert.equal(mark.hidden, true);
  toggle.click();
  assert.equal(mark.hidden, false);
  app.tell("ask", { text: "Psst" });
  await settled();
  const [{ temporary, client_id }] = connection.sent("ask");
  assert.equal(temporary, true);
  receive(numbered({ ...started("Psst"), client_id }, finished()));
  const here = window.location.pathname;
  const reloads = [1, 2].map(() => new window.Event("beforeunload", { cancelable: true }));
  for (const reload of reloads) window.dispatchEvent(reload);
  assert.deepEqual(
    reloads.map(({ defaultPrevented }) => defaultPrevented),
    [true, false],
    "the browser's own warning comes once, and does not stand for ours",
  );
  app.tell("open", { conversationId: "conversation-1" });
  await settled();
  assert.equal(dialog.open, true);
  dialog.close("no");
  await settled();
  assert.equal(window.location.pathname, here);
  app.tell("open", { conversationId: null });
  assert.equal(window.location.pathname, "/");
  assert.equal(mark.hidden, true);
  assert.equal(toggle.checked, false);
});

test("a stored temporary chat is marked again", async () => {
  window.sessionStorage.setItem("steward.warned:conversation-1", "here");
  await openStored(withTurns([turn("a", "Psst")], { temporary: true }));
  assert.equal(main.querySelector('[data-part="temporary-mark"]').hidden, false);
});

const shownTurns = () => [...main.querySelectorAll(".turn")].map(({ id }) => id);
const earlierButton = () => main.querySelector('[data-part="earlier"]');

test("earlier messages are shown above on demand, and stay when there is a new connection", async () => {
  const latest = withTurns([{ ...turn("c", "Third"), position: 3 }], { earlier_turns: true });
  earlier[3] = withTurns([{ ...turn("b", "Second"), position: 2 }], { earlier_turns: true });
  earlier[2] = withTurns([{ ...turn("a", "First"), position: 1 }]);
  await openStored(latest);
  assert.equal(earlierButton().hidden, false);
  earlierButton().click();
  await until(() => shownTurns().join() === "turn-b,turn-c");
  earlierButton().click();
  await until(() => shownTurns().join() === "turn-a,turn-b,turn-c");
  assert.equal(earlierButton().hidden, true);
  connection.receive("open");
  await settled();
  assert.deepEqual(shownTurns(), ["turn-a", "turn-b", "turn-c"]);
  assert.equal(earlierButton().hidden, true, "there is nothing before them still");
});

test("what was found far up is read until it is there", async () => {
  const latest = withTurns([{ ...turn("c", "Third"), position: 3 }], { earlier_turns: true });
  earlier[3] = withTurns([{ ...turn("b", "Second"), position: 2 }], { earlier_turns: true });
  stored["conversation-1"] = latest;
  app.tell("open", { conversationId: "conversation-1", turnId: "b" });
  await until(() => document.activeElement?.id === "turn-b");
  assert.deepEqual(shownTurns(), ["turn-b", "turn-c"]);
});

test("earlier messages that cannot be had are told, and can be asked for again", async () => {
  await openStored(withTurns([{ ...turn("c", "Third"), position: 3 }], { earlier_turns: true }));
  earlierButton().click();
  await settled();
  assert.match(document.getElementById("toasts")?.textContent ?? "", /Earlier messages cannot/);
  assert.equal(earlierButton().hidden, false);
});
