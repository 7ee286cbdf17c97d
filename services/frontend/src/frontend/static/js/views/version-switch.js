// @ts-check
/** Which version of a question is shown, and the way to the one before and the one after it: ‹ 2 / 3 › */

import { part, setText } from "../lib/dom.js";

export class VersionSwitch {
  #element;
  /** @type {string[]} */
  #versions = [];
  #at = 0;

  /** @param {HTMLElement} element @param {(turnId: string, step: number) => void} onShow */
  constructor(element, onShow) {
    this.#element = element;
    for (const step of [-1, 1]) {
      this.#button(step).addEventListener("click", () =>
        onShow(this.#versions[this.#at + step], step),
      );
    }
  }

  /** @param {string} turnId the one shown @param {string[]} versions oldest first */
  update(turnId, versions) {
    this.#versions = versions;
    this.#at = versions.indexOf(turnId);
    this.#element.hidden = versions.length < 2 || this.#at === -1;
    const number = this.#at + 1;
    setText(part(this.#element, "version"), `${number} / ${versions.length}`);
    this.#element.setAttribute("aria-label", `Version ${number} of ${versions.length}`);
    for (const step of [-1, 1]) this.#button(step).disabled = !this.#versions[this.#at + step];
  }

  /** To the button of a direction, or where that way ends to the other. @param {number} step */
  focus(step) {
    const button = this.#button(step);
    (button.disabled ? this.#button(-step) : button).focus();
  }

  // Internal

  /** @param {number} step */
  #button(step) {
    const name = step < 0 ? "version-before" : "version-after";
    return part(this.#element, name, HTMLButtonElement);
  }
}
