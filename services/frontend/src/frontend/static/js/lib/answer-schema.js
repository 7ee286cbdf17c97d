// @ts-check
/** The fields of a tool server's question, from its flat JSON Schema (MCP elicitation). Pure. */

import { humanized } from "./argument-schema.js";
import { isObject } from "./result-shape.js";

/** @import { Json, JsonObject } from "../types/wire.js" */

/** @typedef {"text" | "email" | "url" | "date" | "datetime-local" | "integer" | "number" | "choice" | "choices"} AnswerKind */
/** @typedef {{ value: Json, label: string }} Option */

/**
 * @typedef {object} AnswerFieldSpec
 * @property {string} name
 * @property {string} label
 * @property {string} description
 * @property {AnswerKind} kind
 * @property {boolean} required
 * @property {Json | undefined} preset what stands there at first
 * @property {Option[]} options of a choice
 * @property {number | null} min of a number, or how many must be chosen
 * @property {number | null} max
 * @property {number | null} minLength
 * @property {number | null} maxLength
 */

/** @param {JsonObject} schema @returns {AnswerFieldSpec[]} */
export function answerFields(schema) {
  const properties = isObject(schema.properties) ? schema.properties : {};
  const required = Array.isArray(schema.required) ? schema.required : [];
  return Object.entries(properties).map(([name, given]) =>
    fieldOf(name, isObject(given) ? given : {}, required.includes(name)),
  );
}

/** @param {string} name @param {JsonObject} schema @param {boolean} required @returns {AnswerFieldSpec} */
function fieldOf(name, schema, required) {
  const kind = kindOf(schema);
  const isMany = kind === "choices";
  return {
    name,
    label: typeof schema.title === "string" && schema.title ? schema.title : humanized(name),
    description: typeof schema.description === "string" ? schema.description : "",
    kind,
    required,
    preset: schema.default,
    options: optionsOf(isMany && isObject(schema.items) ? schema.items : schema),
    min: numberOrNull(isMany ? schema.minItems : schema.minimum),
    max: numberOrNull(isMany ? schema.maxItems : schema.maximum),
    minLength: numberOrNull(schema.minLength),
    maxLength: numberOrNull(schema.maxLength),
  };
}

/** @type {Record<string, AnswerKind>} */
const FORMATS = { email: "email", uri: "url", date: "date", "date-time": "datetime-local" };

/** @param {JsonObject} schema @returns {AnswerKind} */
function kindOf(schema) {
  if (schema.type === "array") return "choices";
  if (schema.type === "boolean" || optionsOf(schema).length) return "choice";
  if (schema.type === "integer" || schema.type === "number") return schema.type;
  return FORMATS[String(schema.format)] ?? "text";
}

/** @param {JsonObject} schema @returns {Option[]} */
function optionsOf(schema) {
  const titled = schema.oneOf ?? schema.anyOf;
  if (Array.isArray(titled)) {
    return titled
      .filter(isObject)
      .flatMap((option) =>
        "const" in option
          ? [{ value: option.const, label: String(option.title ?? option.const) }]
          : [],
      );
  }
  if (Array.isArray(schema.enum)) {
    const names = Array.isArray(schema.enumNames) ? schema.enumNames : [];
    return schema.enum.map((value, at) => ({ value, label: String(names[at] ?? value) }));
  }
  if (schema.type !== "boolean") return [];
  return [
    { value: true, label: "Yes" },
    { value: false, label: "No" },
  ];
}

/** @param {Json | undefined} value */
function numberOrNull(value) {
  return typeof value === "number" ? value : null;
}

/**
 * What was written, as the schema wants it.
 *
 * @param {AnswerFieldSpec} field
 * @param {string} written a choice is written as its JSON
 * @returns {Json | undefined} undefined: left out
 */
export function readAnswer({ kind }, written) {
  if (written === "") return undefined;
  switch (kind) {
    case "choice":
      return JSON.parse(written);
    case "integer":
    case "number":
      return Number(written);
    case "datetime-local":
      return new Date(written).toISOString();
    default:
      return written;
  }
}

/** What an input shows for a value. @param {AnswerFieldSpec} field @param {Json} value */
export function writtenAnswer({ kind }, value) {
  if (kind === "choice") return JSON.stringify(value);
  return kind === "datetime-local" ? localTime(String(value)) : String(value);
}

/** An instant as the person's clock shows it, the way an input takes it. @param {string} instant */
function localTime(instant) {
  const at = new Date(instant);
  if (Number.isNaN(at.getTime())) return "";
  return new Date(at.getTime() - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}
