// @ts-check
/** A citation in an answer: a small numbered button, and after the check what was found of its sentence. */

import { element, icon } from "../lib/dom.js";
import { CURATED, placeWords, SUPPORT, titleOf } from "../lib/knowledge-words.js";
import { plainText } from "./plain-text.js";

/** @import { PassageShown, Support } from "../types/knowledge.js" */

/**
 * @typedef {object} MarkState
 * @property {number | null} number null: no passage has this id, and the mark stays quiet text
 * @property {PassageShown | null} passage null: not known yet
 * @property {Support | null} support of its sentence; null: not checked
 * @property {boolean} isLast of its sentence's marks: it shows the sign
 */

/**
 * Draws the mark anew, keeping its button: whoever is on it stays there.
 *
 * @param {HTMLElement} mark `sup[data-passage]`
 * @param {MarkState} state
 */
export function drawMark(mark, state) {
  const drawn = JSON.stringify([state.number, state.passage?.title, state.support, state.isLast]);
  if (mark.dataset.drawn === drawn) return;
  mark.dataset.drawn = drawn;
  mark.className = "cite";
  mark.toggleAttribute("data-unknown", state.number === null);
  if (state.support) mark.dataset.support = state.support;
  else delete mark.dataset.support;
  if (state.number === null) mark.replaceChildren(`[^${mark.dataset.passage}]`, ...loneSign(state));
  else buttonOf(mark).replaceChildren(...buttonWords(state));
}

/** @param {HTMLElement} mark */
function buttonOf(mark) {
  const known = mark.querySelector("button");
  if (known) return known;
  const button = element("button", {
    type: "button",
    class: "cite-button",
    "data-part": "open",
  });
  mark.replaceChildren(button);
  return button;
}

/** @param {MarkState} state */
function buttonWords({ number, passage, support, isLast }) {
  return [
    element("span", { class: "visually-hidden" }, "Source "),
    element("span", { class: "cite-number" }, number),
    support && isLast && icon(SUPPORT[support].icon),
    element(
      "span",
      { class: "cite-words" },
      element("span", { class: "visually-hidden" }, ": "),
      passage ? titleWords(passage) : "Open the source",
      support && element("span", { class: "cite-support" }, supportWords(support)),
    ),
  ].filter((child) => child !== null && child !== false);
}

/** @param {PassageShown} passage */
function titleWords(passage) {
  const place = placeWords(passage);
  return element(
    "span",
    {},
    ...(passage.curated ? [`${CURATED}: `] : []),
    ...plainText(titleOf(passage)),
    ...(place ? [", ", ...plainText(place)] : []),
    ". ",
  );
}

/** A sentence that cites nothing there is has no button to say so. @param {MarkState} state */
function loneSign({ support, isLast }) {
  if (!support || !isLast) return [];
  const sign = element("span", {
    class: "cite-sign",
    role: "img",
    tabindex: 0,
    "aria-label": `${SUPPORT[support].words}: there is no such source.`,
    title: "There is no such source",
  });
  sign.append(icon(SUPPORT[support].icon));
  return [sign];
}

/** @param {Support} support */
function supportWords(support) {
  const { words, sentence } = SUPPORT[support];
  return `${words}: ${sentence}`;
}
