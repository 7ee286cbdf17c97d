// @ts-check
/** What is inside an unfolded call: arguments, result or error, and the rule that let it run. */

import { element } from "../lib/dom.js";
import { changesOf, isObject, tableOf } from "../lib/result-shape.js";
import { originWords } from "../lib/taint.js";
import { codeBlock } from "./code-block.js";
import { changesTable, resultTable } from "./data-table.js";

/** @import { Call, CallEnd } from "../types/turn.js" */
/** @import { Json, JsonObject } from "../types/wire.js" */

const LONGEST_JSON = 20_000;

/** @param {Call} call @returns {HTMLElement[]} */
export function callBody(call) {
  const sections = [section("Sent", ...argumentNodes(call.arguments))];
  if (call.end?.error) sections.push(section("Error", ...errorNodes(call.end.error)));
  if (call.end && call.end.result !== null)
    sections.push(
      section("Result", ...resultNodes(call.end), ...wholeNodes(call), ...originNodes(call.end)),
    );
  sections.push(
    section(
      "Rule",
      element("p", { class: "hint" }, `${call.reason} `, element("code", {}, call.rule)),
    ),
  );
  return sections;
}

/** @param {string} title @param {...Node} content */
function section(title, ...content) {
  return element("section", { class: "call-section" }, element("h3", {}, title), ...content);
}

/** SQL reads better as SQL than inside a JSON string. @param {JsonObject} args @returns {Node[]} */
function argumentNodes(args) {
  if (Object.keys(args).length === 0) return [element("p", { class: "hint" }, "No arguments.")];
  const sql = typeof args.sql === "string" ? args.sql : null;
  if (sql === null) return [codeBlock(JSON.stringify(args, null, 2), "json")];
  const rest = Object.fromEntries(Object.entries(args).filter(([name]) => name !== "sql"));
  const others = Object.keys(rest).length ? [codeBlock(JSON.stringify(rest, null, 2), "json")] : [];
  return [codeBlock(sql, "sql"), ...others];
}

/** @param {import("../types/wire.js").CallError} error @returns {Node[]} */
function errorNodes({ message, hint }) {
  const nodes = [element("p", { class: "call-error" }, message)];
  if (hint) nodes.push(element("p", { class: "hint" }, hint));
  return nodes;
}

/** @param {CallEnd} end @returns {Node[]} */
function resultNodes({ result, truncated }) {
  const table = tableOf(result);
  if (table) return [resultTable(table)];
  const changes = changesOf(result);
  if (changes) return changeNodes(changes);
  const cut = truncated ? [element("p", { class: "hint" }, "The result was cut to fit here.")] : [];
  return [...valueNodes(result), ...cut];
}

/** @param {Call} call @returns {Node[]} */
function wholeNodes({ callId, end }) {
  if (!end?.wholeBytes) return [];
  const address = `/api/calls/${encodeURIComponent(callId)}/result`;
  const words = `Download the whole result (${sizeWords(end.wholeBytes)})`;
  return [element("p", {}, element("a", { href: address, download: "" }, words))];
}

/** @param {number} bytes */
function sizeWords(bytes) {
  return bytes < 1e6 ? `${Math.ceil(bytes / 1e3)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
}

/** @param {CallEnd} end @returns {Node[]} */
function originNodes({ origin }) {
  if (!origin || origin.trusted) return [];
  const words = `From ${originWords(origin)}. Others may have written it: Steward takes it as data, not as orders.`;
  return [element("p", { class: "hint" }, words)];
}

/** @param {NonNullable<ReturnType<typeof changesOf>>} done @returns {Node[]} */
function changeNodes({ summary, changes, repeated }) {
  const nodes = [element("p", {}, summary)];
  if (changes.length) nodes.push(changesTable(changes, { isDone: true }));
  if (repeated) {
    nodes.push(
      element("p", { class: "hint" }, "This had been done already and was not done again."),
    );
  }
  return nodes;
}

/** @param {Json} value @returns {Node[]} */
function valueNodes(value) {
  const text = isObject(value) && Object.keys(value).length === 1 ? Object.values(value)[0] : value;
  if (typeof text === "string") return [element("p", { class: "plain-result" }, shortened(text))];
  return [codeBlock(shortened(JSON.stringify(value, null, 2)), "json")];
}

/** @param {string} text */
function shortened(text) {
  return text.length > LONGEST_JSON ? `${text.slice(0, LONGEST_JSON)}\n… (shortened here)` : text;
}
