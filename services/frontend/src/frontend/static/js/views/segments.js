// @ts-check
/** A few buttons of which one is pressed. */

import { element, icon } from "../lib/dom.js";

/**
 * @template {string} Value
 * @typedef {{ value: Value, words: string, icon: string }} Segment
 */

/** @template {string} Value */
export class Segments {
  #buttons;

  /**
   * @param {string} label
   * @param {Segment<Value>[]} segments
   * @param {(value: Value) => void} onChoose
   */
  constructor(label, segments, onChoose) {
    this.#buttons = segments.map((segment) => {
      const button = element(
        "button",
        { type: "button", class: "segment", "data-value": segment.value },
        icon(segment.icon),
        segment.words,
      );
      button.addEventListener("click", () => onChoose(segment.value));
      return button;
    });
    const attributes = { class: "segments", role: "group", "aria-label": label };
    this.element = element("div", attributes, ...this.#buttons);
  }

  /** @param {Value} value */
  press(value) {
    for (const button of this.#buttons) {
      button.setAttribute("aria-pressed", String(button.dataset.value === value));
    }
  }
}
