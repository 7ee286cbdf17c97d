// @ts-check
/** The one place that names vendored files and their versions; see dev/vendor-update. Types: vendor.d.ts. */

export { default as DOMPurify } from "../vendor/dompurify-3.4.18/purify.es.mjs";
export { Marked } from "../vendor/marked-18.2.1/marked.esm.js";
export { io } from "../vendor/socket.io-client-4.8.4/socket.io.esm.min.js";

const HIGHLIGHT = "../vendor/highlight.js-11.12.0";

/** The highlighter without languages, fetched when the first code block needs it. */
export async function loadHighlighter() {
  return (await import(`${HIGHLIGHT}/core.min.js`)).default;
}

/** @param {string} name a file of vendor/highlight.js languages */
export async function loadLanguage(name) {
  return (await import(`${HIGHLIGHT}/languages/${name}.min.js`)).default;
}
