// @ts-check
/** Makes a collection, or changes one. */

import { element } from "../lib/dom.js";
import { EVERYBODY } from "../lib/knowledge-words.js";
import { collectionAccess } from "./access-choice.js";
import { formDialog } from "./form-dialog.js";

/** @import { CollectionShown, CollectionWish } from "../types/knowledge.js" */
/** @import { Me } from "./access-choice.js" */

/**
 * @param {CollectionShown | null} collection null: a new one
 * @param {{ me: Me, save: (wish: CollectionWish) => Promise<void> }} port `save` rejects with a sentence
 * @returns {Promise<boolean>} whether it was saved
 */
export function collectionForm(collection, { me, save }) {
  const name = element("input", { type: "text", required: true, maxlength: 200 });
  name.value = collection?.name ?? "";
  const description = element("textarea", { rows: 2, maxlength: 2000 });
  description.value = collection?.description ?? "";
  const access = collectionAccess(me, collection?.access ?? [EVERYBODY]);
  return formDialog({
    title: collection ? "Change the collection" : "New collection",
    yes: collection ? "Save" : "Make it",
    fields: [
      element("label", { class: "field" }, element("span", {}, "Name"), name),
      element(
        "label",
        { class: "field" },
        element("span", {}, "What is in it ", element("span", { class: "hint" }, "(optional)")),
        description,
      ),
      access.element,
    ],
    save: () =>
      save({
        name: name.value.trim(),
        description: description.value.trim(),
        access: access.value,
      }),
  });
}
