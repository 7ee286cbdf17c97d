// @ts-check
/** Says beside the link to the approvals how many wait for this person. */

import { element, part } from "../lib/dom.js";

/** @import { App } from "../models/app.js" */
/** @import { PendingApproval } from "../types/wire.js" */

const MOST_SHOWN = 99;

export class ApprovalsBadgeController {
  #element;
  #app;

  /** @param {HTMLElement} element @param {App} app */
  constructor(element, app) {
    this.#element = element;
    this.#app = app;
  }

  connect() {
    // What was last known stays while nothing newer can be had.
    this.#app.inbox.hear(({ approvals }) => approvals && this.#show(approvals));
    this.#app.hear("decided", () => this.#app.inbox.refresh());
  }

  // Internal

  /** @param {PendingApproval[]} approvals */
  #show(approvals) {
    const { length } = approvals.filter(({ may_decide }) => may_decide);
    const count = part(this.#element, "count");
    count.hidden = length === 0;
    count.replaceChildren(
      length > MOST_SHOWN ? `${MOST_SHOWN}+` : String(length),
      element(
        "span",
        { class: "visually-hidden" },
        length === 1 ? " waits for you" : " wait for you",
      ),
    );
  }
}
