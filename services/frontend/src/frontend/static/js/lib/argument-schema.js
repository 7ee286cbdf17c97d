// @ts-check
/** The fields a person edits a call's arguments with, made from their JSON Schema. Pure. */

import { isObject, isSame } from "./result-shape.js";

/** @import { Json, JsonObject } from "../types/wire.js" */

/** @typedef {"text" | "multiline" | "integer" | "number" | "boolean" | "choice" | "lines" | "json"} FieldKind */

/**
 * @typedef {object} Field
 * @property {string} name
 * @property {string} label
 * @property {string} description
 * @property {FieldKind} kind
 * @property {boolean} required
 * @property {boolean} nullable
 * @property {Json[]} choices
 * @property {number | null} min
 * @property {number | null} max
 * @property {number | null} minLength of a text in characters, of lines in lines
 * @property {number | null} maxLength
 */

/** @typedef {{ value: Json } | { absent: true } | { problem: string }} Reading what a field holds */

const LONG_TEXT = 80;

/**
 * One field for each property of the schema, then for arguments the schema does not name.
 *
 * @param {JsonObject} schema JSON Schema 2020-12 of an object
 * @param {JsonObject} args
 * @returns {Field[]}
 */
export function fieldsOf(schema, args) {
  const properties = isObject(schema.properties) ? schema.properties : {};
  const required = Array.isArray(schema.required) ? schema.required : [];
  const names = [
    ...Object.keys(properties),
    ...Object.keys(args).filter((name) => !(name in properties)),
  ];
  return names.map((name) => {
    const described = resolved(properties[name] ?? {}, schema);
    return field(name, described, args[name], required.includes(name));
  });
}

/** @param {string} name @param {Resolved} described @param {Json | undefined} value @param {boolean} required @returns {Field} */
function field(name, { schema, nullable }, value, required) {
  const choices = choicesOf(schema);
  const isList = schema.type === "array";
  return {
    name,
    label: humanized(name),
    description: typeof schema.description === "string" ? schema.description : "",
    kind: kindOf(schema, choices, value),
    required,
    nullable,
    choices,
    min: bound(schema.minimum, schema.exclusiveMinimum, 1),
    max: bound(schema.maximum, schema.exclusiveMaximum, -1),
    minLength: numberOrNull(isList ? schema.minItems : schema.minLength),
    maxLength: numberOrNull(isList ? schema.maxItems : schema.maxLength),
  };
}

/** @typedef {{ schema: JsonObject, nullable: boolean }} Resolved */

/**
 * Follows `$ref` into `$defs`, and unwraps `anyOf: [X, null]` and one-entry `allOf`, which is how
 * optional and shared types are written.
 *
 * @param {Json} given
 * @param {JsonObject} root
 * @returns {Resolved}
 */
function resolved(given, root, depth = 0) {
  if (!isObject(given) || depth > 8) return { schema: {}, nullable: false };
  if (typeof given.$ref === "string") {
    const target = definition(given.$ref, root);
    return resolved({ ...target, ...without(given, "$ref") }, root, depth + 1);
  }
  if (given.type === "array" && isObject(given.items ?? null)) {
    return {
      schema: { ...given, items: resolved(given.items, root, depth + 1).schema },
      nullable: false,
    };
  }
  if (Array.isArray(given.allOf) && given.allOf.length === 1 && isObject(given.allOf[0])) {
    return resolved({ ...given.allOf[0], ...without(given, "allOf") }, root, depth + 1);
  }
  if (Array.isArray(given.anyOf)) {
    const others = given.anyOf.filter((option) => !(isObject(option) && option.type === "null"));
    if (others.length === 1 && isObject(others[0])) {
      const inner = resolved({ ...without(given, "anyOf"), ...others[0] }, root, depth + 1);
      return { schema: inner.schema, nullable: true };
    }
  }
  if (Array.isArray(given.type) && given.type.length === 2 && given.type.includes("null")) {
    const type = given.type.find((name) => name !== "null") ?? "string";
    return { schema: { ...given, type }, nullable: true };
  }
  return { schema: given, nullable: false };
}

/** @param {string} reference @param {JsonObject} root @returns {JsonObject} */
function definition(reference, root) {
  const name = /^#\/\$defs\/(.+)$/.exec(reference)?.[1];
  const found = name && isObject(root.$defs) ? root.$defs[name] : null;
  return isObject(found ?? null) ? /** @type {JsonObject} */ (found) : {};
}

/** @param {JsonObject} object @param {string} name @returns {JsonObject} */
function without(object, name) {
  return Object.fromEntries(Object.entries(object).filter(([key]) => key !== name));
}

/** @param {JsonObject} schema @returns {Json[]} */
function choicesOf(schema) {
  if (Array.isArray(schema.enum)) return schema.enum;
  if ("const" in schema) return [schema.const];
  return [];
}

/** @param {JsonObject} schema @param {Json[]} choices @param {Json | undefined} value @returns {FieldKind} */
function kindOf(schema, choices, value) {
  if (choices.length) return "choice";
  switch (schema.type) {
    case "integer":
      return isExact(value) ? "integer" : "json";
    case "number":
      return "number";
    case "boolean":
      return "boolean";
    case "string":
      return isLong(schema, value) ? "multiline" : "text";
    case "array":
      return isOfLines(schema, value) ? "lines" : "json";
    default:
      return isUntyped(schema) && typeof value === "string" ? "multiline" : "json";
  }
}

/**
 * Is it a list of texts that can be written one on a line, and read back as they are?
 *
 * @param {JsonObject} schema
 * @param {Json | undefined} value
 */
function isOfLines(schema, value) {
  const { items = null } = schema;
  if (!isObject(items) || items.type !== "string" || choicesOf(items).length) return false;
  return Array.isArray(value ?? []) && isSame(linesOf(asLines(value ?? [])), value ?? []);
}

/** @param {Json} value */
function asLines(value) {
  return Array.isArray(value) ? value.join("\n") : "";
}

/** @param {string} text */
function linesOf(text) {
  return text
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "");
}

/** Does it say nothing about the type? @param {JsonObject} schema */
function isUntyped(schema) {
  return !["type", "anyOf", "oneOf", "allOf"].some((word) => word in schema);
}

/** @param {Json | undefined} value */
function isExact(value) {
  return typeof value !== "number" || Number.isSafeInteger(value);
}

/** @param {JsonObject} schema @param {Json | undefined} value */
function isLong(schema, value) {
  if (typeof value === "string" && (value.length > LONG_TEXT || value.includes("\n"))) return true;
  return typeof schema.maxLength === "number" && schema.maxLength > 200;
}

/** @param {Json | undefined} inclusive @param {Json | undefined} exclusive @param {1 | -1} inward */
function bound(inclusive, exclusive, inward) {
  if (typeof exclusive === "number" && Number.isInteger(exclusive)) return exclusive + inward;
  return numberOrNull(inclusive);
}

/** @param {Json | undefined} value */
function numberOrNull(value) {
  return typeof value === "number" ? value : null;
}

/** `task_id` → `Task ID`. @param {string} name */
export function humanized(name) {
  const words = name
    .replace(/([a-z])([A-Z])/g, "$1 $2")
    .replace(/[_-]+/g, " ")
    .trim()
    .toLowerCase();
  const sentence = words.charAt(0).toUpperCase() + words.slice(1);
  return sentence.replace(/\b(id|sql|url|html)\b/gi, (word) => word.toUpperCase());
}

/** What stands in the field for a value. @param {Field} field @param {Json | undefined} value */
export function writtenValue(field, value) {
  if (value === undefined || (value === null && field.kind !== "json")) return "";
  if (field.kind === "json") return JSON.stringify(value, null, 2);
  if (field.kind === "lines") return asLines(value);
  return typeof value === "string" ? value : JSON.stringify(value);
}

/**
 * Reads what the person wrote.
 *
 * @param {Field} field
 * @param {string} written a choice is written as its JSON
 * @returns {Reading}
 */
export function readField(field, written) {
  if (field.kind === "json") return readJson(written);
  if (field.kind === "lines") return readLines(field, written);
  if (field.kind === "choice" || field.kind === "boolean") {
    return written === "" ? empty(field) : { value: JSON.parse(written) };
  }
  if (field.kind === "integer" || field.kind === "number") return readNumber(field, written.trim());
  return readText(field, written);
}

/** @param {Field} field @returns {Reading} */
function empty(field) {
  if (field.nullable) return { value: null };
  return field.required ? { problem: "This is needed." } : { absent: true };
}

/** @param {string} written @returns {Reading} */
function readJson(written) {
  if (written.trim() === "") return { absent: true };
  try {
    return { value: JSON.parse(written) };
  } catch {
    return { problem: "This is not valid JSON." };
  }
}

/** @param {Field} field @param {string} written @returns {Reading} */
function readNumber(field, written) {
  if (written === "") return empty(field);
  const value = Number(written);
  if (Number.isNaN(value) || !Number.isFinite(value)) return { problem: "Write a number." };
  if (field.kind === "integer" && !Number.isInteger(value))
    return { problem: "Write a whole number." };
  if (field.kind === "integer" && !Number.isSafeInteger(value))
    return { problem: "This number is too large." };
  if (field.min !== null && value < field.min) return { problem: `The least is ${field.min}.` };
  if (field.max !== null && value > field.max) return { problem: `The most is ${field.max}.` };
  return { value };
}

/** @param {Field} field @param {string} written @returns {Reading} */
function readLines(field, written) {
  const lines = linesOf(written);
  const { minLength, maxLength } = field;
  if (!lines.length && !field.required) return empty(field);
  if (minLength !== null && lines.length < minLength) {
    return { problem: lines.length ? `Write at least ${minLength} lines.` : "This is needed." };
  }
  if (maxLength !== null && lines.length > maxLength) {
    return { problem: `Write at most ${maxLength} lines; these are ${lines.length}.` };
  }
  return { value: lines };
}

/** @param {Field} field @param {string} written @returns {Reading} */
function readText(field, written) {
  if (written === "" && !field.required) return empty(field);
  const length = [...written].length;
  if (field.minLength !== null && length < field.minLength) {
    return {
      problem: length === 0 ? "This is needed." : `Write at least ${field.minLength} characters.`,
    };
  }
  if (field.maxLength !== null && length > field.maxLength) {
    return { problem: `Write at most ${field.maxLength} characters; these are ${length}.` };
  }
  return { value: written };
}
