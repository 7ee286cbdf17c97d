// @ts-check
/** The page that a passage is on, as a picture with the passage marked, opened at the mark. */

import { element } from "../lib/dom.js";

/** @import { PagePicture, PassageShown } from "../types/knowledge.js" */

export class PagePictureView {
  #image = element("img", {});
  /** An empty box over the marked lines: what has no place of its own cannot be scrolled to. */
  #mark = element("div", { class: "source-page-mark" });
  #box;
  #larger = element("button", { type: "button", class: "link-button" }, "Larger");

  /** @param {PassageShown} passage */
  constructor({ page }) {
    this.#image.alt = `Page ${page} with the passage marked. Its words follow as text.`;
    this.#box = element(
      "div",
      { class: "source-picture", tabindex: 0, role: "region", "aria-label": "Picture of the page" },
      element("div", { class: "source-page" }, this.#image, this.#mark),
    );
    this.#larger.addEventListener("click", () => this.#toggle());
    this.element = element("div", { class: "source-figure" }, this.#box, this.#larger);
  }

  /** @param {Promise<PagePicture>} coming */
  async show(coming) {
    this.#box.setAttribute("aria-busy", "true");
    try {
      const { url, mark } = await coming;
      this.#image.src = url;
      await this.#image.decode();
      if (mark) this.#place(mark);
    } catch {
      this.element.replaceChildren(
        element("p", { class: "hint" }, "The page’s picture cannot be shown. Its words can:"),
      );
    }
    this.#box.removeAttribute("aria-busy");
  }

  // Internal

  /** @param {{ top: number, bottom: number }} mark */
  #place({ top, bottom }) {
    this.#mark.style.top = `${100 * top}%`;
    this.#mark.style.height = `${100 * (bottom - top)}%`;
    this.#showMark();
  }

  #showMark() {
    this.#mark.scrollIntoView({ block: "nearest", inline: "start" });
  }

  #toggle() {
    const isLarge = this.#box.toggleAttribute("data-large");
    this.#larger.textContent = isLarge ? "Fit to the width" : "Larger";
    this.#showMark();
  }
}
