// @ts-check
/** All arguments of a waiting call, editable. */

import { fieldsOf } from "../lib/argument-schema.js";
import { element } from "../lib/dom.js";
import { isObject } from "../lib/result-shape.js";
import { ArgumentField } from "./argument-field.js";

/** @import { Json, JsonObject } from "../types/wire.js" */

export class ArgumentForm {
  #fields;

  /**
   * @param {HTMLElement} container
   * @param {{ schema: JsonObject, arguments: JsonObject }} approval
   * @param {() => void} onChange
   */
  constructor(container, { schema, arguments: args }, onChange) {
    /** Editing one argument sends them all, and a number that is rounded here must not be sent as another. */
    this.isEditable = !holdsInexactNumber(args);
    this.#fields = fieldsOf(schema, args).map(
      (field) => new ArgumentField(field, args[field.name], { locked: !this.isEditable, onChange }),
    );
    const isLeftOut = (/** @type {ArgumentField} */ { name }) => (args[name] ?? null) === null;
    const leftOut = this.#fields.filter(isLeftOut);
    const sent = this.#fields.filter((field) => !isLeftOut(field));
    container.append(...sent.map((field) => field.element));
    if (leftOut.length) container.append(folded(leftOut));
  }

  get count() {
    return this.#fields.length;
  }

  /** Names of the arguments that differ from what was proposed. */
  get edited() {
    return this.#fields.filter((field) => field.isEdited).map((field) => field.name);
  }

  /** @returns {JsonObject | null} null while a field holds something that cannot be sent */
  get arguments() {
    /** @type {JsonObject} */
    const args = {};
    for (const field of this.#fields) {
      const reading = field.reading;
      if ("problem" in reading) return null;
      if ("value" in reading) args[field.name] = reading.value;
    }
    return args;
  }

  /** Shows something below an argument. @param {string} name @param {HTMLElement} note */
  annotate(name, note) {
    this.#fields.find((field) => field.name === name)?.element.append(note);
  }

  /** @param {boolean} locked */
  lock(locked) {
    for (const field of this.#fields) field.lock(locked || !this.isEditable);
  }
}

/** What the model left empty is there to be filled in, but need not take room. @param {ArgumentField[]} fields */
function folded(fields) {
  return element(
    "details",
    { class: "left-out" },
    element("summary", {}, `Left empty: ${fields.map(({ label }) => label).join(", ")}`),
    element("div", { class: "fields" }, ...fields.map((field) => field.element)),
  );
}

/** @param {Json} value @returns {boolean} */
export function holdsInexactNumber(value) {
  if (typeof value === "number") return Number.isInteger(value) && !Number.isSafeInteger(value);
  if (Array.isArray(value)) return value.some(holdsInexactNumber);
  return isObject(value) && Object.values(value).some(holdsInexactNumber);
}
