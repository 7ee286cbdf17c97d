// @ts-check
import assert from "node:assert/strict";
import { test } from "node:test";
import { callPhase, decisionSentence, phaseSentence, phaseWords } from "#js/models/call-words.js";
import { applyEvents, callsOf, newTurn } from "#js/models/turn.js";
import { turnStatus } from "#js/models/turn-status.js";
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
    [
      [delta("x"), { kind: "text_dropped", reason: "It broke off", covers: 1 }],
      "It broke off. Trying again…",
    ],
    [[finished()], undefined],
  ]);
  for (const [events, words] of table) assert.equal(turnStatus(turnOf(...events))?.words, words);
});
