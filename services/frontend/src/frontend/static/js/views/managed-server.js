// @ts-check
/** What an admin can do with a tool server that was added: switch it, remove it, say who Steward is to its sign-in. */

import { fromTemplate, part, setText } from "../lib/dom.js";
import { confirmed } from "./confirm-dialog.js";

/** @import { AddedServer, IssuerClient } from "../types/wire.js" */

/**
 * @typedef {object} ServerPort each rejects with a sentence for the person
 * @property {(server: string, enabled: boolean) => Promise<unknown>} switch
 * @property {(server: string) => Promise<unknown>} remove
 * @property {(server: string, client: IssuerClient) => Promise<unknown>} register
 */

/** @param {AddedServer} added @param {ServerPort} port @returns {HTMLElement} */
export function managedServer({ server, url, enabled }, port) {
  const view = fromTemplate("managed-server-template");
  setText(part(view, "url"), url);
  const toggle = part(view, "switch", HTMLButtonElement);
  setText(toggle, enabled ? "Switch off" : "Switch on");
  toggle.setAttribute("aria-label", `Switch ${server} ${enabled ? "off" : "on"}`);
  toggle.addEventListener("click", () => attempt(view, () => port.switch(server, !enabled)));
  const remove = part(view, "remove", HTMLButtonElement);
  remove.setAttribute("aria-label", `Remove ${server}`);
  remove.addEventListener("click", () => attempt(view, () => removed(server, port)));
  part(view, "client-form").addEventListener("submit", (event) => {
    event.preventDefault();
    attempt(view, async () => {
      await port.register(server, clientOf(view));
      part(view, "client-secret", HTMLInputElement).value = "";
      setText(part(view, "outcome"), "Kept. It counts from the next sign-in on.");
    });
  });
  return view;
}

/** @param {string} server @param {ServerPort} port */
async function removed(server, port) {
  const isMeant = await confirmed({
    title: `Remove “${server}”?`,
    text: "Its tools are gone for everybody, and everybody's sign-ins there are withdrawn. What was done stays done.",
    yes: "Remove",
  });
  if (isMeant) await port.remove(server);
}

/** @param {HTMLElement} view @returns {IssuerClient} */
function clientOf(view) {
  const value = (/** @type {string} */ name) => part(view, name, HTMLInputElement).value.trim();
  const secret = value("client-secret");
  const client = { issuer: value("issuer"), client_id: value("client-id") };
  return secret ? { ...client, client_secret: secret } : client;
}

/** @param {HTMLElement} view @param {() => Promise<unknown>} act */
async function attempt(view, act) {
  const outcome = part(view, "outcome");
  setText(outcome, "");
  try {
    await act();
  } catch (error) {
    setText(outcome, `Not done. ${error instanceof Error ? error.message : error}`);
  }
}
