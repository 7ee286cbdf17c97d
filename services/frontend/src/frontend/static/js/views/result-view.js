// @ts-check
/** What is inside an unfolded call: arguments, result or error, and the rule that let it run. */

import { element } from "../lib/dom.js";
import { mailOutcomeOf } from "../lib/mail-outcome.js";
import { changesOf, isObject } from "../lib/result-shape.js";
import { tableOf } from "../lib/result-table.js";
import { sizeWords } from "../lib/size-words.js";
import { originWords } from "../lib/taint.js";
import { codeBlock } from "./code-block.js";
import { changesTable } from "./data-table.js";
import { KeepForm } from "./keep-form.js";
import { mailOutcomeView } from "./mail-outcome-view.js";
import { ResultPanel } from "./result-panel.js";
import { sqlView } from "./sql-view.js";

/** @import { Call, CallEnd } from "../types/turn.js" */
/** @import { Json, JsonObject } from "../types/wire.js" */
/** @import { KeepPort } from "./keep-form.js" */

/** @typedef {KeepPort & { whole: (callId: string) => Promise<Json> }} ResultPort `whole` fetches a large result */

const LONGEST_JSON = 20_000;

/** @param {Call} call @param {ResultPort} port @returns {HTMLElement[]} */
export function callBody(call, port) {
  const sent = section("Sent", ...argumentNodes(call.arguments));
  const answer = answerSections(call, port);
  const { result = null } = call.end ?? {};
  const isWhatCounts = tableOf(result) !== null || mailOutcomeOf(result) !== null;
  return [
    // Who opens a call with rows came for the rows, and of a mail people want to know what became of it.
    ...(isWhatCounts ? [...answer, sent] : [sent, ...answer]),
    ...keepSections(call, port),
    section(
      "Rule",
      element("p", { class: "hint" }, `${call.reason} `, element("code", {}, call.rule)),
    ),
  ];
}

/** @param {Call} call @param {ResultPort} port @returns {HTMLElement[]} */
function answerSections(call, port) {
  const sections = [];
  if (call.end?.error) sections.push(section("Error", ...errorNodes(call.end.error)));
  if (call.end && call.end.result !== null)
    sections.push(
      section("Result", ...resultNodes(call, call.end, port), ...originNodes(call.end)),
    );
  return sections;
}

/** @param {Call} call @param {ResultPort} port */
function keepSections(call, port) {
  if (!call.keepable || call.end?.state !== "succeeded") return [];
  return [section("Use it again", new KeepForm(call, port).element)];
}

/** @param {string} title @param {...Node} content */
function section(title, ...content) {
  return element("section", { class: "call-section" }, element("h3", {}, title), ...content);
}

/** SQL reads better as SQL than inside a JSON string. @param {JsonObject} args @returns {Node[]} */
function argumentNodes(args) {
  if (Object.keys(args).length === 0) return [element("p", { class: "hint" }, "No arguments.")];
  const { sql, ...others } = args;
  return typeof sql === "string"
    ? sqlView(sql, others)
    : [codeBlock(JSON.stringify(args, null, 2), "json")];
}

/** @param {import("../types/wire.js").CallError} error @returns {Node[]} */
function errorNodes({ message, hint }) {
  const nodes = [element("p", { class: "call-error" }, message)];
  if (hint) nodes.push(element("p", { class: "hint" }, hint));
  return nodes;
}

/** @param {Call} call @param {CallEnd} end @param {ResultPort} port @returns {Node[]} */
function resultNodes(call, end, port) {
  const { result, truncated, wholeBytes } = end;
  const table = tableOf(result);
  if (table) {
    const whole = wholeBytes ? () => port.whole(call.callId) : null;
    return [new ResultPanel(table, { title: call.title || call.tool, whole }).element];
  }
  const mail = mailOutcomeOf(result);
  if (mail) return [mailOutcomeView(mail)];
  const changes = changesOf(result);
  if (changes) return changeNodes(changes);
  const cut = truncated ? [element("p", { class: "hint" }, "The result was cut to fit here.")] : [];
  return [...valueNodes(result), ...cut, ...wholeNodes(call)];
}

/** @param {Call} call @returns {Node[]} */
function wholeNodes({ callId, end }) {
  if (!end?.wholeBytes) return [];
  const address = `/api/calls/${encodeURIComponent(callId)}/result`;
  const words = `Download the whole result (${sizeWords(end.wholeBytes)})`;
  return [element("p", {}, element("a", { href: address, download: "" }, words))];
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
  const text = textOf(value);
  if (typeof text === "string") return [element("p", { class: "plain-result" }, shortened(text))];
  return [codeBlock(shortened(JSON.stringify(value, null, 2)), "json")];
}

/** What is nothing but a text, or holds the answer as one beside facts about it. @param {Json} value @returns {Json} */
function textOf(value) {
  if (!isObject(value)) return value;
  if (typeof value.text === "string" && Array.isArray(value.columns)) return value.text;
  return Object.keys(value).length === 1 ? Object.values(value)[0] : value;
}

/** @param {string} text */
function shortened(text) {
  return text.length > LONGEST_JSON ? `${text.slice(0, LONGEST_JSON)}\n… (shortened here)` : text;
}
