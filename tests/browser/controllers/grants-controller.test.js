// @ts-check
import assert from "node:assert/strict";
import { test } from "node:test";
import { App } from "#js/models/app.js";
import { failure } from "../support/connection.js";
import { openPage, settled } from "../support/page.js";

openPage({ template: "grants.html" });
const { GrantsController } = await import("#js/controllers/grants-controller.js");

const main = /** @type {any} */ (document.querySelector("main"));
const dialog = /** @type {any} */ (document.getElementById("confirm-dialog"));

/** @param {object} [changes] */
function grant(changes = {}) {
  return {
    grant_id: "grant-1",
    server: "dbquery",
    tool: "set_task_status",
    title: "Set a task's status",
    definition_hash: "a".repeat(64),
    arguments: { task_id: { anything: true }, status: { equals: "done" } },
    state: "active",
    created_at: "2026-11-21T09:00:00Z",
    expires_at: "2026-11-28T09:00:00Z",
    last_used_at: null,
    uses: 0,
    ...changes,
  };
}

/** @param {any} api */
async function shown(api) {
  main.querySelector('[data-part="grants"]').replaceChildren();
  new GrantsController(main, new App({ api, connection: null, me: "Ada" })).connect();
  await settled();
}

/** @param {"yes" | "no"} choice */
async function answerDialog(choice) {
  dialog.close(choice);
  await settled();
}

const withdraw = () => main.querySelector('[data-part="withdraw"]');

test("each standing approval says what it covers, until when and how often it was used", async () => {
  const used = grant({ uses: 3, last_used_at: "2026-11-21T10:00:00Z" });
  await shown({ grants: async () => ({ grants: [used] }) });
  const text = main.textContent;
  for (const words of [
    "Set a task's status",
    "dbquery",
    "Task ID: any value",
    "Status: exactly “done”",
    "until 28 Nov 2026",
    "Used 3 times",
    "Holds",
  ]) {
    assert.ok(text.includes(words), words);
  }
});

test("what holds no more cannot be withdrawn, what a changed tool made void can", async () => {
  const states = /** @type {const} */ ([
    ["active", false],
    ["outdated", false],
    ["expired", true],
    ["withdrawn", true],
  ]);
  for (const [state, isHidden] of states) {
    await shown({ grants: async () => ({ grants: [grant({ state })] }) });
    assert.equal(withdraw().hidden, isHidden, state);
  }
});

test("withdrawing asks first, and a no withdraws nothing", async () => {
  /** @type {string[]} */
  const withdrawn = [];
  await shown({
    grants: async () => ({ grants: [grant()] }),
    withdrawGrant: async (/** @type {string} */ id) => withdrawn.push(id),
  });
  withdraw().click();
  await answerDialog("no");
  assert.deepEqual(withdrawn, []);
  withdraw().click();
  await answerDialog("yes");
  assert.deepEqual(withdrawn, ["grant-1"]);
  assert.equal(main.querySelector('[data-part="state"]').textContent, "Withdrawn");
  assert.equal(withdraw().hidden, true);
  assert.equal(document.activeElement?.textContent, "Set a task's status");
});

test("a withdrawal that failed says why and can be tried again", async () => {
  await shown({
    grants: async () => ({ grants: [grant()] }),
    withdrawGrant: async () => {
      throw failure("unavailable", "The assistant is away.");
    },
  });
  withdraw().click();
  await answerDialog("yes");
  assert.match(main.textContent, /Not withdrawn\. The assistant is away\./);
  assert.equal(withdraw().disabled, false);
});

test("none and not to be had are different", async () => {
  const note = () => main.querySelector('[data-part="note"]').textContent;
  await shown({ grants: async () => ({ grants: [] }) });
  assert.match(note(), /There is none\./);
  await shown({
    grants: async () => {
      throw failure("unavailable", "Away.");
    },
  });
  assert.match(note(), /cannot be shown\. Away\./);
});
