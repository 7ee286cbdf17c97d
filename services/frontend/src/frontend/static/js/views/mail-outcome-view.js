// @ts-check
/** What became of a mail: as a whole in a sentence, and for each recipient. */

import { element, icon } from "../lib/dom.js";
import { outcomeSentence } from "../lib/mail-outcome.js";
import { copyButton } from "./copy-button.js";
import { plainText } from "./plain-text.js";

/** @import { Fate, MailOutcome, MailStatus, Recipient } from "../lib/mail-outcome.js" */

/** @type {Record<Fate, { words: string, icon: string }>} */
const FATES = {
  accepted: { words: "Accepted by the mail server", icon: "check" },
  refused: { words: "Refused", icon: "x" },
  unknown: { words: "Unknown: may have got it", icon: "question" },
};

/** @type {Record<MailStatus, string>} */
const ICONS = {
  sent: "check",
  partial: "alert",
  unknown: "question",
  failed: "alert",
  under_way: "clock",
  draft: "pencil",
};

/** @param {MailOutcome} outcome */
export function mailOutcomeView(outcome) {
  return element(
    "div",
    { class: "mail-outcome", "data-status": outcome.status },
    element(
      "p",
      { class: "mail-outcome-sentence" },
      icon(ICONS[outcome.status]),
      element("span", {}, outcomeSentence(outcome)),
    ),
    ...recipientList(outcome.recipients),
    ...notes(outcome).map((words) => element("p", { class: "hint" }, ...plainText(words))),
    ...messageId(outcome.messageId),
  );
}

/** @param {Recipient[]} recipients */
function recipientList(recipients) {
  if (recipients.length === 0) return [];
  const items = recipients.map(({ address, fate, reason }) =>
    element(
      "li",
      { "data-fate": fate },
      icon(FATES[fate].icon),
      element("bdi", { class: "mail-spec" }, ...plainText(address)),
      element("span", { class: "mail-fate" }, FATES[fate].words),
      reason && element("span", { class: "mail-reason" }, ...plainText(reason)),
    ),
  );
  return [element("ul", { class: "mail-recipients", "aria-label": "Recipients" }, ...items)];
}

/** @param {MailOutcome} outcome */
function notes({ status, summary, replayed, copyFailed, folders, warnings }) {
  return [
    // What is said of every mail that went well is said above.
    status === "sent" || status === "unknown" ? "" : summary,
    replayed ? "An earlier call had done this; it was not done again." : "",
    copyFailed ? "No copy could be put into the sent folder." : "",
    folders.length ? `Found in: ${folders.join(", ")}.` : "",
    ...warnings,
  ].filter(Boolean);
}

/** @param {string} id */
function messageId(id) {
  if (!id) return [];
  return [
    element(
      "p",
      { class: "mail-id" },
      element("span", { class: "hint" }, "Message-ID "),
      element("code", {}, ...plainText(id)),
      copyButton(() => id, "Copy the Message-ID"),
    ),
  ];
}
