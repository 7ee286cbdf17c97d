// @ts-check
/**
 * The document that an answer cites, at the very passage. Beside the page where there is room, over it as a sheet where
 * there is none. Texts of documents are strangers': they only ever become text nodes.
 */

import { element, icon, part, setText } from "../lib/dom.js";
import { errorWords } from "../lib/error-words.js";
import { CURATED, placeWords, SUPPORT, titleOf } from "../lib/knowledge-words.js";
import { longDate } from "../lib/mail-words.js";
import { RequestFailed } from "../models/api.js";
import { originalOf } from "../models/knowledge-api.js";
import { PagePictureView } from "./page-picture-view.js";
import { plainText } from "./plain-text.js";

/** @import { PagePicture, PassageOpened, Support } from "../types/knowledge.js" */

const NO_ROOM = "(max-width: 1000px)";
const GONE =
  "This passage is not there any more, or you may not see it. Its document may have been replaced, deleted or closed to you.";

/**
 * @typedef {object} Opening
 * @property {string[]} ids passages to go through, in the order of their numbers
 * @property {string} id the one to begin with
 * @property {HTMLElement} opener where the keyboard goes back to
 * @property {{ words: string, support: Support } | null} [sentence] of the answer, from which it was opened
 */

/**
 * @typedef {object} SourceApi rejects with RequestFailed
 * @property {(id: string) => Promise<PassageOpened>} passage
 * @property {(id: string) => Promise<PagePicture>} picture of its page
 */

export class SourcePanel {
  #dialog;
  #api;
  #title;
  /** @type {Opening | null} */
  #opening = null;
  #at = 0;
  /** Counts what was asked for, so that late answers are not shown. */
  #asked = 0;

  /**
   * @param {HTMLDialogElement} dialog of source_panel.html
   * @param {SourceApi} api
   */
  constructor(dialog, api) {
    this.#dialog = dialog;
    this.#api = api;
    this.#title = part(dialog, "title");
    part(dialog, "before").addEventListener("click", () => this.#go(-1));
    part(dialog, "after").addEventListener("click", () => this.#go(1));
    part(dialog, "close").addEventListener("click", () => dialog.close());
    dialog.addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      event.preventDefault();
      dialog.close();
    });
    dialog.addEventListener("close", () => this.#closed());
  }

  /** @param {Opening} opening */
  open(opening) {
    this.#opening = opening;
    this.#at = Math.max(0, opening.ids.indexOf(opening.id));
    if (!this.#dialog.open) {
      if (matchMedia(NO_ROOM).matches) this.#dialog.showModal();
      else this.#dialog.show();
    }
    this.#show();
    this.#title.focus();
  }

  close() {
    this.#opening = null;
    this.#dialog.close();
  }

  // Actions

  /** @param {number} step */
  #go(step) {
    this.#at += step;
    this.#show();
    this.#title.focus();
  }

  async #show() {
    const { ids = [], id: first, sentence } = this.#opening ?? {};
    const id = ids[this.#at];
    this.#asked += 1;
    const mine = this.#asked;
    this.#drawCount(ids.length);
    setText(this.#title, "Opening the source…");
    const content = part(this.#dialog, "content");
    content.replaceChildren();
    try {
      const opened = await this.#api.passage(id);
      if (mine !== this.#asked) return;
      this.#title.replaceChildren(element("bdi", {}, ...plainText(titleOf(opened.passage))));
      const picture = opened.page_image ? new PagePictureView(opened.passage) : null;
      content.append(
        ...(id === first && sentence ? [judgement(sentence)] : []),
        ...body(opened, picture),
      );
      showMark(part(this.#dialog, "body"), content, picture !== null);
      await picture?.show(this.#api.picture(id));
    } catch (error) {
      if (mine !== this.#asked) return;
      this.#drawProblem(content, error);
    }
  }

  #closed() {
    this.#asked += 1;
    const { opener } = this.#opening ?? {};
    this.#opening = null;
    // A mark is drawn anew while its block grows: its likeness is found by what it cites.
    const likeness = `[data-passage="${opener?.closest("[data-passage]")?.getAttribute("data-passage")}"] button`;
    const target = opener?.isConnected ? opener : document.querySelector(likeness);
    if (target instanceof HTMLElement) target.focus();
  }

  // Internal

  /** @param {number} count */
  #drawCount(count) {
    setText(
      part(this.#dialog, "count"),
      count > 1 ? `Source ${this.#at + 1} of ${count}` : "Source",
    );
    for (const [name, isThere] of /** @type {const} */ ([
      ["before", this.#at > 0],
      ["after", this.#at < count - 1],
    ])) {
      const button = part(this.#dialog, name, HTMLButtonElement);
      button.hidden = count < 2;
      button.disabled = !isThere;
    }
  }

  /** @param {HTMLElement} content @param {unknown} error */
  #drawProblem(content, error) {
    const isGone = error instanceof RequestFailed && error.code === "not_found";
    setText(this.#title, isGone ? "No longer there" : "The source cannot be shown");
    content.append(
      element(
        "p",
        { class: "note warning" },
        icon("alert"),
        element("span", {}, isGone ? GONE : errorWords(error)),
      ),
    );
    if (isGone) return;
    const again = element("button", { type: "button", class: "button small" }, "Try again");
    again.addEventListener("click", () => {
      this.#show();
      this.#title.focus();
    });
    content.append(again);
  }
}

/** @param {{ words: string, support: Support }} sentence */
function judgement({ words, support }) {
  const { icon: sign, words: found, sentence } = SUPPORT[support];
  return element(
    "div",
    { class: "source-judgement", "data-support": support },
    element("p", { class: "source-found" }, icon(sign), `${found}. ${sentence}`),
    element("p", { class: "source-claim" }, "The answer says: ", element("q", {}, words)),
  );
}

/** @param {PassageOpened} opened @param {PagePictureView | null} picture of the page, where it has one */
function body(opened, picture) {
  const { passage, document: source } = opened;
  const place = placeWords(passage);
  return [
    passage.curated && element("p", { class: "badge curated" }, CURATED),
    element(
      "p",
      { class: "source-facts" },
      element("bdi", {}, ...plainText(source.name)),
      place && element("span", {}, ...plainText(place)),
      element(
        "span",
        {},
        "added by ",
        element("bdi", {}, ...plainText(source.uploaded_by_name || "somebody")),
        ", ",
        element("time", { datetime: source.uploaded_at }, longDate(source.uploaded_at)),
      ),
    ),
    element(
      "a",
      { class: "button small source-original", href: originalOf(source.id), download: true },
      icon("download"),
      "Open original",
    ),
    picture?.element,
    words(opened),
  ].filter((child) => child !== false && child !== undefined);
}

/** @param {PassageOpened} opened */
function words({ passage, text, text_start, whole }) {
  const characters = [...text];
  const piece = (/** @type {number} */ from, /** @type {number} */ to) =>
    plainText(characters.slice(Math.max(0, from), Math.max(0, to)).join(""));
  const [start, end] = [passage.start - text_start, passage.end - text_start];
  return element(
    "div",
    { class: "source-text", tabindex: 0, role: "region", "aria-label": "Text of the document" },
    !whole &&
      text_start > 0 &&
      element("span", { class: "hint source-cut" }, "… The document begins before this."),
    ...piece(0, start),
    element("mark", {}, ...piece(start, end)),
    ...piece(end, characters.length),
    !whole && element("span", { class: "hint source-cut" }, "The document goes on …"),
  );
}

/**
 * Brings the words into view; of a page with a picture, only in their own box below it.
 *
 * @param {HTMLElement} scroller @param {HTMLElement} content @param {boolean} hasPicture
 */
function showMark(scroller, content, hasPicture) {
  scroller.scrollTop = 0;
  const mark = content.querySelector("mark");
  const box = mark?.parentElement;
  if (!mark || !box) return;
  const above = mark.getBoundingClientRect().top - box.getBoundingClientRect().top;
  box.scrollTop = above - box.clientHeight / 4;
  if (!hasPicture) mark.scrollIntoView({ block: "nearest" });
}
