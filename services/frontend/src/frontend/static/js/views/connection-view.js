// @ts-check
/** One sign-in at a tool server: with whom, for what, how long, and whether it works. */

import { element, fromTemplate, part, setText } from "../lib/dom.js";

/** @import { Connection } from "../types/wire.js" */

/** @type {Record<Connection["state"], string>} */
const STATES = {
  none: "No sign-in needed so far",
  wanted: "Not signed in",
  active: "Works",
  ended: "Sign in again",
};

/**
 * @param {Connection} connection
 * @param {{ onDisconnect: (connection: Connection) => Promise<boolean> }} port rejects with a sentence
 * @returns {HTMLElement}
 */
export function connectionView(connection, port) {
  const { server, url, state, problem } = connection;
  const view = fromTemplate("connection-template");
  view.dataset.state = state;
  for (const [name, text] of Object.entries({ server, url, state: STATES[state] }))
    setText(part(view, name), text);
  setText(part(view, "trouble"), problem);
  part(view, "trouble").hidden = !problem;
  part(view, "facts").append(...factsOf(connection));
  const signIn = part(view, "sign-in", HTMLAnchorElement);
  signIn.href = signInAddress(server);
  signIn.setAttribute("aria-label", `Sign in at ${server}, in a new tab`);
  setText(part(view, "sign-in-words"), state === "active" ? "Sign in again" : "Sign in");
  const disconnect = part(view, "disconnect", HTMLButtonElement);
  disconnect.hidden = state === "none" || state === "wanted";
  disconnect.setAttribute("aria-label", `Disconnect from ${server}`);
  disconnect.addEventListener("click", async () => {
    disconnect.disabled = true;
    try {
      await port.onDisconnect(connection);
    } catch (error) {
      const reason = error instanceof Error ? error.message : error;
      setText(part(view, "problem"), `Not disconnected. ${reason}`);
    }
    disconnect.disabled = false;
  });
  return view;
}

/** Where the person's browser begins to sign in at a server. @param {string} server */
export function signInAddress(server) {
  return `/connections/${encodeURIComponent(server)}/sign-in`;
}

/** @param {Connection} connection */
function factsOf({ state, issuer, scopes, expires_at, renews, connected_at, last_used_at }) {
  if (state === "none" || state === "wanted") return [];
  const renewal = renews ? "renewed by itself" : "then you sign in again";
  /** @type {[string, string][]} */
  const facts = [
    ["Signed in with", issuer],
    ["Rights", scopes.join(", ") || "as the service decides"],
    ["Since", connected_at ? moment(connected_at) : "unknown"],
    ["Holds until", expires_at ? `${moment(expires_at)}, ${renewal}` : "the service says no end"],
    ["Last used", last_used_at ? moment(last_used_at) : "not yet"],
  ];
  const shown = state === "active" ? facts : facts.filter(([name]) => name !== "Holds until");
  return shown.flatMap(([name, value]) => [element("dt", {}, name), element("dd", {}, value)]);
}

/** @param {string} instant */
function moment(instant) {
  return new Date(instant).toLocaleString("en-GB", { dateStyle: "medium", timeStyle: "short" });
}
