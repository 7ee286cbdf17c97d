// @ts-check
/** Which fragments of a call's arguments come from untrusted text. Pure. */

import { isObject } from "./result-shape.js";

/** @import { Json, JsonObject, Origin, TaintMark } from "../types/wire.js" */

/** @typedef {{ text: string, origin: Origin | null }} Fragment `origin` is null where nothing untrusted was found */

/**
 * The marks of one value inside the arguments.
 *
 * @typedef {{ path: string, fragments: Fragment[] }} TaintedText
 */

/** @typedef {{ text: string, origin: Origin }} UntrustedText a fragment that strangers may have written */

/**
 * The text of each argument that holds something untrusted, cut where that begins and ends.
 *
 * @param {JsonObject} args
 * @param {readonly TaintMark[]} marks
 * @returns {TaintedText[]} in the order of the marks
 */
export function taintedTexts(args, marks) {
  const paths = [...new Set(marks.map(({ argument }) => argument))];
  return paths.map((path) => ({
    path,
    fragments: fragmentsOf(
      textAt(args, path),
      marks.filter(({ argument }) => argument === path),
    ),
  }));
}

/** The fragments alone. @param {readonly TaintedText[]} tainted @returns {UntrustedText[]} */
export function untrustedOf(tainted) {
  return tainted.flatMap(({ fragments }) =>
    fragments.flatMap(({ text, origin }) => (origin ? [{ text, origin }] : [])),
  );
}

/** Shorter ones would be found everywhere. */
const SHORTEST_FOUND = 3;

/**
 * Where a text that was made of the arguments holds what is untrusted in them.
 *
 * @param {string} text lines end in \n
 * @param {readonly UntrustedText[]} untrusted
 * @returns {Fragment[]} the whole text, cut; of fragments that overlap the longest one counts
 */
export function markedIn(text, untrusted) {
  const wanted = untrusted
    .map(({ text: wanted, origin }) => ({ text: wanted.replace(/\r\n?/g, "\n").trim(), origin }))
    .filter(({ text: wanted }) => wanted.length >= SHORTEST_FOUND)
    .toSorted((one, other) => other.text.length - one.text.length);
  return wanted.reduce(cutOut, [{ text, origin: null }]);
}

/** @param {Fragment[]} fragments @param {UntrustedText} wanted @returns {Fragment[]} */
function cutOut(fragments, wanted) {
  return fragments.flatMap((fragment) => {
    if (fragment.origin) return [fragment];
    const found = { text: wanted.text, origin: wanted.origin };
    return fragment.text
      .split(wanted.text)
      .flatMap((text, at) => [
        ...(at > 0 ? [found] : []),
        ...(text ? [{ text, origin: null }] : []),
      ]);
  });
}

/** The argument a dotted path leads into. @param {string} path */
export function argumentOf(path) {
  return path.split(".", 1)[0];
}

/** `From mail, through server “email”`. @param {Origin} origin */
export function originWords({ kind, server }) {
  const where = KINDS[kind] ?? "text from outside";
  return server ? `${where}, through server “${server}”` : where;
}

/** @type {Record<Origin["kind"], string>} */
const KINDS = {
  person: "somebody's own words",
  document: "a document",
  web: "the web",
  mail: "mail",
  database: "a database",
  tool: "a tool's result",
};

/**
 * Positions count code points, as the server does; JavaScript's own count UTF-16 units.
 *
 * @param {string} text
 * @param {readonly TaintMark[]} marks
 * @returns {Fragment[]}
 */
function fragmentsOf(text, marks) {
  const characters = [...text];
  /** @type {Fragment[]} */
  const fragments = [];
  let at = 0;
  const add = (/** @type {number} */ end, /** @type {Origin | null} */ origin) => {
    if (end <= at) return;
    fragments.push({ text: characters.slice(at, end).join(""), origin });
    at = end;
  };
  for (const { start, end, origin } of marks.toSorted((one, other) => one.start - other.start)) {
    add(Math.min(start, characters.length), null);
    add(Math.min(end, characters.length), origin);
  }
  add(characters.length, null);
  return fragments;
}

/** @param {JsonObject} args @param {string} path */
function textAt(args, path) {
  /** @type {Json | undefined} */
  let value = args;
  for (const step of path.split(".")) value = inside(value, step);
  if (value === undefined) return "";
  return typeof value === "string" ? value : JSON.stringify(value);
}

/** @param {Json | undefined} value @param {string} step @returns {Json | undefined} */
function inside(value, step) {
  if (Array.isArray(value)) return value[Number(step)];
  return isObject(value ?? null) ? /** @type {JsonObject} */ (value)[step] : undefined;
}
