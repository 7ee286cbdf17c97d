// @ts-check
/** A document in the list: what it is, where it stands, and what may be done with it. */

import { element, icon } from "../lib/dom.js";
import { accessWords, CURATED, isInWork, stateWords } from "../lib/knowledge-words.js";
import { sizeWords } from "../lib/size-words.js";
import { agoWords } from "../lib/time-words.js";
import { originalOf } from "../models/knowledge-api.js";
import { plainText } from "./plain-text.js";

/** @import { DocumentShown } from "../types/knowledge.js" */

/**
 * @typedef {object} DocumentActions
 * @property {() => void} onReplace
 * @property {() => void} onChangeAnswer
 * @property {() => void} onAccess
 * @property {() => void} onCancel
 * @property {() => void} onRemove
 */

/**
 * @param {DocumentShown} shown
 * @param {DocumentActions & { me: string, inherited: readonly string[], collection: string, now: Date }} view `inherited`:
 *   who may see its collection; `collection`: its name, empty where that is said already
 */
export function documentRow(shown, { me, inherited, collection, now, ...actions }) {
  const { id, name, title, state, reason, warnings, curated } = shown;
  return element(
    "li",
    { class: "document", id: `document-${id}`, "data-state": state, tabindex: -1 },
    icon(curated ? "question" : "file"),
    element(
      "div",
      { class: "document-words" },
      element("bdi", { class: "document-name" }, ...plainText(title || name)),
      curated && element("span", { class: "badge curated" }, CURATED),
      title && title !== name && element("bdi", { class: "hint" }, ...plainText(name)),
      facts(shown, { collection, readers: accessWords(shown.access, { me, inherited }), now }),
      isInWork(shown) && work(shown),
      (state === "failed" || state === "cancelled") &&
        element(
          "p",
          { class: "document-problem" },
          icon("alert"),
          element("span", {}, `${stateWords(shown)}${reason ? ": " : ". "}`, ...plainText(reason)),
        ),
      warnings.length > 0 && notes(warnings),
    ),
    buttons(shown, actions),
  );
}

/** @param {DocumentShown} shown @param {{ collection: string, readers: string, now: Date }} view */
function facts({ octets, pages, uploaded_by_name, uploaded_at }, { collection, readers, now }) {
  const ago = agoWords(now.getTime() - new Date(uploaded_at).getTime());
  return element(
    "p",
    { class: "document-facts" },
    collection && element("span", {}, "in ", element("bdi", {}, ...plainText(collection))),
    element("span", {}, sizeWords(octets)),
    pages !== null && element("span", {}, pages === 1 ? "1 page" : `${pages} pages`),
    element(
      "span",
      {},
      "added ",
      element("time", { datetime: uploaded_at }, ago),
      ...(uploaded_by_name ? [" by ", element("bdi", {}, ...plainText(uploaded_by_name))] : []),
    ),
    element(
      "span",
      { class: "document-readers" },
      icon("eye"),
      element("span", { class: "visually-hidden" }, "Who may see it: "),
      readers,
    ),
  );
}

/** @param {DocumentShown} shown */
function work(shown) {
  const words = stateWords(shown);
  // Without a value the bar says that nobody knows how long it takes.
  const value = shown.state === "queued" ? null : shown.progress;
  return element(
    "p",
    { class: "document-work" },
    element("progress", { max: 1, value, "aria-label": `Work on ${shown.name}` }),
    element("span", {}, words),
  );
}

/** @param {string[]} warnings */
function notes(warnings) {
  const words = warnings.length === 1 ? "1 note" : `${warnings.length} notes`;
  return element(
    "details",
    { class: "document-notes" },
    element("summary", {}, words),
    element("ul", {}, ...warnings.map((warning) => element("li", {}, ...plainText(warning)))),
  );
}

/** @param {DocumentShown} shown @param {DocumentActions} actions */
function buttons(shown, { onReplace, onChangeAnswer, onAccess, onCancel, onRemove }) {
  const { id, name, editable, curated } = shown;
  const button = (
    /** @type {string} */ sign,
    /** @type {string} */ words,
    /** @type {() => void} */ act,
  ) => {
    const made = element(
      "button",
      {
        type: "button",
        class: "icon-button small",
        "data-act": sign,
        "aria-label": `${words}: ${name}`,
        title: words,
      },
      icon(sign),
    );
    made.addEventListener("click", act);
    return made;
  };
  const original = element(
    "a",
    {
      class: "icon-button small",
      "data-act": "download",
      href: originalOf(id),
      download: true,
      "aria-label": `Open original: ${name}`,
      title: "Open original",
    },
    icon("download"),
  );
  return element(
    "div",
    { class: "document-actions" },
    shown.state !== "failed" && original,
    editable && isInWork(shown) && button("stop", "Cancel", onCancel),
    editable &&
      !isInWork(shown) &&
      !curated &&
      button("retry", "Replace by a newer file", onReplace),
    editable && curated && button("pencil", "Change the answer", onChangeAnswer),
    editable && button("eye", "Who may see it", onAccess),
    editable && button("trash", "Delete", onRemove),
  );
}
