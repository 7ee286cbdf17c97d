// @ts-check
/** One editable argument: its input, what is wrong with it, and the way back to what was proposed. */

import { readField, writtenValue } from "../lib/argument-schema.js";
import { element, icon } from "../lib/dom.js";
import { isSame } from "../lib/result-shape.js";

/** @import { Field, Reading } from "../lib/argument-schema.js" */
/** @import { Json } from "../types/wire.js" */

/** @typedef {HTMLInputElement | HTMLTextAreaElement | HTMLSelectElement} Input */

let made = 0;

export class ArgumentField {
  #field;
  #proposed;
  #onChange;
  #input;
  #written;
  #problem = element("p", { class: "field-problem" });
  #edited = element("span", { class: "edited", hidden: true });

  /**
   * @param {Field} field
   * @param {Json | undefined} proposed undefined: the model left it out
   * @param {{ locked: boolean, onChange: () => void }} options
   */
  constructor(field, proposed, { locked, onChange }) {
    this.#field = field;
    this.#proposed = proposed;
    this.#onChange = onChange;
    this.#input = makeInput(field, proposed);
    this.#written = this.#input.value;
    this.#input.disabled = locked;
    this.element = this.#build();
  }

  get name() {
    return this.#field.name;
  }

  get label() {
    return this.#field.label;
  }

  /** @returns {Reading} exactly what was proposed as long as nothing was written */
  get reading() {
    if (this.#input.value === this.#written) {
      return this.#proposed === undefined ? { absent: true } : { value: this.#proposed };
    }
    return readField(this.#field, this.#input.value);
  }

  get isEdited() {
    const reading = this.reading;
    if ("problem" in reading) return true;
    if ("absent" in reading) return this.#proposed !== undefined;
    return this.#proposed === undefined || !isSame(reading.value, this.#proposed);
  }

  /** @param {boolean} locked */
  lock(locked) {
    this.#input.disabled = locked;
  }

  // Internal

  #build() {
    const id = `argument-${++made}`;
    this.#input.id = id;
    this.#problem.id = `${id}-problem`;
    const hint = hintFor(this.#field);
    const described = hint && element("p", { class: "hint", id: `${id}-hint` }, hint);
    this.#input.setAttribute("aria-describedby", `${id}-problem${hint ? ` ${id}-hint` : ""}`);
    this.#input.addEventListener("input", () => this.#changed());
    this.#edited.append("edited", this.#resetButton(`${id}-label`));
    return element(
      "div",
      { class: "field", "data-kind": this.#field.kind },
      element(
        "div",
        { class: "field-head" },
        element("label", { for: id, id: `${id}-label` }, this.#field.label),
        element("code", {}, this.#field.name),
        this.#edited,
      ),
      this.#input,
      this.#problem,
      described,
    );
  }

  /** @param {string} labelId */
  #resetButton(labelId) {
    const button = element(
      "button",
      { type: "button", class: "link-button", "aria-describedby": labelId },
      icon("retry"),
      "undo",
    );
    button.addEventListener("click", () => {
      this.#input.value = this.#written;
      this.#changed();
      this.#input.focus();
    });
    return button;
  }

  #changed() {
    const { reading } = this;
    const problem = "problem" in reading ? reading.problem : "";
    this.#problem.textContent = problem;
    this.#input.setAttribute("aria-invalid", String(problem !== ""));
    this.#edited.hidden = !this.isEdited;
    this.element.toggleAttribute("data-edited", this.isEdited);
    this.#onChange();
  }
}

/** @param {Field} field @param {Json | undefined} proposed @returns {Input} */
function makeInput(field, proposed) {
  if (field.kind === "choice") return select(field, field.choices, proposed);
  if (field.kind === "boolean") return select(field, [true, false], proposed);
  const written = writtenValue(field, proposed);
  const attributes = { type: "text", value: written, autocomplete: "off" };
  switch (field.kind) {
    case "integer":
      return element("input", { ...attributes, inputmode: "numeric" });
    case "number":
      return element("input", { ...attributes, inputmode: "decimal" });
    case "text":
      return element("input", attributes);
    default:
      return area(field, written);
  }
}

/** @param {Field} field @param {string} written */
function area(field, written) {
  const rows = Math.min(10, Math.max(2, written.split("\n").length + 1));
  const input = element("textarea", {
    rows,
    class: field.kind === "json" && "code",
    spellcheck: field.kind !== "json",
  });
  input.value = written;
  return input;
}

/** @param {Field} field @param {Json[]} choices @param {Json | undefined} proposed */
function select(field, choices, proposed) {
  const isListed = choices.some((choice) => isSame(choice, proposed ?? null));
  const all = proposed === undefined || isListed ? choices : [proposed, ...choices];
  const input = element("select", {}, ...all.map(option));
  if (!field.required || proposed === undefined)
    input.prepend(element("option", { value: "" }, "(left out)"));
  input.value = proposed === undefined ? "" : JSON.stringify(proposed);
  return input;
}

/** @param {Json} choice */
function option(choice) {
  const words = typeof choice === "boolean" ? (choice ? "Yes" : "No") : String(choice);
  return element("option", { value: JSON.stringify(choice) }, words);
}

/** @param {Field} field */
function hintFor(field) {
  const hint = field.description || rangeWords(field);
  return field.kind === "lines" ? `${hint} One on each line.`.trim() : hint;
}

/** @param {Field} field */
function rangeWords({ min, max }) {
  if (min !== null && max !== null) return `From ${min} to ${max}.`;
  if (min !== null) return `At least ${min}.`;
  return max !== null ? `At most ${max}.` : "";
}
