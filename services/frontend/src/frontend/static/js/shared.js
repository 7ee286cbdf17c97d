// @ts-check
/** The page of a shared conversation: its answers are markdown. Without this they can be read as they were written. */

import { numbersOf } from "./lib/citation-marks.js";
import { setText } from "./lib/dom.js";
import { AnswerView } from "./views/answer-view.js";

for (const box of document.querySelectorAll("[data-markdown]")) {
  const sources = sourcesOf(box);
  const text = box.textContent ?? "";
  const numbers = numbersOf([text], (id) => sources.has(id));
  const view = new AnswerView((id) => sources.get(id)?.querySelector("a")?.focus());
  view.update({ text, finished: true }, { numbers, passageOf: () => null, sentences: [] });
  for (const [id, number] of numbers) numberSource(sources.get(id), number);
  box.replaceWith(view.element);
}

/** What an answer cites, by its id. @param {Element} box @returns {Map<string, Element>} */
function sourcesOf(box) {
  const listed = box.parentElement?.querySelectorAll("[data-source]") ?? [];
  return new Map([...listed].map((item) => [item.getAttribute("data-source") ?? "", item]));
}

/** As the answer's marks have it. @param {Element | undefined} item @param {number} number */
function numberSource(item, number) {
  const shown = item?.querySelector(".source-number");
  if (!item || !shown) return;
  setText(shown, String(number));
  item.parentElement?.append(item);
}
