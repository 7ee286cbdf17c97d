// @ts-check
/** An SQL statement as it is sent, and the values bound to it. */

import { element } from "../lib/dom.js";
import { cellText, isObject } from "../lib/result-shape.js";
import { codeBlock } from "./code-block.js";

/** @import { Json } from "../types/wire.js" */

/** @param {string} sql @param {Json | undefined} parameters by name or by position @returns {HTMLElement[]} */
export function sqlView(sql, parameters) {
  const bound = boundValues(parameters ?? null);
  return [codeBlock(sql, "sql"), ...(bound.length ? [parameterList(bound)] : [])];
}

/** @param {Json} parameters @returns {[string, Json][]} */
function boundValues(parameters) {
  if (Array.isArray(parameters)) return parameters.map((value, at) => [`${at + 1}`, value]);
  return isObject(parameters)
    ? Object.entries(parameters).map(([name, value]) => [`:${name}`, value])
    : [];
}

/** @param {[string, Json][]} bound */
function parameterList(bound) {
  return element(
    "dl",
    { class: "parameters", "aria-label": "Parameters" },
    ...bound.map(([name, value]) =>
      element(
        "div",
        {},
        element("dt", {}, element("code", {}, name)),
        element(
          "dd",
          { class: value === null && "null" },
          value === null ? "null" : cellText(value),
        ),
      ),
    ),
  );
}
