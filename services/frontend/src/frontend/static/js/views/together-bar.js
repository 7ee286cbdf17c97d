// @ts-check
/** Decides on all open approvals of a turn with one request, and says what became of each. */

import { announce } from "../lib/announce.js";
import { element, setText } from "../lib/dom.js";

/** @import { DecisionResult } from "../types/wire.js" */
/** @import { PersonsDecision } from "../models/decisions.js" */
/** @import { ApprovalCard } from "./approval-card.js" */

/** @typedef {(decisions: PersonsDecision[]) => Promise<DecisionResult[]>} DecideAll */

export class TogetherBar {
  #element;
  #decideAll;
  /** @type {ApprovalCard[]} */
  #cards = [];
  #isDeciding = false;
  #approve = element("button", { type: "button", class: "button primary" });
  #reject = element("button", { type: "button", class: "button" });
  #problem = element("p", { class: "approval-problem", role: "status" });
  #results = element("ul", { class: "together-results" });

  /** @param {HTMLElement} box empty and hidden @param {DecideAll} decideAll */
  constructor(box, decideAll) {
    this.#element = box;
    this.#decideAll = decideAll;
    this.#approve.addEventListener("click", () => this.#decide("approve"));
    this.#reject.addEventListener("click", () => this.#decide("reject"));
    box.append(
      this.#results,
      this.#problem,
      element("div", { class: "approval-actions" }, this.#reject, this.#approve),
    );
  }

  /** @param {ApprovalCard[]} cards those that wait for this person */
  update(cards) {
    this.#cards = cards;
    const areSeveral = cards.length > 1;
    for (const button of [this.#approve, this.#reject]) {
      button.hidden = !areSeveral;
      button.disabled = this.#isDeciding;
    }
    setText(this.#approve, `Approve all ${cards.length}`);
    setText(this.#reject, `Reject all ${cards.length}`);
    this.#element.hidden = !areSeveral && !this.#results.childElementCount;
  }

  // Actions

  /** @param {"approve" | "reject"} decision */
  async #decide(decision) {
    const cards = this.#cards;
    if (this.#isDeciding) return;
    if (decision === "approve" && !cards.every(({ isReady }) => isReady)) {
      setText(this.#problem, "Mend the marked field, or wait for the previews, to approve all.");
      return;
    }
    const drafts = cards.map((card) => card.draft(decision));
    this.#setDeciding(true);
    for (const card of cards) card.setDeciding(decision);
    setText(this.#problem, decision === "approve" ? "Approving…" : "Rejecting…");
    try {
      this.#showResults(cards, await this.#decideAll(drafts));
    } catch (error) {
      const words = error instanceof Error ? error.message : String(error);
      for (const card of cards) card.showProblem("");
      setText(this.#problem, words);
    }
    this.#setDeciding(false);
  }

  // Internal

  /** @param {ApprovalCard[]} cards @param {DecisionResult[]} results */
  #showResults(cards, results) {
    const failed = results.filter(({ decision }) => decision === null).length;
    results.forEach(({ decision, error }, at) => {
      if (decision === null) cards[at].showProblem(error?.error.message ?? "This did not count.");
    });
    const counted = `${results.length - failed} of ${results.length} decided`;
    announce(failed ? `${counted}; ${failed} did not count.` : `${counted}.`);
    setText(this.#problem, "");
    // Where all went well the calls themselves say so.
    const lines = failed ? results.map((result, at) => resultLine(cards[at].title, result)) : [];
    this.#results.replaceChildren(...lines);
  }

  /** @param {boolean} isDeciding */
  #setDeciding(isDeciding) {
    this.#isDeciding = isDeciding;
    this.update(this.#cards);
  }
}

/** @param {string} title @param {DecisionResult} result */
function resultLine(title, { decision, error }) {
  const words = decision ?? `did not count. ${error?.error.message ?? ""}`;
  return element("li", {}, `${title}: ${words}`);
}
