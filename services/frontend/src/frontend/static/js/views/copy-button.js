// @ts-check
/** A button that copies something and says so. */

import { announce } from "../lib/announce.js";
import { copyText } from "../lib/clipboard.js";
import { element, icon, setIcon } from "../lib/dom.js";

const SHOWN_MS = 2000;

/**
 * @param {() => string} read what to copy, asked when it is pressed
 * @param {string} label
 */
export function copyButton(read, label) {
  const mark = icon("copy");
  const words = element("span", {}, "Copy");
  const button = element(
    "button",
    { type: "button", class: "copy-button", "aria-label": label },
    mark,
    words,
  );
  button.addEventListener("click", async () => {
    const copied = await copyText(read());
    const outcome = copied ? "Copied" : "Not copied";
    announce(outcome);
    words.textContent = outcome;
    setIcon(mark, copied ? "check" : "x");
    setTimeout(() => {
      words.textContent = "Copy";
      setIcon(mark, "copy");
    }, SHOWN_MS);
  });
  return button;
}
