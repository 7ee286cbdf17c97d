// @ts-check
/** Where a call stands, and the words and icon for it. Pure. */

import { mailOutcomeOf } from "../lib/mail-outcome.js";

/** @import { Call, CallEnd, ServerQuestion } from "../types/turn.js" */
/** @import { CallState, InputAction, OutcomeChoice } from "../types/wire.js" */

/**
 * `waiting`: for the person's yes. `waiting_for_other`: for somebody else's. `asked`: its server wants an answer.
 * `undecided`: it may have been done, and the person has not said yet what to do about it.
 *
 * @typedef {"waiting" | "waiting_for_other" | "asked" | "undecided" | "running" | CallState} CallPhase
 */

/**
 * @param {Call} call
 * @returns {CallPhase}
 */
export function callPhase(call) {
  const mayBeDone = !call.end || call.end.state === "outcome_unknown";
  if (call.outcome && !call.outcome.choice && mayBeDone) return "undecided";
  if (call.end) return endPhase(call.end);
  if (openQuestion(call)) return "asked";
  if (call.startedAt) return "running";
  if (call.approval && !call.decision)
    return call.approval.approverRoles.length ? "waiting_for_other" : "waiting";
  if (call.decision) return phaseAfter(call.decision.decision);
  return "proposed";
}

/** A call that succeeded in saying that nobody knows is not done. @param {CallEnd} end @returns {CallPhase} */
function endPhase({ state, result }) {
  const isUnknown = state === "succeeded" && mailOutcomeOf(result)?.status === "unknown";
  return isUnknown ? "outcome_unknown" : state;
}

/** @param {import("../types/wire.js").Decision} decision @returns {CallPhase} */
function phaseAfter(decision) {
  return decision === "approved" ? "approved" : decision;
}

/** What the call's server wants to know from the person now. @param {Call} call @returns {ServerQuestion | null} */
export function openQuestion({ questions }) {
  return questions.find(({ action }) => action === null) ?? null;
}

/** Is this person being asked something? @param {Call} call */
export function isWaiting(call) {
  return ["waiting", "asked", "undecided"].includes(callPhase(call));
}

/** @type {Record<CallPhase, { label: string, icon: string }>} */
const WORDS = {
  proposed: { label: "Proposed", icon: "clock" },
  waiting: { label: "Waiting for your yes", icon: "bell" },
  waiting_for_other: { label: "Waiting for somebody else's yes", icon: "bell" },
  asked: { label: "Waiting for your answer", icon: "question" },
  undecided: { label: "May have been done", icon: "question" },
  approved: { label: "Approved", icon: "check" },
  running: { label: "Running", icon: "spinner" },
  sent: { label: "Sent", icon: "spinner" },
  succeeded: { label: "Done", icon: "check" },
  failed: { label: "Failed", icon: "alert" },
  refused: { label: "Refused", icon: "ban" },
  rejected: { label: "Rejected", icon: "x" },
  expired: { label: "Expired", icon: "clock" },
  cancelled: { label: "Cancelled", icon: "x" },
  outcome_unknown: { label: "Outcome unknown", icon: "question" },
  retried: { label: "Tried again", icon: "retry" },
  marked_done: { label: "Marked as done", icon: "check" },
};

/** @param {CallPhase} phase */
export function phaseWords(phase) {
  return WORDS[phase] ?? { label: phase, icon: "question" };
}

/**
 * One sentence on what the state means for the person; empty when the label says it all.
 *
 * @param {Call} call
 */
export function phaseSentence(call) {
  switch (callPhase(call)) {
    case "outcome_unknown":
      return "This may have been done: check before you repeat it.";
    case "retried":
      return "Its outcome stayed unknown; it was proposed anew.";
    case "marked_done":
      return "Its answer was lost; somebody has marked it as done.";
    case "refused":
      return call.reason || "A rule does not allow this call. Nothing was done.";
    case "expired":
      return "Nobody decided in time. Nothing was done.";
    case "cancelled":
      return "Stopped before it was sent. Nothing was done.";
    default:
      return "";
  }
}

/**
 * Who decided and how, as a sentence. "You" is the person at this page.
 *
 * @param {import("../types/turn.js").DecisionTaken} decision
 * @param {{ me: string, elsewhere: boolean }} view `elsewhere`: it was decided outside this tab while it was open here
 */
export function decisionSentence(decision, { me, elsewhere }) {
  const who = decision.decidedBy && decision.decidedBy !== me ? decision.decidedBy : "You";
  switch (decision.decision) {
    case "approved":
      return elsewhere
        ? `Approved in another tab by ${asObject(who)}${withChanges(decision.edited)}`
        : `${who} approved${withChanges(decision.edited)}${forLonger(decision)}`;
    case "rejected":
      return elsewhere
        ? `Rejected in another tab by ${asObject(who)}. Nothing was done.`
        : `${who} rejected this. Nothing was done.`;
    case "expired":
      return "Expired, nothing was done.";
    default:
      return "Stopped while the question was open. Nothing was done.";
  }
}

/**
 * What the person did about a call that may have been done; empty while they have not chosen.
 *
 * @param {import("../types/turn.js").LostOutcome} outcome
 * @param {{ me: string }} view
 */
export function choiceSentence({ choice, decidedBy }, { me }) {
  const who = decidedBy && decidedBy !== me ? decidedBy : "You";
  return choice ? CHOICES[choice](who) : "";
}

/** @type {Record<OutcomeChoice, (who: string) => string>} */
const CHOICES = {
  retry: (who) => `${who} had it tried again, which asks anew.`,
  done: (who) => `${who} marked it as done.`,
  leave: (who) => `${who} left it unknown.`,
  expired: () => "Nobody chose in time. It may have been done.",
  cancelled: () => "Stopped. It may have been done.",
};

/** @type {Record<InputAction, (server: string) => string>} */
const ANSWERS = {
  accept: (server) => `You answered what “${server}” asked.`,
  decline: (server) => `You declined to answer “${server}”.`,
  cancel: (server) => `You cancelled what “${server}” asked.`,
  expired: (server) => `What “${server}” asked was not answered in time.`,
};

/** How a server's question ended; empty while it is open. @param {ServerQuestion} question */
export function answerSentence({ server, action }) {
  return action ? ANSWERS[action](server) : "";
}

/** @param {string} who */
function asObject(who) {
  return who === "You" ? "you" : who;
}

/** @param {import("../types/turn.js").DecisionTaken} decision */
function forLonger({ grantId }) {
  return grantId ? ", and for longer" : "";
}

/** @param {string[]} edited */
function withChanges(edited) {
  return edited.length ? ` with changes to: ${edited.join(", ")}` : "";
}
