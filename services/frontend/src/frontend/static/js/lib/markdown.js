// @ts-check
/**
 * The one sanitised door through which text becomes markup. Two locks: markup inside the text is shown as
 * text and never parsed, and what the parser makes passes DOMPurify with a short list of what may remain.
 */

import { DOMPurify, Marked } from "../vendor.js";
import { MARK } from "./citation-marks.js";

/** @import { Token } from "../vendor.js" */

const ALLOWED_TAGS =
  "a b blockquote br code del em h1 h2 h3 h4 h5 h6 hr i li ol p pre s strong sub sup table tbody td th thead tr ul"
    .split(" ")
    .concat("span");
const ALLOWED_ATTR = ["align", "class", "data-image", "data-passage", "href", "start", "title"];
const ALLOWED_URI = /^(?:https?:|mailto:|tel:|[/#])/i;

const AT_BEGIN = new RegExp(`^${MARK.source}`);

const marked = new Marked({
  gfm: true,
  extensions: [
    {
      // Taken before anything else can be: a definition somewhere below would make a link of it.
      name: "citation",
      level: "inline",
      start: (source) => source.indexOf("[^"),
      tokenizer(source) {
        const found = AT_BEGIN.exec(source);
        return found ? { type: "citation", raw: found[0], text: found[1] } : undefined;
      },
      renderer: ({ raw, text }) => `<sup data-passage="${text}">${raw}</sup>`,
    },
  ],
  renderer: {
    html: ({ text = "" }) => (/^<br\s*\/?>\s*$/i.test(text) ? "<br>" : escaped(text)),
    image: ({ href = "", text = "" }) =>
      `<a data-image="" href="${escaped(href)}">${escaped(text || "Image")}</a>`,
    heading({ depth = 1, tokens = [] }) {
      // The page's own headings end at level 2; an answer's begin below them.
      const level = Math.min(6, Math.max(3, depth + 1));
      return `<h${level}>${this.parser.parseInline(tokens)}</h${level}>\n`;
    },
    checkbox: (token) => ("checked" in token && token.checked ? "☑ " : "☐ "),
  },
});

/**
 * A top-level piece of markdown: the unit that is rendered again when it grows.
 *
 * @typedef {{ raw: string, token: Token }} Block
 */

/** @param {string} markdown @returns {Block[]} */
export function blocksOf(markdown) {
  return marked
    .lexer(markdown)
    .filter((token) => token.type !== "space" && token.type !== "def")
    .map((token) => ({ raw: token.raw, token }));
}

/** The parser's HTML, before it is sanitised. Only for `blockToNodes` and tests. @param {Block} block */
export function blockToHtml(block) {
  return marked.parser(Object.assign([block.token], { links: {} }));
}

/** @param {Block} block */
export function blockToNodes(block) {
  return sanitized(blockToHtml(block));
}

/**
 * Markup made by one of our libraries, cut down to what may be shown.
 *
 * @param {string} html
 * @returns {DocumentFragment}
 */
export function sanitized(html) {
  return DOMPurify.sanitize(html, {
    ALLOWED_TAGS,
    ALLOWED_ATTR,
    ALLOW_DATA_ATTR: false,
    ALLOW_ARIA_ATTR: false,
    ALLOWED_URI_REGEXP: ALLOWED_URI,
    // DOMPurify holds every attribute it does not know to be harmless against the pattern for addresses.
    ADD_URI_SAFE_ATTR: ["align", "data-image", "data-passage", "start"],
    RETURN_DOM_FRAGMENT: true,
  });
}

/** @param {string} text */
function escaped(text) {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
