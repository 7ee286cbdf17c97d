// @ts-check
/** The form that answers a tool server's question; the browser checks what is written by the schema's rules. */

import { answerFields, readAnswer, writtenAnswer } from "../lib/answer-schema.js";
import { element } from "../lib/dom.js";
import { isSame } from "../lib/result-shape.js";

/** @import { AnswerFieldSpec } from "../lib/answer-schema.js" */
/** @import { Json, JsonObject } from "../types/wire.js" */

/** @typedef {{ name: string, element: HTMLElement, read: () => Json | undefined }} AnswerField */

let made = 0;

export class AnswerForm {
  /** @type {AnswerField[]} */
  #fields;

  /** @param {HTMLElement} container @param {JsonObject} schema */
  constructor(container, schema) {
    this.#fields = answerFields(schema).map((spec) =>
      spec.kind === "choices" ? manyChoices(spec) : oneInput(spec),
    );
    container.append(...this.#fields.map((field) => field.element));
  }

  /** @returns {JsonObject} */
  get content() {
    /** @type {JsonObject} */
    const content = {};
    for (const { name, read } of this.#fields) {
      const value = read();
      if (value !== undefined) content[name] = value;
    }
    return content;
  }
}

/** @param {AnswerFieldSpec} spec @returns {AnswerField} */
function oneInput(spec) {
  const input = spec.kind === "choice" ? choiceInput(spec) : textInput(spec);
  const id = `answer-${++made}`;
  input.id = id;
  input.required = spec.required;
  if (spec.preset !== undefined && spec.preset !== null)
    input.value = writtenAnswer(spec, spec.preset);
  if (spec.description) input.setAttribute("aria-describedby", `${id}-hint`);
  return {
    name: spec.name,
    read: () => readAnswer(spec, input.value),
    element: element(
      "div",
      { class: "field" },
      element("label", { for: id }, spec.label, !spec.required && optional()),
      input,
      spec.description && element("p", { class: "hint", id: `${id}-hint` }, spec.description),
    ),
  };
}

/** @param {AnswerFieldSpec} spec */
function textInput({ kind, min, max, minLength, maxLength }) {
  const isNumber = kind === "integer" || kind === "number";
  return element("input", {
    type: isNumber ? "number" : kind,
    step: isNumber ? (kind === "integer" ? 1 : "any") : null,
    min,
    max,
    minlength: minLength,
    maxlength: maxLength,
    autocomplete: "off",
  });
}

/** @param {AnswerFieldSpec} spec */
function choiceInput({ options, required }) {
  return element(
    "select",
    {},
    element("option", { value: "" }, required ? "Choose…" : "No answer"),
    ...options.map(({ value, label }) =>
      element("option", { value: JSON.stringify(value) }, label),
    ),
  );
}

/** @param {AnswerFieldSpec} spec @returns {AnswerField} */
function manyChoices(spec) {
  const presets = Array.isArray(spec.preset) ? spec.preset : [];
  const boxes = spec.options.map(({ value, label }) => {
    const box = element("input", {
      type: "checkbox",
      checked: presets.some((preset) => isSame(preset, value)),
    });
    return { box, value, label };
  });
  const chosen = () => boxes.filter(({ box }) => box.checked).map(({ value }) => value);
  const check = () => boxes[0]?.box.setCustomValidity(countProblem(spec, chosen().length));
  const hint = [spec.description, countWords(spec)].filter(Boolean).join(" ");
  const group = element(
    "fieldset",
    { class: "field choices" },
    element("legend", {}, spec.label, !spec.required && optional()),
    hint && element("p", { class: "hint" }, hint),
    ...boxes.map(({ box, label }) => element("label", { class: "check" }, box, label)),
  );
  group.addEventListener("change", check);
  check();
  return {
    name: spec.name,
    element: group,
    read: () => (chosen().length || spec.required ? chosen() : undefined),
  };
}

/** @param {AnswerFieldSpec} spec @param {number} count */
function countProblem({ min, max, required }, count) {
  if (count === 0 && !required) return "";
  if (min !== null && count < min) return `Choose at least ${min}.`;
  return max !== null && count > max ? `Choose at most ${max}.` : "";
}

/** @param {AnswerFieldSpec} spec */
function countWords({ min, max }) {
  if (min !== null && max !== null) return `Choose ${min} to ${max}.`;
  if (min !== null) return `Choose at least ${min}.`;
  return max !== null ? `Choose at most ${max}.` : "";
}

function optional() {
  return element("span", { class: "hint" }, " (optional)");
}
