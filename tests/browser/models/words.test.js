// @ts-check
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  answerSentence,
  callPhase,
  choiceSentence,
  decisionSentence,
  phaseSentence,
  phaseWords,
} from "#js/models/call-words.js";
import { applyEvents, callsOf, newTurn } from "#js/models/turn.js";
import { turnStatus } from "#js/models/turn-status.js";
import {
  asked,
  callFinished,
  callStarted,
  decided,
  delta,
  finished,
  inputAnswered,
  inputNeeded,
  numbered,
  outcomeChecked,
  outcomeDecided,
  outcomeNeeded,
  proposed,
  started,
} from "../support/events.js";

/** @param {...any} events */
function turnOf(...events) {
  return applyEvents(newTurn("turn-1"), numbered(started(), ...events)).turn;
}

/** @param {...any} events */
function callOf(...events) {
  return callsOf(turnOf(proposed(), ...events))[0];
}

test("a call's phase follows its events", () => {
  const table = /** @type {[any[], string][]} */ ([
    [[], "proposed"],
    [[asked()], "waiting"],
    [[asked(), decided("approved")], "approved"],
    [[asked(), decided("rejected")], "rejected"],
    [[asked(), decided("expired")], "expired"],
    [[asked(), decided("cancelled")], "cancelled"],
    [[callStarted()], "running"],
    [[callStarted(), callFinished("succeeded")], "succeeded"],
    [[callStarted(), callFinished("failed")], "failed"],
    [[callFinished("refused")], "refused"],
    [[callStarted(), callFinished("outcome_unknown")], "outcome_unknown"],
    [[asked({ approver_roles: ["admin"] })], "waiting_for_other"],
    [[callStarted(), inputNeeded()], "asked"],
    [[callStarted(), inputNeeded(), inputAnswered("accept")], "running"],
    [[callStarted(), inputNeeded(), inputAnswered("expired"), callFinished("failed")], "failed"],
    [[callStarted(), outcomeNeeded()], "undecided"],
    [[callStarted(), callFinished("outcome_unknown"), outcomeNeeded()], "undecided"],
    [[callStarted(), outcomeNeeded(), outcomeChecked("done")], "undecided"],
    [[outcomeNeeded(), outcomeDecided("done"), callFinished("marked_done")], "marked_done"],
    [[outcomeNeeded(), outcomeDecided("retry"), callFinished("retried")], "retried"],
    [[outcomeNeeded(), callFinished("succeeded")], "succeeded"],
  ]);
  for (const [events, phase] of table) assert.equal(callPhase(callOf(...events)), phase);
});

test("every phase has words and an icon", () => {
  for (const phase of /** @type {const} */ ([
    "proposed",
    "waiting",
    "approved",
    "running",
    "sent",
    "succeeded",
    "failed",
    "refused",
    "rejected",
    "expired",
    "cancelled",
    "outcome_unknown",
    "waiting_for_other",
    "asked",
    "undecided",
    "retried",
    "marked_done",
  ])) {
    assert.match(phaseWords(phase).label, /^[A-Z]/);
    assert.match(phaseWords(phase).icon, /^[a-z]+$/);
  }
});

test("an unknown outcome tells the person to check before repeating", () => {
  const call = callOf(callStarted(), callFinished("outcome_unknown"));
  assert.equal(phaseSentence(call), "This may have been done: check before you repeat it.");
});

test("a refusal gives the rule's reason", () => {
  assert.equal(phaseSentence(callOf(callFinished("refused"))), "It changes data.");
});

test("a decision is told from where the person sits", () => {
  const here = { me: "Ada", elsewhere: false };
  const there = { me: "Ada", elsewhere: true };
  /** @param {Parameters<typeof decided>[0]} decision @param {Record<string, unknown>} [changes] */
  const taken = (decision, changes) => {
    const { decision: made } = callOf(asked(), decided(decision, changes));
    assert.ok(made);
    return made;
  };
  const table = /** @type {[any, any, string][]} */ ([
    [taken("approved"), here, "You approved"],
    [taken("approved", { edited: ["status"] }), here, "You approved with changes to: status"],
    [taken("approved"), there, "Approved in another tab by you"],
    [taken("approved", { decided_by: "Grace" }), there, "Approved in another tab by Grace"],
    [taken("rejected"), here, "You rejected this. Nothing was done."],
    [taken("rejected", { decided_by: "Grace" }), here, "Grace rejected this. Nothing was done."],
    [taken("expired", { decided_by: "" }), there, "Expired, nothing was done."],
    [
      taken("cancelled", { decided_by: "" }),
      here,
      "Stopped while the question was open. Nothing was done.",
    ],
  ]);
  for (const [decision, view, sentence] of table) {
    assert.equal(decisionSentence(decision, view), sentence);
  }
});

test("a yes for longer is told as such", () => {
  const { decision } = callOf(asked(), decided("approved", { grant_id: "grant-1" }));
  assert.ok(decision);
  const words = decisionSentence(decision, { me: "Ada", elsewhere: false });
  assert.equal(words, "You approved, and for longer");
});

test("what was done about a lost outcome is told, by whom", () => {
  const table = /** @type {[any, string][]} */ ([
    [outcomeDecided("retry"), "You had it tried again, which asks anew."],
    [outcomeDecided("done", "Grace"), "Grace marked it as done."],
    [outcomeDecided("leave"), "You left it unknown."],
    [outcomeDecided("expired", ""), "Nobody chose in time. It may have been done."],
    [outcomeDecided("cancelled", ""), "Stopped. It may have been done."],
  ]);
  for (const [event, words] of table) {
    const { outcome } = callOf(outcomeNeeded(), event);
    assert.ok(outcome);
    assert.equal(choiceSentence(outcome, { me: "Ada" }), words);
  }
});

test("how a server's question ended is told, an open one is not", () => {
  const table = /** @type {[any[], string][]} */ ([
    [[], ""],
    [[inputAnswered("accept")], "You answered what “rooms” asked."],
    [[inputAnswered("decline")], "You declined to answer “rooms”."],
    [[inputAnswered("expired")], "What “rooms” asked was not answered in time."],
  ]);
  for (const [events, words] of table) {
    assert.equal(answerSentence(callOf(inputNeeded(), ...events).questions[0]), words);
  }
});

test("a turn says what it is doing", () => {
  const read = proposed({ read_only: true, verdict: "run" });
  const other = proposed({ call_id: "call-2", server: "search", read_only: true });
  const table = /** @type {[any[], string | undefined][]} */ ([
    [[], "Steward is thinking…"],
    [[delta("It is")], "Steward is writing…"],
    [[read, callStarted()], "Reading from dbquery…"],
    [
      [read, other, callStarted(), callStarted({ call_id: "call-2" })],
      "Reading from dbquery and search…",
    ],
    [[proposed(), callStarted()], "Working in dbquery…"],
    [[proposed(), asked()], "Waiting for your yes"],
    [[proposed(), asked(), decided("approved")], "Steward is thinking…"],
    [[proposed(), asked({ approver_roles: ["admin"] })], "Waiting for somebody else's yes"],
    [[proposed(), callStarted(), inputNeeded()], "Waiting for your answer"],
    [[proposed(), callStarted(), outcomeNeeded()], "May have been done"],
    [
      [read, other, callStarted(), callStarted({ call_id: "call-2" }), inputNeeded()],
      "Reading from search…",
    ],
    [
      [delta("x"), { kind: "text_dropped", reason: "It broke off", covers: 1 }],
      "It broke off. Trying again…",
    ],
    [[finished()], undefined],
  ]);
  for (const [events, words] of table) assert.equal(turnStatus(turnOf(...events))?.words, words);
});
