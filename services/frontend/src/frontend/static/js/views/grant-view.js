// @ts-check
/** One standing approval: the tool, what its arguments may be, and how long it holds. */

import { humanized } from "../lib/argument-schema.js";
import { element, fromTemplate, part, setText } from "../lib/dom.js";
import { patternWords } from "../lib/grant-words.js";

/** @import { Grant } from "../types/wire.js" */

/** @type {Record<Grant["state"], string>} */
const STATES = {
  active: "Holds",
  outdated: "Covers nothing: the tool has changed",
  expired: "Expired",
  withdrawn: "Withdrawn",
};

/**
 * @param {Grant} grant
 * @param {{ onWithdraw: (grant: Grant) => Promise<boolean> }} port whether it was withdrawn; rejects with a sentence
 * @returns {HTMLElement}
 */
export function grantView(grant, port) {
  const view = fromTemplate("grant-template");
  const words = { title: grant.title || grant.tool, tool: grant.tool, server: grant.server };
  for (const [name, text] of Object.entries(words)) setText(part(view, name), text);
  setText(part(view, "times"), timesWords(grant));
  part(view, "arguments").append(...argumentLines(grant));
  showState(view, grant.state);
  const withdraw = part(view, "withdraw", HTMLButtonElement);
  withdraw.setAttribute("aria-label", `Withdraw: ${words.title}`);
  withdraw.addEventListener("click", async () => {
    withdraw.disabled = true;
    try {
      if (await port.onWithdraw(grant)) {
        showState(view, "withdrawn");
        part(view, "title").focus();
      }
    } catch (error) {
      const reason = error instanceof Error ? error.message : error;
      setText(part(view, "problem"), `Not withdrawn. ${reason}`);
    }
    withdraw.disabled = false;
  });
  return view;
}

/** @param {HTMLElement} view @param {Grant["state"]} state */
function showState(view, state) {
  view.dataset.state = state;
  setText(part(view, "state"), STATES[state]);
  part(view, "withdraw").hidden = state === "withdrawn" || state === "expired";
}

/** @param {Grant} grant */
function argumentLines({ arguments: patterns }) {
  const lines = Object.entries(patterns).map(([name, pattern]) =>
    element("li", {}, element("strong", {}, humanized(name)), `: ${patternWords(pattern)}`),
  );
  return lines.length ? lines : [element("li", {}, "Without arguments.")];
}

/** @param {Grant} grant */
function timesWords({ created_at, expires_at, last_used_at, uses }) {
  const used =
    uses === 0 || !last_used_at
      ? "Not used yet"
      : `Used ${uses === 1 ? "once" : `${uses} times`}, last ${moment(last_used_at)}`;
  return `Given ${moment(created_at)}, until ${moment(expires_at)}. ${used}.`;
}

/** @param {string} instant */
function moment(instant) {
  return new Date(instant).toLocaleString("en-GB", { dateStyle: "medium", timeStyle: "short" });
}
