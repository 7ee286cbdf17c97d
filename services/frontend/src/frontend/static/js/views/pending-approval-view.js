// @ts-check
/** One open question of the approvals page: who asked, when, and the card; after the decision, what it was. */

import { fromTemplate, part, setText } from "../lib/dom.js";
import { agoWords } from "../lib/time-words.js";
import { waitingCall } from "../models/turn.js";
import { ApprovalCard } from "./approval-card.js";

/** @import { ApprovalPort } from "./approval-card.js" */
/** @import { PendingApproval } from "../types/wire.js" */

export class PendingApprovalView {
  #card;

  /** @param {PendingApproval} pending @param {ApprovalPort} port */
  constructor({ call, needed, conversation_id, requested_by, mine, may_decide, created_at }, port) {
    this.element = fromTemplate("pending-approval-template");
    this.#card = new ApprovalCard(waitingCall(call, needed), port, {
      mayDecide: may_decide,
      requestedBy: mine ? "" : requested_by,
    });
    this.isOpen = true;
    const who = mine ? "You asked" : `${requested_by} asked`;
    setText(part(this.element, "who"), `${who} ${agoWords(Date.now() - Date.parse(created_at))}.`);
    const link = part(this.element, "conversation", HTMLAnchorElement);
    link.hidden = !mine || !conversation_id;
    if (conversation_id) link.href = `/c/${encodeURIComponent(conversation_id)}`;
    part(this.element, "card").append(this.#card.element);
  }

  get title() {
    return this.#card.title;
  }

  /** The question is answered: says how, in its place. @param {string} words */
  showOutcome(words) {
    this.isOpen = false;
    const outcome = part(this.element, "outcome");
    setText(outcome, `${this.title}: ${words}`);
    outcome.hidden = false;
    outcome.tabIndex = -1;
    outcome.focus();
    this.#card.close();
  }

  close() {
    this.#card.close();
    this.element.remove();
  }
}
