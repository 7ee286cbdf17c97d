// @ts-check
/** An SQL statement as it is sent, with the values bound to it and whatever else goes along. */

import { element } from "../lib/dom.js";
import { cellText, isObject } from "../lib/result-shape.js";
import { codeBlock } from "./code-block.js";

/** @import { Json, JsonObject } from "../types/wire.js" */

/** @param {string} sql @param {JsonObject} others the arguments beside it */
export function sqlView(sql, { parameters = null, ...others }) {
  const values = [...boundValues(parameters), ...Object.entries(others)];
  return [codeBlock(sql, "sql"), ...(values.length ? [valueList(values)] : [])];
}

/** By name or by position. @param {Json} parameters @returns {[string, Json][]} */
function boundValues(parameters) {
  if (Array.isArray(parameters)) return parameters.map((value, at) => [`${at + 1}`, value]);
  return isObject(parameters)
    ? Object.entries(parameters).map(([name, value]) => [`:${name}`, value])
    : [];
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
