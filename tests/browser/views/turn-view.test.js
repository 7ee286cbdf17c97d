// @ts-check
import assert from "node:assert/strict";
import { test } from "node:test";
import { CitedPassages } from "#js/models/cited-passages.js";
import { applyEvents, newTurn } from "#js/models/turn.js";
import {
  asked,
  callFinished,
  callStarted,
  decided,
  delta,
  finished,
  numbered,
  proposed,
  started,
} from "../support/events.js";
import { openPage, press } from "../support/page.js";
import { tasksByProject, unusedResults } from "../support/results.js";

const window = openPage();
const { TurnView } = await import("#js/views/turn-view.js");

/**
 * @typedef {object} Answers
 * @property {boolean} [decidedHere]
 * @property {(decisions: any[]) => Promise<any[]>} [decideAll]
 * @property {(callId: string, choice: string) => Promise<any>} [choose]
 * @property {(inputId: string, answer: any) => Promise<any>} [answer]
 */

/** @param {Answers & Partial<import("#js/views/turn-view.js").TurnActions>} [options] */
function view({
  decidedHere = true,
  decideAll = async () => [],
  choose = async () => ({ choice: null, checked: null, text: "" }),
  answer = async () => {},
  ...actions
} = {}) {
  const turn = new TurnView({
    me: "Ada",
    decidedHere: () => decidedHere,
    approvals: {
      preview: async () => ({ preview: null, problem: null }),
      decide: async () => {},
      decideAll,
    },
    outcomes: { choose },
    inputs: { answer },
    results: unusedResults,
    onAskInstead: () => {},
    onShowVersion: () => {},
    onUnqueue: () => {},
    cited: new CitedPassages(),
    onOpenSource: () => {},
    ...actions,
  });
  document.body.append(turn.element);
  return turn;
}

/** Opens the call, or draws it again. @param {Element} shown */
function unfold(shown) {
  const details = /** @type {any} */ (shown.querySelector("details.call-details"));
  details.open = true;
  details.dispatchEvent(new window.Event("toggle"));
}

/** @param {...any} events */
function turnOf(...events) {
  return applyEvents(newTurn("turn-1"), numbered(started(), ...events)).turn;
}

/** @param {Element} root @param {string} selector */
function textOf(root, selector) {
  return root.querySelector(selector)?.textContent?.replace(/\s+/g, " ").trim() ?? null;
}

test("the question is shown as text, whatever it holds", () => {
  const shown = view();
  shown.update(applyEvents(newTurn("turn-1"), numbered(started("<b>bold?</b>"))).turn);
  assert.equal(textOf(shown.element, ".question-text"), "<b>bold?</b>");
  assert.ok(shown.element.querySelector("b") === null);
});

test("a very long question is folded and can be unfolded", () => {
  const shown = view();
  shown.update(applyEvents(newTurn("turn-1"), numbered(started("word ".repeat(1000)))).turn);
  const unfold = /** @type {any} */ (shown.element.querySelector('[data-part="unfold"]'));
  assert.equal(unfold.hidden, false);
  unfold.click();
  assert.equal(unfold.getAttribute("aria-expanded"), "true");
  assert.ok(shown.element.querySelector("[data-folded]") === null);
});

test("it says what it is doing, and is busy until it is over", () => {
  const shown = view();
  shown.update(turnOf());
  assert.equal(textOf(shown.element, ".turn-status"), "Steward is thinking…");
  assert.equal(shown.element.getAttribute("aria-busy"), "true");
  shown.update(turnOf(delta("It is noon."), finished()));
  assert.equal(/** @type {any} */ (shown.element.querySelector(".turn-status")).hidden, true);
  assert.equal(shown.element.getAttribute("aria-busy"), "false");
});

test("pieces stand in the order they came, and stay the same nodes while they grow", () => {
  const shown = view();
  const events = [
    { kind: "text_finished", text: "Let me look." },
    proposed({ read_only: true }),
    callStarted(),
    callFinished("succeeded", { rows: 3 }),
  ];
  shown.update(turnOf(...events.slice(0, 2)));
  const [first, second] = shown.element.querySelectorAll(".answer-parts > *");
  shown.update(turnOf(...events, { kind: "text_finished", text: "Three." }));
  const pieces = [...shown.element.querySelectorAll(".answer-parts > *")];
  assert.equal(pieces.length, 3);
  assert.ok(pieces[0] === first);
  assert.ok(pieces[1] === second);
  assert.equal(textOf(pieces[1], ".call-meta"), "3 rows · 24 ms");
});

test("a text that was dropped leaves the page", () => {
  const shown = view();
  shown.update(turnOf(delta("Half a")));
  assert.equal(shown.element.querySelectorAll(".answer").length, 1);
  shown.update(
    turnOf(delta("Half a"), { kind: "text_dropped", reason: "It broke off.", covers: 1 }),
  );
  assert.equal(shown.element.querySelectorAll(".answer").length, 0);
  assert.equal(textOf(shown.element, ".turn-status"), "It broke off. Trying again…");
});

test("a stopped turn keeps what was said and is marked", () => {
  const shown = view();
  shown.update(turnOf(delta("It is "), finished("stopped")));
  assert.equal(textOf(shown.element, ".stopped"), "Stopped");
  assert.equal(textOf(shown.element, ".answer"), "It is");
});

test("a failed turn says why and how to go on", () => {
  /** @type {object[]} */
  const again = [];
  const shown = view({ onAskInstead: (question) => again.push(question) });
  const error = { code: "model", message: "The model cannot be reached.", hint: "Try later." };
  shown.update(turnOf({ ...finished("failed"), error }));
  assert.equal(textOf(shown.element, ".note.error p"), "The model cannot be reached.");
  /** @type {any} */ (shown.element.querySelector(".note.error button")).click();
  assert.deepEqual(again, [{ text: "How many tasks?", replaces: "turn-1" }]);
});

/** @param {any} turn @param {string} name @returns {any} */
const inTurn = (turn, name) => turn.element.querySelector(`[data-part="${name}"]`);

/** @param {any} shown @param {string} text @param {string} key @param {object} [modifiers] */
function rewrite(shown, text, key, modifiers = {}) {
  inTurn(shown, "edit").click();
  const field = inTurn(shown, "text");
  field.value = text;
  return press(window, field, key, modifiers);
}

test("a question is edited in its place; Enter and Ctrl+Enter send it as another version", () => {
  /** @type {object[]} */
  const asked = [];
  const shown = view({ onAskInstead: (question) => asked.push(question) });
  shown.update(turnOf(finished()));
  inTurn(shown, "edit").click();
  assert.ok(document.activeElement === inTurn(shown, "text"), "the keyboard is in the field");
  assert.equal(inTurn(shown, "text").value, "How many tasks?");
  assert.equal(inTurn(shown, "question-box").hidden, true);
  inTurn(shown, "cancel").click();
  rewrite(shown, "How many bugs?", "Enter");
  rewrite(shown, "  How many stories? ", "Enter", { ctrlKey: true });
  assert.deepEqual(asked, [
    { text: "How many bugs?", replaces: "turn-1" },
    { text: "How many stories?", replaces: "turn-1" },
  ]);
  assert.equal(inTurn(shown, "question-box").hidden, false);
});

test("Escape leaves a question as it was, and the keyboard is where it came from", () => {
  /** @type {object[]} */
  const asked = [];
  const shown = view({ onAskInstead: (question) => asked.push(question) });
  shown.update(turnOf(finished()));
  const event = rewrite(shown, "Something else", "Escape");
  assert.equal(event.defaultPrevented, true, "the drawer stays as it is");
  assert.ok(document.activeElement === inTurn(shown, "edit"));
  assert.equal(textOf(shown.element, ".question-text"), "How many tasks?");
  assert.deepEqual(asked, []);
});

test("an empty question, a new line and a composition send nothing", () => {
  /** @type {object[]} */
  const asked = [];
  const shown = view({ onAskInstead: (question) => asked.push(question) });
  shown.update(turnOf(finished()));
  rewrite(shown, "  ", "Enter");
  inTurn(shown, "cancel").click();
  rewrite(shown, "Tasks", "Enter", { shiftKey: true });
  inTurn(shown, "cancel").click();
  rewrite(shown, "こんにちは", "Enter", { isComposing: true });
  assert.deepEqual(asked, []);
});

test("an answer can be had again", () => {
  /** @type {object[]} */
  const asked = [];
  const shown = view({ onAskInstead: (question) => asked.push(question) });
  shown.update(turnOf(delta("Two."), finished()));
  const again = [...shown.element.querySelectorAll("button")].find((button) =>
    button.textContent?.includes("Answer again"),
  );
  again?.click();
  assert.deepEqual(asked, [{ text: "How many tasks?", replaces: "turn-1" }]);
});

test("versions are counted, and lead to the ones before and after", () => {
  /** @type {object[]} */
  const wanted = [];
  const shown = view({ onShowVersion: (change) => wanted.push(change) });
  shown.update(turnOf(finished()));
  assert.equal(inTurn(shown, "versions").hidden, true, "there is only one");
  shown.update({ ...turnOf(finished()), versions: ["turn-0", "turn-1", "turn-2"] });
  assert.equal(inTurn(shown, "version").textContent, "2 / 3");
  assert.equal(inTurn(shown, "versions").getAttribute("aria-label"), "Version 2 of 3");
  inTurn(shown, "version-before").click();
  inTurn(shown, "version-after").click();
  assert.deepEqual(wanted, [
    { from: "turn-1", to: "turn-0", step: -1 },
    { from: "turn-1", to: "turn-2", step: 1 },
  ]);
});

test("at the last version the keyboard goes to the way back", () => {
  const shown = view();
  shown.update({ ...turnOf(finished()), versions: ["turn-0", "turn-1"] });
  assert.equal(inTurn(shown, "version-after").disabled, true);
  shown.focusVersions(1);
  assert.ok(document.activeElement === inTurn(shown, "version-before"));
});

test("a question that waits in the queue says so and can be removed", () => {
  /** @type {string[]} */
  const removed = [];
  const shown = view({ onUnqueue: (turnId) => removed.push(turnId) });
  const waiting = { ...started(), queued: true };
  shown.update(applyEvents(newTurn("turn-1"), numbered(waiting)).turn);
  assert.equal(inTurn(shown, "queued").hidden, false);
  assert.match(textOf(shown.element, ".turn-queued") ?? "", /Waits for the answer above/);
  assert.equal(inTurn(shown, "status").hidden, true);
  assert.equal(shown.element.getAttribute("aria-busy"), "false");
  inTurn(shown, "unqueue").click();
  assert.deepEqual(removed, ["turn-1"]);
  shown.update(applyEvents(newTurn("turn-1"), numbered(waiting, finished("stopped"))).turn);
  assert.equal(inTurn(shown, "queued").hidden, true);
  assert.equal(textOf(shown.element, ".stopped"), "Not answered: removed while it waited");
});

test("a call that waits for the person shows the question, then its outcome", () => {
  const shown = view();
  shown.update(turnOf(proposed(), asked()));
  assert.equal(shown.openCards.length, 1);
  assert.ok(shown.element.querySelector('[role="alertdialog"]'));
  const approved = decided("approved", { edited: ["status"] });
  shown.update(turnOf(proposed(), asked(), approved, callStarted(), callFinished("succeeded")));
  assert.equal(shown.openCards.length, 0);
  assert.equal(textOf(shown.element, ".call-sentence"), "You approved with changes to: status");
});

test("a decision from another tab is told as such, after a reload it is not", () => {
  const live = view({ decidedHere: false });
  live.update(turnOf(proposed(), asked()));
  live.update(turnOf(proposed(), asked(), decided("rejected", { decided_by: "Grace" })));
  assert.equal(
    textOf(live.element, ".call-sentence"),
    "Rejected in another tab by Grace. Nothing was done.",
  );
  const reloaded = view({ decidedHere: false });
  reloaded.update(turnOf(proposed(), asked(), decided("rejected", { decided_by: "Grace" })));
  assert.equal(
    textOf(reloaded.element, ".call-sentence"),
    "Grace rejected this. Nothing was done.",
  );
});

test("an unfolded call shows what was sent, what came back and the rule", () => {
  const shown = view();
  const sql = "SELECT count(*) FROM tasks";
  shown.update(
    turnOf(
      proposed({
        tool: "query",
        title: "Run a query",
        arguments: { sql, limit: 5 },
        read_only: true,
      }),
      callStarted(),
      callFinished("succeeded", {
        rows: 1,
        result: { columns: ["n"], rows: [[42]], row_count: 1 },
        whole_bytes: 2_500_000,
      }),
    ),
  );
  const details = /** @type {any} */ (shown.element.querySelector("details.call-details"));
  assert.equal(textOf(details, ".call-body"), "");
  details.open = true;
  details.dispatchEvent(new window.Event("toggle"));
  const body = textOf(details, ".call-body") ?? "";
  for (const words of [sql, "limit5", "42", "1 row.", "changes-ask"])
    assert.ok(body.includes(words), words);
});

test("a large result that is no table can be taken home whole", () => {
  const shown = view();
  const end = { result: "A long text", truncated: true, whole_bytes: 2_500_000 };
  shown.update(turnOf(proposed({}), callStarted(), callFinished("succeeded", end)));
  unfold(shown.element);
  const whole = shown.element.querySelector("a[download]");
  assert.equal(whole?.getAttribute("href"), "/api/calls/call-1/result");
  assert.equal(whole?.textContent, "Download the whole result (2.5 MB)");
});

test("rows invite to look at them, and what was done with them stays when they are folded away", () => {
  const shown = view();
  const result = tasksByProject(3);
  const events = [proposed({ read_only: true }), callStarted()];
  shown.update(turnOf(...events, callFinished("succeeded", { rows: 3, result })));
  assert.equal(textOf(shown.element, ".call-invitation"), "3 rows");
  unfold(shown.element);
  const heads = shown.element.querySelectorAll(".grid-order");
  /** @type {any} */ (heads[1]).click();
  unfold(shown.element);
  assert.equal(shown.element.querySelectorAll("[aria-sort=ascending]").length, 1);
});

test("what is no table, or did not succeed, invites to nothing", () => {
  const shown = view();
  shown.update(turnOf(proposed(), callStarted(), callFinished("succeeded", { result: "Done." })));
  const invitation = shown.element.querySelector(".call-invitation");
  assert.equal(/** @type {any} */ (invitation).hidden, true);
});

test("only a call that its server can keep, and that succeeded, is offered to be kept", () => {
  /** @param {boolean} keepable @param {string} state */
  const offered = (keepable, state) => {
    const shown = view();
    shown.update(turnOf(proposed({ keepable }), callStarted(), callFinished(state)));
    unfold(shown.element);
    return shown.element.querySelectorAll(".keep").length;
  };
  assert.deepEqual(
    [offered(true, "succeeded"), offered(false, "succeeded"), offered(true, "failed")],
    [1, 0, 0],
  );
});

test("an error of a call is shown with its hint", () => {
  const shown = view();
  const error = {
    code: "bad_sql",
    message: "The query could not be read.",
    hint: "Begin with SELECT.",
  };
  shown.update(
    turnOf(proposed({ read_only: true }), callStarted(), callFinished("failed", { error })),
  );
  assert.equal(textOf(shown.element, ".call-sentence"), "The query could not be read.");
  const details = /** @type {any} */ (shown.element.querySelector("details.call-details"));
  details.open = true;
  details.dispatchEvent(new window.Event("toggle"));
  assert.ok(textOf(details, ".call-body")?.includes("Begin with SELECT."));
});
