// @ts-check
/** Asks before something cannot be undone. Escape and the close of the dialog mean no. */

import { part } from "../lib/dom.js";

/**
 * @param {{ title: string, text: string, yes: string }} words
 * @returns {Promise<boolean>}
 */
export function confirmed({ title, text, yes }) {
  const dialog = /** @type {HTMLDialogElement} */ (document.getElementById("confirm-dialog"));
  part(dialog, "title").textContent = title;
  part(dialog, "text").textContent = text;
  part(dialog, "yes").textContent = yes;
  dialog.returnValue = "no";
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true });
  });
}
