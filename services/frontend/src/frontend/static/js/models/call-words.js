// @ts-check
/** Where a call stands, and the words and icon for it. Pure. */

/** @import { Call } from "../types/turn.js" */
/** @import { CallState } from "../types/wire.js" */

/** @typedef {"waiting" | "running" | CallState} CallPhase */

/**
 * @param {Call} call
 * @returns {CallPhase}
 */
export function callPhase(call) {
  if (call.end) return call.end.state;
  if (call.startedAt) return "running";
  if (call.approval && !call.decision) return "waiting";
  if (call.decision) return phaseAfter(call.decision.decision);
  return "proposed";
}

/** @param {import("../types/wire.js").Decision} decision @returns {CallPhase} */
function phaseAfter(decision) {
  return decision === "approved" ? "approved" : decision;
}

/** Is the person being asked? @param {Call} call */
export function isWaiting(call) {
  return callPhase(call) === "waiting";
}

/** @type {Record<CallPhase, { label: string, icon: string }>} */
const WORDS = {
  proposed: { label: "Proposed", icon: "clock" },
  waiting: { label: "Waiting for your yes", icon: "bell" },
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
        : `${who} approved${withChanges(decision.edited)}`;
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

/** @param {string} who */
function asObject(who) {
  return who === "You" ? "you" : who;
}

/** @param {string[]} edited */
function withChanges(edited) {
  return edited.length ? ` with changes to: ${edited.join(", ")}` : "";
}
