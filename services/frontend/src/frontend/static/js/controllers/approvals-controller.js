// @ts-check
/** The approvals page: every open question the person asked for or may decide, with the same card as in the chat. */

import { announce } from "../lib/announce.js";
import { part, setText } from "../lib/dom.js";
import { decisionBody } from "../models/decisions.js";
import { PendingApprovalView } from "../views/pending-approval-view.js";

/** @import { App } from "../models/app.js" */
/** @import { PersonsDecision } from "../models/decisions.js" */
/** @import { InboxNews } from "../models/approval-inbox.js" */
/** @import { PendingApproval } from "../types/wire.js" */

export class ApprovalsController {
  #element;
  #app;
  /** @type {Map<string, PendingApprovalView>} */
  #views = new Map();
  #isFirst = true;

  /** @param {HTMLElement} element @param {App} app */
  constructor(element, app) {
    this.#element = element;
    this.#app = app;
  }

  connect() {
    this.#app.inbox.hear((news) => this.#show(news));
  }

  // Actions

  /** @param {PersonsDecision} decision */
  async #decide(decision) {
    try {
      await this.#app.api.decide(decision.callId, decisionBody(decision));
      this.#decided(decision);
    } finally {
      this.#app.tell("decided", {});
    }
  }

  /** @param {PersonsDecision} decision */
  #decided({ callId, decision }) {
    const words = decision === "approve" ? "Approved." : "Rejected. Nothing was done.";
    this.#views.get(callId)?.showOutcome(words);
    announce(words);
  }

  // Internal

  /** @param {InboxNews} news */
  #show({ approvals, problem }) {
    if (approvals) this.#draw(approvals);
    const open = [...this.#views.values()].filter(({ isOpen }) => isOpen).length;
    const empty = this.#views.size === 0 ? "Nothing waits for a yes." : "";
    setText(
      part(this.#element, "note"),
      problem ? `The questions cannot be shown. ${problem}` : empty,
    );
    if (!this.#isFirst) return;
    this.#isFirst = false;
    announce(open === 1 ? "1 open question." : `${open} open questions.`);
  }

  /** Cards stay as they are while their question is open: somebody may be writing in them. @param {PendingApproval[]} approvals */
  #draw(approvals) {
    const open = new Set(approvals.map(({ call }) => call.call_id));
    for (const [callId, view] of this.#views) {
      if (open.has(callId)) continue;
      this.#remove(callId, view);
    }
    const list = part(this.#element, "approvals");
    for (const pending of approvals) {
      if (this.#views.has(pending.call.call_id)) continue;
      const view = new PendingApprovalView(pending, {
        preview: (callId, args) => this.#app.api.preview(callId, args),
        decide: (decision) => this.#decide(decision),
      });
      this.#views.set(pending.call.call_id, view);
      list.append(view.element);
    }
  }

  /** What was decided here keeps its line; what ended elsewhere goes. @param {string} callId @param {PendingApprovalView} view */
  #remove(callId, view) {
    if (!view.isOpen) return;
    const hadFocus = view.element.contains(document.activeElement);
    view.close();
    this.#views.delete(callId);
    announce(`${view.title}: this question is not open any more.`);
    if (hadFocus) part(this.#element, "heading").focus();
  }
}
