// @ts-check
/** Shows which parts of an argument strangers may have written, for the eye and for the ear. */

import { element, icon } from "../lib/dom.js";
import { originWords } from "../lib/taint.js";

/** @import { Fragment, TaintedText } from "../lib/taint.js" */
/** @import { Origin } from "../types/wire.js" */

/** @param {TaintedText} tainted @returns {HTMLElement} */
export function taintView({ path, fragments }) {
  const origins = [
    ...new Set(fragments.flatMap(({ origin }) => (origin ? [originWords(origin)] : []))),
  ];
  const isNested = path.includes(".");
  return element(
    "div",
    { class: "taint" },
    element(
      "p",
      { class: "taint-head" },
      icon("alert"),
      element(
        "span",
        {},
        "Marked: not written by you, but copied from outside",
        isNested && " (",
        isNested && element("code", {}, path),
        isNested && ")",
      ),
    ),
    element("p", { class: "taint-text" }, ...fragments.map((piece) => fragment(piece, origins))),
    taintLegend(origins),
  );
}

/** Which number stands for which origin. @param {readonly string[]} origins in words */
export function taintLegend(origins) {
  const items = origins.map((words, at) =>
    element(
      "li",
      {},
      element("span", { class: "taint-number" }, String(at + 1)),
      ` From: ${words}`,
    ),
  );
  const label = "Where the marked parts come from";
  return element("ul", { class: "taint-legend", "aria-label": label }, ...items);
}

/** @param {Fragment} fragment @param {string[]} origins */
function fragment({ text, origin }, origins) {
  return origin ? markedFragment([text], origin, origins) : text;
}

/** @param {(string | Node)[]} content @param {Origin} origin @param {readonly string[]} origins all of them, in words */
export function markedFragment(content, origin, origins) {
  const words = originWords(origin);
  return element(
    "mark",
    {},
    element("span", { class: "visually-hidden" }, `[from ${words}: `),
    ...content,
    element("span", { class: "visually-hidden" }, "]"),
    element("sup", { "aria-hidden": "true" }, String(origins.indexOf(words) + 1)),
  );
}
