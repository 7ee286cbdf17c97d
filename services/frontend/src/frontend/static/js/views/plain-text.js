// @ts-check
/** Somebody's text as it is: nothing in it is markup, hidden characters are named, untrusted fragments marked. */

import { element } from "../lib/dom.js";
import { visiblePieces } from "../lib/hidden-characters.js";
import { markedIn } from "../lib/taint.js";
import { markedFragment } from "./taint-view.js";

/** @import { UntrustedText } from "../lib/taint.js" */

/**
 * @param {string} text
 * @param {{ untrusted?: readonly UntrustedText[], origins?: readonly string[] }} [marks] `origins` numbers them, as in
 *   the legend
 * @returns {(string | Node)[]}
 */
export function plainText(text, { untrusted = [], origins = [] } = {}) {
  return markedIn(text.replace(/\r\n?/g, "\n"), untrusted).flatMap(({ text: piece, origin }) => {
    const nodes = visibleNodes(piece);
    return origin ? [markedFragment(nodes, origin, origins)] : nodes;
  });
}

/** @param {string} text */
function visibleNodes(text) {
  return visiblePieces(text).map(({ text: piece, hidden }) =>
    hidden ? element("span", { class: "hidden-character" }, hidden) : piece,
  );
}
