// @ts-check
/** The page of a shared conversation: its answers are markdown. Without this they can be read as they were written. */

import { StreamedMarkdown } from "./views/streamed-markdown.js";

for (const box of document.querySelectorAll("[data-markdown]")) {
  if (!(box instanceof HTMLElement)) continue;
  const text = box.textContent ?? "";
  box.replaceChildren();
  box.removeAttribute("data-markdown");
  new StreamedMarkdown(box).update(text, true);
}
