// @ts-check
/** A few fields over the page. What cannot be saved is said in the dialog, and nothing that was typed is lost. */

import { element, setText } from "../lib/dom.js";

/**
 * @param {{ title: string, yes: string, fields: Node[], save: () => Promise<void> }} wanted `save` rejects with a sentence
 * @returns {Promise<boolean>} whether it was saved
 */
export function formDialog({ title, yes, fields, save }) {
  const problem = element("p", { class: "field-problem", role: "alert" });
  const cancel = element("button", { type: "button", class: "button" }, "Cancel");
  const submit = element("button", { type: "submit", class: "button primary" }, yes);
  const form = element(
    "form",
    {},
    element("h2", { id: "form-dialog-title" }, title),
    element("div", { class: "dialog-fields" }, ...fields),
    problem,
    element("div", { class: "dialog-actions" }, cancel, submit),
  );
  const dialog = element(
    "dialog",
    { class: "dialog form-dialog", "aria-labelledby": "form-dialog-title" },
    form,
  );
  document.body.append(dialog);
  return new Promise((resolve) => {
    cancel.addEventListener("click", () => dialog.close("no"));
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      submit.disabled = true;
      setText(problem, "");
      try {
        await save();
        dialog.close("yes");
      } catch (error) {
        setText(problem, error instanceof Error ? error.message : String(error));
        submit.disabled = false;
      }
    });
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue === "yes");
    });
    dialog.showModal();
  });
}
