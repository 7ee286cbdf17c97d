// @ts-check
import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { App } from "#js/models/app.js";
import { failure } from "../support/connection.js";
import { openPage, press, settled } from "../support/page.js";

const window = openPage();
const { ConversationMenuController } = await import(
  "#js/controllers/conversation-menu-controller.js"
);

/** @type {any} */
let share = null;
/** @type {Error | null} */
let trouble = null;
const api = /** @type {any} */ ({
  share: async () => {
    if (share) return share;
    throw failure("not_found", "This conversation is not shared.");
  },
  makeShare: async () => {
    if (trouble) throw trouble;
    share = { token: "abc", created_at: "2026-11-21T09:30:00Z", turns: 3 };
    return share;
  },
  withdrawShare: async () => {
    share = null;
  },
});
const app = new App({ api, connection: null, me: "Ada" });
const menu = /** @type {any} */ (document.querySelector('[data-controller="conversation-menu"]'));
const dialog = /** @type {any} */ (document.getElementById("share-dialog"));
new ConversationMenuController(menu, app).connect();

/** @param {string} name @returns {any} */
const inDialog = (name) => dialog.querySelector(`[data-part="${name}"]`);
/** @param {string} name @returns {any} */
const inMenu = (name) => menu.querySelector(`[data-part="${name}"]`);

beforeEach(() => {
  share = null;
  trouble = null;
  if (dialog.open) dialog.close();
  app.tell("described", { conversationId: "c-1", exists: true, isTemporary: false });
});

async function openDialog() {
  inMenu("opener").click();
  inMenu("share").click();
  await settled();
}

test("there is no menu before the conversation is there, and no sharing of a temporary one", () => {
  app.tell("described", { conversationId: "c-1", exists: false, isTemporary: false });
  assert.equal(menu.hidden, true);
  app.tell("described", { conversationId: "c-1", exists: true, isTemporary: true });
  assert.equal(menu.hidden, false);
  assert.equal(inMenu("share").hidden, true);
});

test("exports are downloads of this conversation", () => {
  assert.equal(
    inMenu("markdown").getAttribute("href"),
    "/api/conversations/c-1/export?format=markdown",
  );
  assert.equal(inMenu("json").getAttribute("href"), "/api/conversations/c-1/export?format=json");
  assert.ok(inMenu("json").hasAttribute("download"));
});

test("arrows walk through the menu, Escape closes it", () => {
  press(window, inMenu("opener"), "ArrowDown");
  assert.ok(document.activeElement === inMenu("share"));
  press(window, inMenu("share"), "ArrowUp");
  assert.ok(document.activeElement === inMenu("json"));
  press(window, inMenu("json"), "Home");
  assert.ok(document.activeElement === inMenu("share"));
  press(window, inMenu("share"), "Escape");
  assert.equal(inMenu("menu").hidden, true);
  assert.ok(document.activeElement === inMenu("opener"));
  assert.equal(inMenu("opener").getAttribute("aria-expanded"), "false");
});

test("a link is made, says what it shows, and is withdrawn", async () => {
  await openDialog();
  assert.equal(dialog.open, true);
  assert.equal(inDialog("shared").hidden, true);
  inDialog("make").click();
  await settled();
  assert.equal(inDialog("link").value, "http://localhost/shared/abc");
  assert.match(inDialog("until").textContent, /Shows what was said until .*2026.* \(3 questions\)/);
  assert.ok(document.activeElement === inDialog("link"));
  inDialog("withdraw").click();
  await settled();
  assert.equal(inDialog("shared").hidden, true);
  assert.match(inDialog("state").textContent, /no longer works/);
  assert.ok(document.activeElement === inDialog("make"));
});

test("a conversation that is shared already shows its link and is brought up to now", async () => {
  share = { token: "old", created_at: "2026-11-20T09:30:00Z", turns: 1 };
  await openDialog();
  assert.equal(inDialog("link").value, "http://localhost/shared/old");
  assert.match(inDialog("until").textContent, /\(1 question\)/);
  inDialog("update").click();
  await settled();
  assert.match(inDialog("until").textContent, /3 questions/);
});

test("what did not work is told, and nothing is shown that is not so", async () => {
  await openDialog();
  trouble = failure("unavailable", "The assistant is away.", true);
  inDialog("make").click();
  await settled();
  assert.match(inDialog("state").textContent, /did not work. The assistant is away./);
  assert.equal(inDialog("shared").hidden, true);
});
