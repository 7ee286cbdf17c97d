// @ts-check
/** A sentence that shows for a while at the edge of the page; its region is read to screen readers. */

import { element } from "../lib/dom.js";

const SHOWN_MS = 6000;

/** @param {string} text */
export function toast(text) {
  const line = element("p", { class: "toast" }, text);
  document.getElementById("toasts")?.append(line);
  setTimeout(() => line.remove(), SHOWN_MS);
}
