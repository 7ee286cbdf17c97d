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
