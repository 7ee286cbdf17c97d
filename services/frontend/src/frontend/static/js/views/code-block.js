// @ts-check
/** Code with its language, a copy button and, once the code is complete, colours. */

import { element } from "../lib/dom.js";
import { highlighted, languageName } from "../lib/highlight.js";
import { copyButton } from "./copy-button.js";

/**
 * @param {string} code
 * @param {string} language as written after the fence; may be empty
 * @param {{ settled?: boolean }} [options] `settled`: no more of it will come, so colouring it pays
 */
export function codeBlock(code, language, { settled = true } = {}) {
  const name = languageName(language);
  const shown = element("code", {}, code);
  const block = element(
    "figure",
    { class: "code-block" },
    element(
      "figcaption",
      {},
      element("span", {}, name),
      copyButton(() => code, `Copy ${name}`),
    ),
    element("pre", { tabindex: 0, role: "group", "aria-label": name }, shown),
  );
  if (settled) colour(shown, code, language);
  return block;
}

/** @param {HTMLElement} shown @param {string} code @param {string} language */
async function colour(shown, code, language) {
  const coloured = await highlighted(code, language);
  if (coloured) shown.replaceChildren(coloured);
}
