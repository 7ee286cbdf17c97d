// @ts-check
import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { App } from "#js/models/app.js";
import { openPage, press, settled, write } from "../support/page.js";

const window = openPage();
const { ComposerController } = await import("#js/controllers/composer-controller.js");

const form = /** @type {any} */ (document.querySelector(".composer"));
const box = /** @type {any} */ (document.getElementById("question"));
const stop = /** @type {any} */ (form.querySelector('[data-part="stop"]'));
const api = /** @type {any} */ ({ about: async () => ({ max_question_characters: 10 }) });
const app = new App({ api, connection: null, me: "Ada" });
/** @type {string[]} */
const asked = [];
let stops = 0;
app.hear("ask", ({ text }) => asked.push(text));
app.hear("stop", () => (stops += 1));
box.value = "Typed early";
new ComposerController(form, app).connect();
app.tell("opened", { conversationId: "conversation-0" });
const keptAtFirst = box.value;
await settled();

beforeEach(() => {
  asked.length = 0;
  app.tell("activity", { isActive: false, isWaiting: false, queued: 0 });
  write(window, box, "");
});

const problem = () => document.getElementById("composer-problem")?.textContent;

test("what was typed before the page was ready stays in the box", () => {
  assert.equal(keptAtFirst, "Typed early");
});

test("Enter sends and empties the box, Shift+Enter does not", () => {
  write(window, box, "  Hello ");
  press(window, box, "Enter", { shiftKey: true });
  assert.deepEqual(asked, []);
  press(window, box, "Enter");
  assert.deepEqual(asked, ["Hello"]);
  assert.equal(box.value, "");
});

test("Enter that ends a composition sends nothing", () => {
  write(window, box, "こんにちは");
  press(window, box, "Enter", { isComposing: true });
  assert.deepEqual(asked, []);
});

test("nothing but blanks is not sent", () => {
  write(window, box, " \n ");
  press(window, box, "Enter");
  assert.deepEqual(asked, []);
});

test("what is too long is refused with the numbers, and kept", () => {
  write(window, box, "12345678901");
  press(window, box, "Enter");
  assert.deepEqual(asked, []);
  assert.match(problem() ?? "", /11 characters, and 10 are the most/);
  assert.equal(box.value, "12345678901");
});

test("characters are counted as the server counts them", () => {
  write(window, box, "👍".repeat(10));
  press(window, box, "Enter");
  assert.equal(asked.length, 1);
});

test("the count shows near the limit only", () => {
  const count = () => document.getElementById("composer-count")?.textContent;
  write(window, box, "123");
  assert.equal(count(), "");
  write(window, box, "1234567890");
  assert.equal(count(), "10 of 10");
});

test("while an answer is under way there is a Stop, and more can be sent", () => {
  app.tell("activity", { isActive: true, isWaiting: false, queued: 0 });
  assert.equal(stop.hidden, false);
  assert.equal(stop.getAttribute("aria-label"), "Stop");
  write(window, box, "Next");
  press(window, box, "Enter");
  assert.deepEqual(asked, ["Next"]);
  assert.match(form.textContent, /waits for the end of this answer/);
  stop.click();
  assert.equal(stops, 1);
});

test("Stop says that it stops the waiting questions too", () => {
  app.tell("activity", { isActive: true, isWaiting: false, queued: 2 });
  assert.equal(
    stop.getAttribute("aria-label"),
    "Stop all: this answer and the 2 questions that wait",
  );
  assert.equal(stop.querySelector('[data-part="stop-all"]').hidden, false);
  assert.match(form.textContent, /2 waiting\. Stop ends them too\./);
  app.tell("activity", { isActive: false, isWaiting: false, queued: 0 });
  assert.doesNotMatch(form.textContent, /waiting/);
});

test("Escape goes to the Stop button and does not press it", () => {
  app.tell("activity", { isActive: true, isWaiting: true, queued: 0 });
  const before = stops;
  box.focus();
  press(window, box, "Escape");
  assert.ok(document.activeElement === stop);
  assert.equal(stops, before);
});

test("the keyboard returns to the box when there is nothing left to stop", () => {
  app.tell("activity", { isActive: true, isWaiting: false, queued: 0 });
  stop.focus();
  app.tell("activity", { isActive: false, isWaiting: false, queued: 0 });
  assert.ok(document.activeElement === box);
});

test("a draft waits where it was written", () => {
  window.history.pushState(null, "", "/c/conversation-1");
  app.tell("opened", { conversationId: "conversation-1" });
  write(window, box, "Draft");
  window.history.pushState(null, "", "/c/conversation-2");
  app.tell("opened", { conversationId: "conversation-2" });
  assert.equal(box.value, "");
  window.history.pushState(null, "", "/c/conversation-1");
  app.tell("opened", { conversationId: "conversation-1" });
  assert.equal(box.value, "Draft");
});

test("a question that comes back to be edited joins what was written meanwhile", () => {
  write(window, box, "later");
  app.tell("rewrite", { text: "first" });
  assert.equal(box.value, "first\nlater");
});

test("who is typing elsewhere is not moved to the box by what was opened", () => {
  const search = document.createElement("input");
  document.body.append(search);
  search.focus();
  app.tell("opened", { conversationId: "conversation-3" });
  assert.equal(document.activeElement, search);
  search.remove();
  app.tell("opened", { conversationId: "conversation-4" });
  assert.equal(document.activeElement, box);
});
