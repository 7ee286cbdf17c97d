// @ts-check
/** What a waiting call would change, as its server worked it out. */

import { element, part, setText } from "../lib/dom.js";
import { changesTable } from "./data-table.js";
import { letterView } from "./letter-view.js";

/** @import { UntrustedText } from "../lib/taint.js" */
/** @import { PreviewAnswer } from "../types/wire.js" */

export class PreviewView {
  #section;
  #isRead;
  #untrusted;

  /**
   * @param {HTMLElement} section
   * @param {boolean} isRead the call changes nothing by its own word
   * @param {readonly UntrustedText[]} [untrusted] what of the arguments strangers may have written
   */
  constructor(section, isRead, untrusted = []) {
    this.#section = section;
    this.#isRead = isRead;
    this.#untrusted = untrusted;
  }

  showBusy() {
    this.#section.setAttribute("aria-busy", "true");
    const words = element("p", { class: "preview-busy" }, "Working out what this would change…");
    this.#section.querySelector(".preview-busy")?.remove();
    part(this.#section, "changes").append(words);
  }

  /** @param {PreviewAnswer} answer */
  show(answer) {
    this.#section.removeAttribute("aria-busy");
    const isMail = Boolean(answer.preview?.mail);
    setText(part(this.#section, "preview-title"), isMail ? "The mail" : "What will change");
    part(this.#section, "changes").replaceChildren(...this.#content(answer));
  }

  // Internal

  /** @param {PreviewAnswer} answer @returns {HTMLElement[]} */
  #content({ preview, problem }) {
    if (problem) {
      return [
        element(
          "p",
          { class: "note warning" },
          `What this would change could not be worked out: ${problem}`,
        ),
      ];
    }
    if (!preview) return [element("p", { class: "hint" }, this.#withoutPreview())];
    const summary = element("p", { class: "preview-summary" }, preview.summary);
    return [
      summary,
      ...(preview.mail ? [letterView(preview.mail, this.#untrusted)] : []),
      ...(preview.changes.length ? [changesTable(preview.changes, { isDone: false })] : []),
    ];
  }

  #withoutPreview() {
    if (this.#isRead) return "By its own word, this tool only reads.";
    return "This tool cannot show beforehand what it changes. Look closely at what will be sent.";
  }
}
