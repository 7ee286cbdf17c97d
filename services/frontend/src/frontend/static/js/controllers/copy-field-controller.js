// @ts-check
/** A field with something to be copied: selected as soon as it is reached, with a button beside it. */

import { copyButton } from "../views/copy-button.js";

export class CopyFieldController {
  #field;

  /** @param {HTMLElement} element the `input` */
  constructor(element) {
    this.#field = /** @type {HTMLInputElement} */ (element);
  }

  // Lifecycle

  connect() {
    const field = this.#field;
    field.addEventListener("focus", () => field.select());
    const row = document.createElement("div");
    row.className = "copy-row";
    const label = /** @type {HTMLElement} */ (field.closest("label"));
    label.after(row);
    row.append(copyButton(() => field.value, `Copy: ${label.textContent?.trim() ?? ""}`));
  }
}
