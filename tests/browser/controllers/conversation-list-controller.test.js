// @ts-check
import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { App } from "#js/models/app.js";
import { FakeConnection } from "../support/connection.js";
import { openPage, press, settled, until, write } from "../support/page.js";

const window = openPage();
const { ConversationListController } = await import(
  "#js/controllers/conversation-list-controller.js"
);

const HOUR = 3_600_000;
/** @param {string} conversation_id @param {string} title @param {number} hoursAgo */
function conversation(conversation_id, title, hoursAgo) {
  const at = new Date(Date.now() - hoursAgo * HOUR).toISOString();
  return { conversation_id, title, created_at: at, updated_at: at };
}

/** @type {Record<string | "first", { conversations: ReturnType<typeof conversation>[], next_before: string | null }>} */
const pages = {
  first: {
    conversations: [conversation("a", "Budget", 0), conversation("b", "Bugs", 24 * 30)],
    next_before: "older",
  },
  older: { conversations: [conversation("c", "Old budget", 24 * 60)], next_before: null },
};
/** @type {any[]} */
let calls = [];
/** @type {any[]} */
let found = [];
const api = /** @type {any} */ ({
  conversations: async (/** @type {string | null} */ before) => pages[before ?? "first"],
  rename: async (/** @type {string} */ id, /** @type {string} */ title) => {
    calls.push(["rename", id, title]);
    return { ...conversation(id, title, 0) };
  },
  remove: async (/** @type {string} */ id) => calls.push(["remove", id]),
  search: async (/** @type {string} */ text) => {
    calls.push(["search", text]);
    return { hits: found };
  },
});
const connection = new FakeConnection();
const app = new App({ api, connection: /** @type {any} */ (connection), me: "Ada" });
/** @type {(string | null)[]} */
const opened = [];
/** @type {(string | undefined)[]} */
const turns = [];
app.hear("open", ({ conversationId, turnId }) => {
  opened.push(conversationId);
  turns.push(turnId);
});
const nav = /** @type {any} */ (document.querySelector("nav"));
const search = nav.querySelector("input[type=search]");
new ConversationListController(nav, app).connect();

beforeEach(async () => {
  calls = [];
  found = [];
  opened.length = 0;
  write(window, search, "");
  connection.receive("open");
  await settled();
});

const shown = () =>
  [...nav.querySelectorAll("section:not([hidden])")].map((group) =>
    group.textContent.replace(/\s+/g, " ").trim(),
  );
/** @param {string} title @returns {any} */
const link = (title) =>
  [...nav.querySelectorAll("li a")].find((node) => node.textContent.trim() === title);
/** @param {string} label */
const button = (label) => nav.querySelector(`[aria-label="${label}"]`);

test("conversations stand under their days, newest first", () => {
  assert.deepEqual(shown(), ["Today Budget", "Earlier Bugs"]);
});

test("a click opens here, with a modifier the browser may open it elsewhere", () => {
  link("Bugs").dispatchEvent(new window.MouseEvent("click", { bubbles: true, cancelable: true }));
  assert.deepEqual(opened, ["b"]);
  link("Bugs").dispatchEvent(
    new window.MouseEvent("click", { bubbles: true, cancelable: true, ctrlKey: true }),
  );
  assert.deepEqual(opened, ["b"]);
});

test("the open one is marked", () => {
  app.tell("opened", { conversationId: "b" });
  assert.ok(nav.querySelector("[aria-current=page]") === link("Bugs"));
});

test("a change from another tab shows at once", () => {
  connection.receive("conversation", conversation("d", "Fresh", 0));
  assert.ok(link("Fresh"));
  connection.receive("conversation", { conversation_id: "d", deleted: true });
  assert.ok(link("Fresh") === undefined);
});

test("a title is written anew in its place; Enter keeps it", async () => {
  button("Rename “Bugs”").click();
  const input = nav.querySelector("input.rename");
  input.value = "Open bugs";
  press(window, input, "Enter");
  await settled();
  assert.deepEqual(calls, [["rename", "b", "Open bugs"]]);
  assert.ok(link("Open bugs"));
});

test("Escape leaves a title as it was", async () => {
  press(window, link("Bugs"), "F2");
  const input = nav.querySelector("input.rename");
  input.value = "Something else";
  const event = press(window, input, "Escape");
  await settled();
  assert.deepEqual(calls, []);
  assert.ok(link("Bugs"));
  assert.equal(event.defaultPrevented, true, "the drawer stays open");
});

test("deleting asks first, and Cancel deletes nothing", async () => {
  const dialog = /** @type {any} */ (document.getElementById("confirm-dialog"));
  button("Delete “Bugs”").click();
  assert.equal(dialog.open, true);
  assert.ok(dialog.textContent.includes("“Bugs”"));
  dialog.close("no");
  await settled();
  assert.deepEqual(calls, []);
  button("Delete “Bugs”").click();
  dialog.close("yes");
  await until(() => calls.length === 1);
  assert.deepEqual(calls, [["remove", "b"]]);
  assert.ok(link("Bugs") === undefined);
});

test("deleting the open conversation opens a new one", async () => {
  app.tell("opened", { conversationId: "a" });
  button("Delete “Budget”").click();
  /** @type {any} */ (document.getElementById("confirm-dialog")).close("yes");
  await until(() => opened.length === 1);
  assert.deepEqual(opened, [null]);
});

test("finding by title looks through the older ones as well", async () => {
  write(window, search, "budget");
  await until(() => link("Old budget") !== undefined);
  assert.ok(link("Bugs") === undefined);
});

const hit = {
  conversation_id: "b",
  title: "Bugs",
  turn_id: "turn-7",
  role: "person",
  at: "2026-11-20T09:00:00Z",
  snippet: [
    { text: "the <b>", found: false },
    { text: "Release", found: true },
    { text: " notes", found: false },
  ],
};

test("what was said is found, marked as text, and opened at its place", async () => {
  found = [hit];
  write(window, search, "release");
  assert.match(nav.textContent, /Searching what was said/);
  await until(() => nav.querySelector(".hit") !== null);
  const result = nav.querySelector(".hit a");
  assert.equal(nav.querySelector(".hit mark").textContent, "Release");
  assert.equal(nav.querySelector(".hit-text").textContent, "the <b>Release notes");
  assert.equal(result.getAttribute("href"), "/c/b#turn-turn-7");
  press(window, search, "ArrowDown");
  assert.ok(document.activeElement === result, "the keyboard walks into it");
  result.dispatchEvent(new window.MouseEvent("click", { bubbles: true, cancelable: true }));
  assert.deepEqual([opened.at(-1), turns.at(-1)], ["b", "turn-7"]);
});

test("Enter opens the first that was found, Escape ends the search", async () => {
  found = [hit];
  write(window, search, "release");
  await until(() => nav.querySelector(".hit") !== null);
  press(window, search, "Enter");
  assert.deepEqual([opened.at(-1), turns.at(-1)], ["b", "turn-7"]);
  press(window, search, "Escape");
  assert.equal(search.value, "");
  assert.ok(nav.querySelector(".hit") === null);
  assert.ok(link("Bugs"));
});

test("too little, nothing found, and a search that failed are told in words", async () => {
  write(window, search, "x");
  assert.match(nav.textContent, /One character more/);
  write(window, search, "no such thing");
  await until(() => /Nothing found for “no such thing”/.test(nav.textContent));
  const search_ = api.search;
  api.search = async () => {
    throw new Error("The assistant is away.");
  };
  write(window, search, "away");
  await until(() => /could not be searched. The assistant is away./.test(nav.textContent));
  api.search = search_;
});

test("a temporary conversation is not listed", () => {
  connection.receive("conversation", { ...conversation("t", "Secret", 0), temporary: true });
  assert.ok(link("Secret") === undefined);
});

test("arrows walk through the list and back to the search", () => {
  search.focus();
  press(window, search, "ArrowDown");
  assert.ok(document.activeElement === link("Budget"));
  press(window, document.activeElement, "ArrowDown");
  assert.ok(document.activeElement === link("Bugs"));
  press(window, document.activeElement, "ArrowUp");
  press(window, document.activeElement, "ArrowUp");
  assert.ok(document.activeElement === search);
});

test("Ctrl+K goes to the search from anywhere, Ctrl+Shift+O to a new chat", () => {
  /** @type {any} */ (document.getElementById("question")).focus();
  press(window, document.body, "k", { ctrlKey: true });
  assert.ok(document.activeElement === search);
  press(window, document.body, "O", { ctrlKey: true, shiftKey: true });
  assert.deepEqual(opened, [null]);
});
