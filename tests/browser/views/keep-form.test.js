// @ts-check
import assert from "node:assert/strict";
import { test } from "node:test";
import { openPage, settled, write } from "../support/page.js";

const window = openPage();
const { KeepForm } = await import("#js/views/keep-form.js");

/** @param {(callId: string, wish: any) => Promise<any>} keep */
function form(keep) {
  /** @type {string[]} */
  const proposed = [];
  const port = { keep, propose: (/** @type {string} */ text) => proposed.push(text) };
  const { element } = new KeepForm({ callId: "call-1" }, port);
  document.body.replaceChildren(element);
  element.querySelector("button")?.click();
  return { element, proposed };
}

/** @param {HTMLElement} element @param {string} title */
async function save(element, title) {
  write(window, element.querySelector("input"), title);
  element.querySelector("form")?.dispatchEvent(new window.Event("submit", { cancelable: true }));
  await settled();
}

test("a call is kept under a name made from its title, and it is said how to have it run again", async () => {
  /** @type {any[]} */
  const wishes = [];
  const { element, proposed } = form(async (callId, wish) => {
    wishes.push([callId, wish]);
    return { call_id: callId, name: wish.name, text: "It takes :since." };
  });
  write(window, element.querySelector("input"), "Open tasks");
  assert.ok(element.textContent?.includes("open_tasks"));
  await save(element, " Open tasks by project ");
  const wish = { name: "open_tasks_by_project", title: "Open tasks by project" };
  assert.deepEqual(wishes, [["call-1", wish]]);
  assert.ok(element.textContent?.includes("Saved as open_tasks_by_project."));
  assert.ok(element.textContent?.includes("It takes :since."));
  element.querySelector("button")?.click();
  assert.deepEqual(proposed, ["Run the saved query open_tasks_by_project."]);
});

test("a name that is taken is said to be, and another can be tried", async () => {
  let isTaken = true;
  const { element } = form(async (callId, { name }) => {
    if (isTaken) throw new Error("There is a query called open_tasks already.");
    return { call_id: callId, name, text: "" };
  });
  await save(element, "Open tasks");
  const input = element.querySelector("input");
  assert.ok(element.textContent?.includes("There is a query called open_tasks already."));
  assert.equal(input?.getAttribute("aria-invalid"), "true");
  assert.equal(input?.disabled, false);
  assert.equal(document.activeElement, input);
  isTaken = false;
  await save(element, "All open tasks");
  assert.ok(element.textContent?.includes("Saved as all_open_tasks."));
});

test("without a title nothing is sent", async () => {
  const { element } = form(() => {
    throw new Error("sent");
  });
  await save(element, "   ");
  assert.ok(element.textContent?.includes("Give it a title."));
});
