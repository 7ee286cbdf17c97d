// @ts-check
/** A file on its way: how far it is, or why it is not there. */

import { element, icon } from "../lib/dom.js";
import { sizeWords } from "../lib/size-words.js";
import { plainText } from "./plain-text.js";

/** @import { Upload } from "../models/upload-queue.js" */

/**
 * @param {Upload} upload
 * @param {{ onRemove: () => void, onRetry: () => void }} port
 */
export function uploadRow({ file, state, sent, problem, added }, { onRemove, onRetry }) {
  const isOnItsWay = state === "waiting" || state === "sending";
  const remove = element(
    "button",
    {
      type: "button",
      class: "icon-button small",
      "data-act": "remove",
      "aria-label": `${isOnItsWay || state === "lost" ? "Cancel" : "Hide the note about"} ${file.name}`,
      title: isOnItsWay || state === "lost" ? "Cancel" : "Hide",
    },
    icon("x"),
  );
  remove.addEventListener("click", onRemove);
  const again = element(
    "button",
    { type: "button", class: "button small", "data-act": "retry" },
    icon("retry"),
    "Try again",
  );
  again.addEventListener("click", onRetry);
  return element(
    "li",
    { class: "upload", "data-state": state },
    icon(signOf(state)),
    element(
      "div",
      { class: "upload-words" },
      element("bdi", { class: "upload-name" }, ...plainText(file.name)),
      element("span", { class: "hint" }, sizeWords(file.size)),
      state === "sending" &&
        element("progress", { max: file.size, value: sent, "aria-label": `Sending ${file.name}` }),
      element(
        "span",
        { class: "upload-state" },
        ...wordsOf({ state, sent, problem, added, size: file.size }),
      ),
    ),
    state === "lost" && again,
    remove,
  );
}

/** @param {Upload["state"]} state */
function signOf(state) {
  if (state === "lost" || state === "refused") return "alert";
  return state === "taken" ? "info" : "upload";
}

/** @param {Pick<Upload, "state" | "sent" | "problem" | "added"> & { size: number }} upload */
function wordsOf({ state, sent, problem, added, size }) {
  switch (state) {
    case "waiting":
      return ["Waiting"];
    case "sending":
      return [sent < size ? `${Math.floor((100 * sent) / size)} % sent` : "Sent, being taken in…"];
    case "lost":
      return [`Not sent. ${problem} The file is kept here, nothing is lost.`];
    case "refused":
      return [`Not added. ${problem}`];
    case "taken":
      return [
        "The same file is there already, as “",
        element("bdi", {}, ...plainText(added?.document.name ?? "")),
        "”. Nothing was added.",
      ];
  }
}
