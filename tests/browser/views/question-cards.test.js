// @ts-check
import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import { CitedPassages } from "#js/models/cited-passages.js";
import { applyEvents, newTurn } from "#js/models/turn.js";
import {
  asked,
  callFinished,
  callStarted,
  decided,
  inputAnswered,
  inputNeeded,
  numbered,
  outcomeChecked,
  outcomeDecided,
  outcomeNeeded,
  proposed,
  started,
} from "../support/events.js";
import { openPage, settled, write } from "../support/page.js";
import { unusedResults } from "../support/results.js";

const window = openPage();
const { TurnView } = await import("#js/views/turn-view.js");

/** @type {import("#js/views/turn-view.js").TurnView[]} */
let turns = [];
/** What was sent to the server. @type {any[]} */
let sent = [];
/** @type {() => Promise<any>} */
let answer = async () => ({});

beforeEach(() => {
  sent = [];
  answer = async () => ({ call_id: "call-1", choice: null, checked: null, text: "" });
});

afterEach(() => {
  for (const turn of turns) turn.close();
  turns = [];
});

/** @param {...any} parts */
function send(...parts) {
  sent.push(parts);
  return answer();
}

function view() {
  const turn = new TurnView({
    me: "Ada",
    decidedHere: () => true,
    approvals: {
      preview: async () => ({ preview: null, problem: null }),
      decide: async () => {},
      decideAll: (decisions) => send(decisions),
    },
    outcomes: { choose: send },
    inputs: { answer: send },
    results: unusedResults,
    onAskInstead: () => {},
    onShowVersion: () => {},
    onUnqueue: () => {},
    cited: new CitedPassages(),
    onOpenSource: () => {},
  });
  document.querySelector(".turns")?.append(turn.element);
  turns.push(turn);
  return turn;
}

/** @param {...any} events */
function turnOf(...events) {
  return applyEvents(newTurn("turn-1"), numbered(started(), ...events)).turn;
}

/** @param {...any} events */
function shown(...events) {
  const turn = view();
  turn.update(turnOf(...events));
  return turn;
}

/** @param {Element} root @param {string} name @returns {any} */
const partOf = (root, name) => root.querySelector(`[data-part="${name}"]`);
/** @param {Element} root @param {string} selector @returns {any} */
const find = (root, selector) => root.querySelector(selector);

// It may have been done

const LOST = [proposed(), callStarted(), outcomeNeeded()];

test("a lost outcome is asked about in plain words, also after a reload", () => {
  const { element, openCards } = shown(...LOST);
  const card = find(element, ".outcome");
  assert.equal(openCards.length, 1);
  assert.equal(
    document.getElementById(card.getAttribute("aria-labelledby"))?.textContent,
    "Set a task's status",
  );
  assert.match(card.textContent, /It was sent, but the answer was lost\./);
  assert.match(card.textContent, /You are asked again before anything is sent\./);
});

test("checking shows what the server said, suggests what to do, and decides nothing", async () => {
  const { element, openCards } = shown(...LOST);
  answer = async () => ({
    call_id: "call-1",
    choice: null,
    checked: "done",
    text: "Task 42 is done.",
  });
  partOf(element, "check").click();
  await settled();
  assert.deepEqual(sent, [["call-1", "check"]]);
  assert.equal(
    partOf(element, "checked").textContent,
    "The server says that it was done. Task 42 is done.",
  );
  assert.equal(partOf(element, "done").classList.contains("primary"), true);
  assert.equal(partOf(element, "retry").disabled, false);
  assert.equal(openCards.length, 1);
});

test("a check in another tab shows here as well", () => {
  const turn = shown(...LOST);
  turn.update(turnOf(...LOST, outcomeChecked("not_done")));
  assert.equal(
    partOf(turn.element, "checked").textContent,
    "The server says that it was not done.",
  );
  assert.equal(partOf(turn.element, "retry").classList.contains("primary"), true);
});

test("there is no check where the server cannot say", () => {
  const { element } = shown(proposed(), callStarted(), outcomeNeeded({ can_check: false }));
  assert.equal(partOf(element, "may-check").hidden, true);
});

test("a choice is sent once, and the card goes when it counts", async () => {
  const turn = shown(...LOST);
  partOf(turn.element, "leave").click();
  partOf(turn.element, "retry").click();
  await settled();
  assert.deepEqual(sent, [["call-1", "leave"]]);
  turn.update(turnOf(...LOST, outcomeDecided("leave"), callFinished("outcome_unknown")));
  assert.equal(turn.openCards.length, 0);
  assert.match(partOf(turn.element, "sentence").textContent, /You left it unknown\./);
});

test("a choice that did not count says why and can be made again", async () => {
  const { element } = shown(...LOST);
  answer = () => Promise.reject(new Error("Grace was first."));
  partOf(element, "done").click();
  await settled();
  assert.equal(partOf(find(element, ".outcome"), "problem").textContent, "Grace was first.");
  assert.equal(partOf(element, "done").disabled, false);
});

// A tool server asks

const ASKED = [proposed({ server: "rooms", tool: "book" }), callStarted(), inputNeeded()];

test("a server's question says whose it is and warns of secrets", () => {
  const { element, openCards } = shown(...ASKED);
  const text = find(element, ".person-input").textContent;
  for (const words of ["The server “rooms” asks", "For whom is the room?", "Never type a password"])
    assert.ok(text.includes(words), words);
  assert.equal(openCards.length, 1);
  assert.equal(find(element, "input").type, "email");
  assert.equal(find(element, "input").required, true);
});

test("what is written is sent, and the card goes when the answer counts", async () => {
  const turn = shown(...ASKED);
  write(window, find(turn.element, "input"), "ada@example.org");
  find(turn.element, ".person-input form").dispatchEvent(
    new window.Event("submit", { cancelable: true }),
  );
  await settled();
  assert.deepEqual(sent, [
    ["input-1", { action: "accept", content: { email: "ada@example.org" } }],
  ]);
  turn.update(turnOf(...ASKED, inputAnswered("accept")));
  assert.equal(turn.openCards.length, 0);
  assert.equal(partOf(turn.element, "sentence").textContent, "You answered what “rooms” asked.");
});

test("declining and cancelling send nothing that was written", async () => {
  for (const action of ["decline", "cancel"]) {
    sent = [];
    const { element } = shown(...ASKED);
    write(window, find(element, "input"), "ada@example.org");
    partOf(element, action).click();
    await settled();
    assert.deepEqual(sent, [["input-1", { action }]]);
  }
});

test("what the server does not accept is told, and what was written stays", async () => {
  const { element } = shown(...ASKED);
  answer = () => Promise.reject(new Error("email: give an address of your company."));
  write(window, find(element, "input"), "ada@example.org");
  find(element, ".person-input form").dispatchEvent(
    new window.Event("submit", { cancelable: true }),
  );
  await settled();
  assert.equal(
    partOf(find(element, ".person-input"), "problem").textContent,
    "email: give an address of your company.",
  );
  assert.equal(find(element, "input").value, "ada@example.org");
  assert.equal(partOf(element, "send").disabled, false);
});

test("a second question of the same call takes the place of the first", () => {
  const turn = shown(...ASKED);
  const second = inputNeeded({ input_id: "input-2", message: "And when?" });
  turn.update(turnOf(...ASKED, inputAnswered("accept"), second));
  assert.equal(turn.element.querySelectorAll(".person-input").length, 1);
  assert.match(find(turn.element, ".person-input").textContent, /And when\?/);
});

test("numbers, choices and presets come back as the schema wants them", async () => {
  const answer_schema = {
    type: "object",
    properties: {
      size: { type: "integer", minimum: 1, maximum: 20, default: 4 },
      seating: { type: "string", oneOf: [{ const: "u", title: "U shape" }], default: "u" },
      catering: { type: "boolean" },
      extras: {
        type: "array",
        minItems: 1,
        maxItems: 1,
        items: { enum: ["beamer", "board"] },
        default: ["board"],
      },
    },
    required: ["size", "extras"],
  };
  const { element } = shown(proposed(), callStarted(), inputNeeded({ answer_schema }));
  const size = find(element, 'input[type="number"]');
  assert.deepEqual([size.min, size.max, size.step], ["1", "20", "1"]);
  find(element, ".person-input form").dispatchEvent(
    new window.Event("submit", { cancelable: true }),
  );
  await settled();
  assert.deepEqual(sent[0][1].content, { size: 4, seating: "u", extras: ["board"] });
});

const URL_MODE = {
  mode: "url",
  answer_schema: {},
  url: "https://login.example/authorize?state=1",
  domain: "login.example",
};

test("an address is shown with its domain and opened by a click only, in a tab that knows nothing of us", () => {
  const { element } = shown(proposed(), callStarted(), inputNeeded(URL_MODE));
  assert.equal(partOf(element, "domain").textContent, "login.example");
  assert.equal(partOf(element, "url").textContent, URL_MODE.url);
  const link = partOf(element, "open");
  assert.equal(link.href, URL_MODE.url);
  assert.equal(link.target, "_blank");
  assert.match(link.rel, /noopener noreferrer/);
  assert.equal(partOf(element, "send").textContent, "I am done");
  assert.equal(partOf(element, "cancel").hidden, true);
});

test("a domain that is not the address's own is not believed", () => {
  const changes = { ...URL_MODE, url: "https://evil.example/", domain: "bank.example" };
  const { element } = shown(proposed(), callStarted(), inputNeeded(changes));
  assert.equal(partOf(element, "domain").textContent, "evil.example");
});

test("an address that is none of the web cannot be opened", () => {
  const changes = { ...URL_MODE, url: "javascript:alert(1)", domain: null };
  const { element } = shown(proposed(), callStarted(), inputNeeded(changes));
  assert.equal(partOf(element, "open").hidden, true);
  assert.equal(partOf(element, "open").hasAttribute("href"), false);
});

test("done elsewhere is an answer without content", async () => {
  const { element } = shown(proposed(), callStarted(), inputNeeded(URL_MODE));
  find(element, ".person-input form").dispatchEvent(
    new window.Event("submit", { cancelable: true }),
  );
  await settled();
  assert.deepEqual(sent, [["input-1", { action: "accept" }]]);
});

// Progress

test("progress shows its share, or that there is some", () => {
  const progress = (/** @type {any} */ changes) =>
    shown(proposed(), callStarted(), {
      kind: "call_progress",
      call_id: "call-1",
      done: 30,
      total: null,
      message: "",
      ...changes,
    }).element;
  const table = /** @type {[any, string, boolean][]} */ ([
    [{ total: 120, message: "30 rows" }, "30 rows · 25 %", true],
    [{ total: 20 }, "100 %", true],
    [{ message: "Reading" }, "Reading", false],
    [{}, "30 so far", false],
  ]);
  for (const [changes, words, isKnown] of table) {
    const element = progress(changes);
    assert.equal(partOf(element, "progress").hidden, false);
    assert.equal(partOf(element, "progress-words").textContent, words);
    assert.equal(partOf(element, "bar").hasAttribute("value"), isKnown);
  }
});

test("a call that waits for the person shows no progress", () => {
  const { element } = shown(
    proposed(),
    callStarted(),
    { kind: "call_progress", call_id: "call-1", done: 1, total: 2, message: "" },
    inputNeeded(),
  );
  assert.equal(partOf(element, "progress").hidden, true);
});

// Several at once

const SECOND = { call_id: "call-2", title: "Add a comment" };
const BOTH = [proposed(), asked(), proposed(SECOND), asked({ call_id: "call-2" })];
/** @param {Element} element */
const together = (element) => {
  const [reject, approve] = element.querySelectorAll(".together button");
  return {
    box: partOf(element, "together"),
    approve: /** @type {any} */ (approve),
    reject: /** @type {any} */ (reject),
  };
};

test("one open question has no buttons for all", () => {
  assert.equal(together(shown(proposed(), asked()).element).box.hidden, true);
});

test("a second person's question does not count as one of several", () => {
  const other = asked({ call_id: "call-2", approver_roles: ["admin"] });
  const turn = shown(proposed(), asked(), proposed(SECOND), other);
  assert.equal(together(turn.element).box.hidden, true);
  assert.equal(turn.openCards.length, 1);
});

test("all are approved with one request, each with its edits", async () => {
  const turn = shown(...BOTH);
  const { box, approve } = together(turn.element);
  assert.equal(box.hidden, false);
  assert.equal(approve.textContent, "Approve all 2");
  const status = /** @type {any} */ (turn.element.querySelector("select"));
  write(window, status, '"todo"');
  await new Promise((resolve) => setTimeout(resolve, 450));
  answer = async () =>
    ["call-1", "call-2"].map((call_id) => ({
      call_id,
      status: 200,
      decision: "approved",
      error: null,
    }));
  approve.click();
  approve.click();
  await settled();
  assert.deepEqual(sent, [
    [
      [
        {
          callId: "call-1",
          decision: "approve",
          arguments: { task_id: 42, status: "todo" },
          note: "",
        },
        { callId: "call-2", decision: "approve", note: "" },
      ],
    ],
  ]);
  turn.update(turnOf(...BOTH, decided("approved"), decided("approved", { call_id: "call-2" })));
  assert.equal(box.hidden, true);
});

test("a field that must be mended keeps all from being approved, not from being rejected", async () => {
  const { element } = shown(...BOTH);
  write(window, element.querySelector(".field input"), "0");
  together(element).approve.click();
  await settled();
  assert.deepEqual(sent, []);
  answer = async () =>
    ["call-1", "call-2"].map((call_id) => ({
      call_id,
      status: 200,
      decision: "rejected",
      error: null,
    }));
  together(element).reject.click();
  await settled();
  assert.deepEqual(
    /** @type {any[]} */ (sent).flat(2).map(({ decision }) => decision),
    ["reject", "reject"],
  );
});

test("each result is told when not all counted", async () => {
  const { element } = shown(...BOTH);
  const error = { error: { code: "conflict", message: "Grace was first.", retryable: false } };
  answer = async () => [
    { call_id: "call-1", status: 200, decision: "approved", error: null },
    { call_id: "call-2", status: 409, decision: null, error },
  ];
  together(element).approve.click();
  await settled();
  assert.deepEqual(
    [...element.querySelectorAll(".together li")].map(({ textContent }) => textContent),
    ["Set a task's status: approved", "Add a comment: did not count. Grace was first."],
  );
  const [, second] = element.querySelectorAll(".approval");
  assert.equal(partOf(second, "problem").textContent, "Grace was first.");
});

test("a request that failed leaves every question open", async () => {
  const { element } = shown(...BOTH);
  answer = () => Promise.reject(new Error("Steward cannot be reached."));
  together(element).approve.click();
  await settled();
  assert.match(together(element).box.textContent, /Steward cannot be reached\./);
  assert.equal(together(element).approve.disabled, false);
  assert.equal(partOf(element, "approve").disabled, false);
});

// Signing in

test("a sign-in leads to it in a new tab, shows whose it is, and can only be declined here", async () => {
  const needed = inputNeeded({
    mode: "sign_in",
    message: "“rooms” wants you to sign in there.",
    answer_schema: {},
    domain: "rooms.example",
  });
  const { element } = shown(proposed(), callStarted(), needed);
  const link = partOf(element, "open");
  assert.equal(link.getAttribute("href"), "/connections/rooms/sign-in");
  assert.equal(link.getAttribute("target"), "_blank");
  assert.match(link.getAttribute("rel"), /noopener/);
  assert.equal(partOf(element, "domain").textContent, "rooms.example");
  assert.equal(partOf(element, "send").hidden, true);
  assert.equal(partOf(element, "cancel").hidden, true);
  partOf(element, "decline").click();
  await settled();
  assert.deepEqual(sent, [["input-1", { action: "decline" }]]);
});
