// @ts-check
import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import { applyEvents, callsOf, newTurn } from "#js/models/turn.js";
import { asked, numbered, proposed, started } from "../support/events.js";
import { openPage, press, settled, write } from "../support/page.js";

const window = openPage();
const { ApprovalCard } = await import("#js/views/approval-card.js");

/** @type {any[]} */
let decisions = [];
/** @type {any[]} */
let previews = [];
/** @type {(decision: any) => Promise<void>} */
let decide = async () => {};
/** @type {(args: any) => Promise<any>} */
let preview = async () => ({ preview: null, problem: null });
/** @type {import("#js/views/approval-card.js").ApprovalCard[]} */
let cards = [];

beforeEach(() => {
  decisions = [];
  previews = [];
  decide = async () => {};
});

afterEach(() => {
  for (const card of cards) card.close();
  cards = [];
});

/** @param {Record<string, unknown>} [changes] of the event that asks */
function card(changes) {
  const { turn } = applyEvents(newTurn("turn-1"), numbered(started(), proposed(), asked(changes)));
  const made = new ApprovalCard(/** @type {any} */ (callsOf(turn)[0]), {
    preview: (_, args) => {
      previews.push(args);
      return preview(args);
    },
    decide: async (decision) => {
      decisions.push(decision);
      await decide(decision);
    },
  });
  document.body.append(made.element);
  cards.push(made);
  return made.element;
}

/** @param {Element} root @param {string} name @returns {any} */
function partOf(root, name) {
  return root.querySelector(`[data-part="${name}"]`);
}

/** @param {Element} root @param {string} label @returns {any} */
function fieldOf(root, label) {
  const found = [...root.querySelectorAll("label")].find((node) => node.textContent === label);
  return document.getElementById(found?.getAttribute("for") ?? "");
}

test("a statement is shown as SQL with its values, and follows what is edited", () => {
  const args = { sql: "SELECT :day", parameters: { day: "2026-11-21" } };
  const schema = { type: "object", properties: { sql: { type: "string" }, parameters: {} } };
  const root = card({ arguments: args, arguments_schema: schema });
  assert.equal(root.querySelector(".approval-sql code")?.textContent, "SELECT :day");
  assert.ok(root.querySelector(".approval-sql .copy-button"));
  assert.equal(root.querySelector(".approval-sql .parameters")?.textContent, ":day2026-11-21");
  write(window, root.querySelector(".fields textarea, .fields input"), "SELECT 2");
  assert.equal(root.querySelector(".approval-sql code")?.textContent, "SELECT 2");
  assert.equal(partOf(card(), "sql").hidden, true);
});

test("it shows server, tool, arguments, what will change, why it asks and until when", () => {
  const root = card();
  const text = root.textContent ?? "";
  for (const words of [
    "dbquery",
    "set_task_status",
    "Task 42 becomes done.",
    "in_progress",
    "It changes data.",
    "changes-ask",
    "expires in",
  ]) {
    assert.ok(text.includes(words), words);
  }
  assert.equal(fieldOf(root, "Task ID").value, "42");
  assert.equal(fieldOf(root, "Status").value, '"done"');
});

test("it is a dialog with a name and a description", () => {
  const root = card();
  assert.equal(root.getAttribute("role"), "alertdialog");
  for (const [attribute, words] of [
    ["aria-labelledby", "Set a task's status"],
    ["aria-describedby", "It changes data."],
  ]) {
    assert.equal(document.getElementById(root.getAttribute(attribute) ?? "")?.textContent, words);
  }
});

test("approving what was proposed sends no arguments", async () => {
  const root = card();
  partOf(root, "approve").click();
  await settled();
  assert.deepEqual(decisions, [{ callId: "call-1", decision: "approve", note: "" }]);
});

test("a double click decides once", async () => {
  const root = card();
  partOf(root, "approve").click();
  partOf(root, "approve").click();
  partOf(root, "reject").click();
  await settled();
  assert.equal(decisions.length, 1);
});

test("rejecting takes the reason along", async () => {
  const root = card();
  partOf(root, "note").value = " Not today. ";
  partOf(root, "reject").click();
  await settled();
  assert.deepEqual(decisions, [{ callId: "call-1", decision: "reject", note: "Not today." }]);
});

test("no key in a field decides", () => {
  const root = card();
  for (const key of ["Enter", "Escape"]) press(window, fieldOf(root, "Task ID"), key);
  root.querySelector("form")?.dispatchEvent(new window.Event("submit", { cancelable: true }));
  assert.deepEqual(decisions, []);
});

test("an edit asks what would change then, and approving waits for the answer", async (context) => {
  context.mock.timers.enable({ apis: ["setTimeout"] });
  window.setTimeout = globalThis.setTimeout;
  const root = card();
  preview = async () => ({
    preview: { summary: "Task 7 becomes done.", changes: [] },
    problem: null,
  });
  write(window, fieldOf(root, "Task ID"), "7");
  assert.equal(partOf(root, "approve").disabled, true);
  assert.ok(root.textContent?.includes("Working out what this would change…"));
  context.mock.timers.tick(400);
  await settled();
  assert.deepEqual(previews, [{ task_id: 7, status: "done" }]);
  assert.ok(root.textContent?.includes("Task 7 becomes done."));
  assert.equal(partOf(root, "approve").disabled, false);
  assert.equal(partOf(root, "approve").textContent, "Approve with changes");
  partOf(root, "approve").click();
  await settled();
  assert.deepEqual(decisions[0].arguments, { task_id: 7, status: "done" });
});

test("only the newest preview counts", async (context) => {
  context.mock.timers.enable({ apis: ["setTimeout"] });
  window.setTimeout = globalThis.setTimeout;
  window.clearTimeout = globalThis.clearTimeout;
  const root = card();
  /** @type {((answer: any) => void)[]} */
  const answers = [];
  preview = () => new Promise((resolve) => answers.push(resolve));
  for (const value of ["7", "8"]) {
    write(window, fieldOf(root, "Task ID"), value);
    context.mock.timers.tick(400);
  }
  answers[1]({ preview: { summary: "Task 8.", changes: [] }, problem: null });
  await settled();
  answers[0]({ preview: { summary: "Task 7.", changes: [] }, problem: null });
  await settled();
  assert.ok(root.textContent?.includes("Task 8."));
  assert.ok(!root.textContent?.includes("Task 7."));
});

test("a preview that fails is told, and approving stays possible", async (context) => {
  context.mock.timers.enable({ apis: ["setTimeout"] });
  window.setTimeout = globalThis.setTimeout;
  const root = card();
  preview = () => Promise.reject(new Error("There is no task 99."));
  write(window, fieldOf(root, "Task ID"), "99");
  context.mock.timers.tick(400);
  await settled();
  assert.ok(root.textContent?.includes("could not be worked out: There is no task 99."));
  assert.equal(partOf(root, "approve").disabled, false);
});

test("an argument that cannot be sent is marked, and approving is off until it is mended", () => {
  const root = card();
  const field = fieldOf(root, "Task ID");
  write(window, field, "0");
  assert.equal(field.getAttribute("aria-invalid"), "true");
  assert.ok(root.textContent?.includes("The least is 1."));
  assert.equal(partOf(root, "approve").disabled, true);
  assert.equal(partOf(root, "reject").disabled, false);
  write(window, field, "42");
  assert.equal(partOf(root, "approve").disabled, false);
});

test("an edit is marked and can be undone, and then it is no edit", async () => {
  const root = card();
  write(window, fieldOf(root, "Status"), '"todo"');
  const marked = root.querySelector(".field[data-edited]");
  assert.ok(marked?.textContent?.includes("Status"));
  /** @type {any} */ (marked)?.querySelector("button").click();
  assert.ok(root.querySelector(".field[data-edited]") === null);
  partOf(root, "approve").click();
  await settled();
  assert.equal("arguments" in decisions[0], false);
});

test("a tool without a preview says so and asks for none", () => {
  const root = card({ preview: null });
  write(window, fieldOf(root, "Task ID"), "7");
  assert.ok(root.textContent?.includes("cannot show beforehand"));
  assert.equal(partOf(root, "approve").disabled, false);
});

test("a decision that did not count is told, and both ways are open again", async () => {
  const root = card();
  decide = () => Promise.reject(new Error("Already decided: approved by Grace."));
  partOf(root, "reject").click();
  await settled();
  assert.equal(partOf(root, "problem").textContent, "Already decided: approved by Grace.");
  assert.equal(partOf(root, "approve").disabled, false);
});

test("a number too large to be kept exactly locks the fields", async () => {
  const root = card({ arguments: { task_id: 2 ** 60, status: "done" } });
  assert.equal(fieldOf(root, "Status").disabled, true);
  partOf(root, "approve").click();
  await settled();
  assert.equal("arguments" in decisions[0], false);
});

test("arguments that were left empty are folded away, and can be filled in", () => {
  const root = card({
    arguments: { task_id: 42, status: "done" },
    arguments_schema: {
      type: "object",
      properties: {
        task_id: { type: "integer" },
        status: { type: "string" },
        note: { type: "string" },
      },
    },
  });
  const folded = root.querySelector("details.left-out");
  assert.ok(folded?.textContent?.includes("Left empty: Note"));
  assert.ok(folded?.contains(fieldOf(root, "Note")));
});

test("fragments from outside are marked in the argument, with where they come from", () => {
  const root = card({
    taint: [
      {
        argument: "status",
        start: 0,
        end: 2,
        origin: { kind: "mail", server: "email", trusted: false },
      },
    ],
  });
  const mark = root.querySelector(".field mark");
  assert.equal(mark?.textContent, "[from mail, through server “email”: do]1");
  assert.equal(
    root.querySelector(".taint-legend li")?.textContent,
    "1 From: mail, through server “email”",
  );
  assert.equal(
    root.querySelector(".taint")?.closest(".field")?.querySelector("label")?.textContent,
    "Status",
  );
});

/** @param {Element} root */
function longer(root) {
  const box = partOf(root, "longer");
  const choose = (/** @type {any} */ field, /** @type {string} */ value) => {
    field.value = value;
    field.dispatchEvent(new window.Event("change", { bubbles: true }));
  };
  return {
    box,
    choose,
    switchOn() {
      const toggle = box.querySelector('input[type="checkbox"]');
      toggle.checked = true;
      toggle.dispatchEvent(new window.Event("change", { bubbles: true }));
    },
    lifetime: box.querySelector('[aria-label="For how long"]'),
    scope: (/** @type {string} */ label) => fieldOf(box, label),
  };
}

test("a yes for longer is offered only where it may be given", () => {
  assert.equal(partOf(card(), "longer").hidden, true);
  assert.equal(partOf(card({ may_grant: true }), "longer").hidden, false);
});

test("a yes is for once unless the person wants it for longer", async () => {
  const root = card({ may_grant: true });
  assert.equal(partOf(root, "approve").textContent, "Approve");
  partOf(root, "approve").click();
  await settled();
  assert.equal("grant" in decisions[0], false);
});

test("a yes for longer says until when and what each argument may be", async () => {
  const root = card({ may_grant: true });
  const { switchOn, choose, lifetime, scope } = longer(root);
  switchOn();
  choose(lifetime, "604800");
  choose(scope("Task ID"), "anything");
  choose(scope("Status"), "begins");
  write(window, root.querySelector('[aria-label="Status begins with"]'), "do");
  assert.equal(partOf(root, "approve").textContent, "Approve for 7 days");
  partOf(root, "approve").click();
  await settled();
  assert.deepEqual(decisions[0].grant, {
    lifetime_s: 604800,
    vary: { task_id: { anything: true }, status: { starts_with: "do" } },
  });
});

test("a beginning that what is sent does not have cannot be given", () => {
  const root = card({ may_grant: true });
  const { switchOn, choose, scope } = longer(root);
  switchOn();
  choose(scope("Status"), "begins");
  const beginning = root.querySelector('[aria-label="Status begins with"]');
  for (const wrong of ["", "to", "done and more"]) {
    write(window, beginning, wrong);
    assert.equal(partOf(root, "approve").disabled, true, wrong);
  }
  write(window, beginning, "d");
  assert.equal(partOf(root, "approve").disabled, false);
});

test("a number may be exactly this or any, and an edit moves what exactly means", () => {
  const root = card({ may_grant: true });
  const { switchOn, scope } = longer(root);
  switchOn();
  const options = () => [...scope("Task ID").options].map(({ textContent }) => textContent);
  assert.deepEqual(options(), ["exactly 42", "any value"]);
  write(window, fieldOf(root, "Task ID"), "7");
  assert.deepEqual(options(), ["exactly 7", "any value"]);
});

test("a rejection takes no wish for longer along", async () => {
  const root = card({ may_grant: true });
  longer(root).switchOn();
  partOf(root, "reject").click();
  await settled();
  assert.equal("grant" in decisions[0], false);
});

test("a tool that changed since the standing yes shows only what changed", () => {
  const root = card({
    outdated_grant: {
      before: { name: "set", description: "Sets it." },
      after: { name: "set", description: "Sets it and mails." },
    },
  });
  assert.equal(partOf(root, "outdated").hidden, false);
  const diff = partOf(root, "diff").textContent;
  assert.match(diff, /− {3}"description": "Sets it\."/);
  assert.match(diff, /\+ {3}"description": "Sets it and mails\."/);
  assert.doesNotMatch(diff, /"name"/);
});

test("where a second person must decide there is nothing to press and nothing to edit", () => {
  const root = card({ approver_roles: ["admin", "owner"], may_grant: true });
  assert.equal(partOf(root, "foot").hidden, true);
  assert.equal(partOf(root, "longer").hidden, true);
  assert.equal(fieldOf(root, "Task ID").disabled, true);
  assert.equal(root.getAttribute("role"), "group");
  assert.match(partOf(root, "waits").textContent, /somebody else with the role “admin” or “owner”/);
});
