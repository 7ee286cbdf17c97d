// @ts-check
/** A question that has not become a turn yet: on its way, waiting for a connection, or not sent. */

import { fromTemplate, part, setText } from "../lib/dom.js";

/** @import { Pending } from "../models/outbox.js" */

const WORDS = {
  sending: "Sending…",
  taken: "",
  waiting: "Not connected. It will be sent as soon as the connection is back.",
};

/**
 * @param {Pending} pending
 * @param {{ onRetry: () => void, onEdit: () => void }} actions
 */
export function pendingView({ text, state, problem }, { onRetry, onEdit }) {
  const view = fromTemplate("pending-template");
  view.dataset.state = state;
  setText(part(view, "question"), text);
  setText(part(view, "state"), state === "failed" ? `Not sent. ${problem}` : WORDS[state]);
  part(view, "actions").hidden = state === "sending" || state === "taken";
  part(view, "retry").hidden = state !== "failed";
  part(view, "retry").addEventListener("click", onRetry);
  part(view, "edit").addEventListener("click", onEdit);
  return view;
}
