// @ts-check
/** Recognises what became of a mail that a tool has sent, and puts it into words. Pure. */

import { isObject } from "./result-shape.js";

/** @import { Json, JsonObject } from "../types/wire.js" */

/** @typedef {"sent" | "partial" | "unknown" | "failed" | "under_way" | "draft"} MailStatus */
/** @typedef {"accepted" | "refused" | "unknown"} Fate of one recipient's copy */
/** @typedef {{ address: string, fate: Fate, reason: string }} Recipient */

/**
 * @typedef {object} MailOutcome
 * @property {MailStatus} status
 * @property {string} summary
 * @property {string} messageId without angle brackets; empty when there is none
 * @property {Recipient[]} recipients
 * @property {boolean} replayed an earlier call had done it
 * @property {boolean} copyFailed it was sent, but is not in the sent folder
 * @property {string[]} folders folders that hold the mail
 * @property {string[]} warnings
 */

/** @type {Record<MailStatus, string>} */
const SENTENCES = {
  sent: "The mail was sent: the mail server has taken it for everybody.",
  partial: "The mail went out to some, but the mail server refused the others.",
  unknown:
    "Nobody knows whether the mail went out: the mail server did not answer after it had been handed over. Steward does not send it again by itself.",
  failed: "The mail was not sent. Nobody got it.",
  under_way: "The mail is being sent right now.",
  draft: "Kept as a draft. Nothing was sent.",
};

const LISTS = ["accepted", "rejected", "unknown"];

/** @param {Json} result @returns {MailOutcome | null} null when it is something else */
export function mailOutcomeOf(result) {
  if (!isObject(result) || typeof result.message_id !== "string") return null;
  if (typeof result.status !== "string" || !Object.hasOwn(SENTENCES, result.status)) return null;
  if (!LISTS.every((name) => Array.isArray(result[name]))) return null;
  return {
    status: /** @type {MailStatus} */ (result.status),
    summary: textOf(result.summary) || textOf(result.reason),
    messageId: result.message_id,
    recipients: [
      ...listOf(result.rejected).filter(isObject).map(refused),
      ...textsOf(result.unknown).map((address) => recipient(address, "unknown")),
      ...textsOf(result.accepted).map((address) => recipient(address, "accepted")),
    ],
    replayed: result.replayed === true,
    copyFailed: result.sent_copy === "failed",
    folders: textsOf(result.found_in),
    warnings: textsOf(result.warnings),
  };
}

/** @param {MailOutcome} outcome */
export function outcomeSentence({ status }) {
  return SENTENCES[status];
}

/** What must not be overlooked though the call itself succeeded; empty when there is nothing of that kind. @param {Json} result */
export function mailAlarm(result) {
  const outcome = mailOutcomeOf(result);
  if (!outcome || outcome.status === "sent" || outcome.status === "under_way") return "";
  return outcomeSentence(outcome);
}

/** @param {string} address @param {Fate} fate @returns {Recipient} */
function recipient(address, fate) {
  return { address, fate, reason: "" };
}

/** @param {JsonObject} said @returns {Recipient} */
function refused({ address, code, reason }) {
  const words = [typeof code === "number" && code > 0 ? String(code) : "", textOf(reason)];
  return { ...recipient(textOf(address), "refused"), reason: words.filter(Boolean).join(": ") };
}

/** @param {Json | undefined} value */
function textOf(value) {
  return typeof value === "string" ? value : "";
}

/** @param {Json | undefined} value @returns {Json[]} */
function listOf(value) {
  return Array.isArray(value) ? value : [];
}

/** @param {Json | undefined} value */
function textsOf(value) {
  return listOf(value).filter((one) => typeof one === "string");
}
