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
const api = /** @type {any} */ ({
  conversations: async (/** @type {string | null} */ before) => pages[before ?? "first"],
  rename: async (/** @type {string} */ id, /** @type {string} */ title) => {
    calls.push(["rename", id, title]);
    return { ...conversation(id, title, 0) };
  },
  remove: async (/** @type {string} */ id) => calls.push(["remove", id]),
});
const connection = new FakeConnection();
const app = new App({ api, connection: /** @type {any} */ (connection), me: "Ada" });
/** @type {(string | null)[]} */
const opened = [];
app.hear("open", ({ conversationId }) => opened.push(conversationId));
const nav = /** @type {any} */ (document.querySelector("nav"));
const search = nav.querySelector("input[type=search]");
new ConversationListController(nav, app).connect();

beforeEach(async () => {
  calls = [];
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
  write(window, search, "no such thing");
  assert.match(nav.textContent, /No conversation has this in its title/);
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
