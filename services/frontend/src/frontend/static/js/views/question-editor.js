// @ts-check
/** A question opened for rewriting in its place: Enter sends it as another version, Escape leaves it as it was. */

import { fromTemplate, part } from "../lib/dom.js";

/**
 * @param {string} question
 * @param {{ onSend: (text: string) => void, onCancel: () => void }} actions
 * @returns {HTMLElement} to be placed and focused by whoever asked for it
 */
export function questionEditor(question, { onSend, onCancel }) {
  const form = fromTemplate("question-editor-template");
  const field = part(form, "text", HTMLTextAreaElement);
  field.value = question;
  field.rows = Math.min(12, Math.max(2, question.split("\n").length));
  const send = () => {
    const text = field.value.trim();
    if (text) onSend(text);
    else field.focus();
  };
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    send();
  });
  form.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      event.preventDefault(); // or a drawer would close as well
      onCancel();
    }
    // While an input method composes, Enter chooses a character.
    if (event.key !== "Enter" || event.shiftKey || event.isComposing || event.target !== field)
      return;
    event.preventDefault();
    send();
  });
  part(form, "cancel").addEventListener("click", onCancel);
  return form;
}
