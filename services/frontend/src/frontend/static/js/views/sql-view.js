// @ts-check
/** An SQL statement as it is sent, with the values bound to it and whatever else goes along. */

import { element } from "../lib/dom.js";
import { cellText, isObject } from "../lib/result-shape.js";
import { codeBlock } from "./code-block.js";

/** @import { Json, JsonObject } from "../types/wire.js" */

/** What tools call the values of a statement. */
const BOUND = ["params", "parameters"];

/** @param {string} sql @param {JsonObject} others the arguments beside it */
export function sqlView(sql, others) {
  const values = Object.entries(others).flatMap(valuesIn);
  return [codeBlock(sql, "sql"), ...(values.length ? [valueList(values)] : [])];
}

/** Those bound by name or by position stand by themselves. @param {[string, Json]} argument @returns {[string, Json][]} */
function valuesIn([name, value]) {
  if (!BOUND.includes(name)) return [[name, value]];
  if (Array.isArray(value)) return value.map((one, at) => [`${at + 1}`, one]);
  if (isObject(value)) return Object.entries(value).map(([key, one]) => [`:${key}`, one]);
  return value === null ? [] : [[name, value]];
}

/** @param {[string, Json][]} values */
function valueList(values) {
  const pairs = values.map(([name, value]) =>
    element(
      "div",
      {},
      element("dt", {}, element("code", {}, name)),
      element("dd", {}, value === null ? nothing() : cellText(value)),
    ),
  );
  return element("dl", { class: "parameters", "aria-label": "Parameters" }, ...pairs);
}

function nothing() {
  return element("span", { class: "null" }, "null");
}
