// @ts-check
/**
 * Markdown that grows. It is parsed at most every 80 ms, and only blocks that changed are made anew, so a
 * selection, a scrolled table or a copied button survives what is written below it.
 */

import { FrameThrottle } from "../lib/frame-throttle.js";
import { blocksOf, blockToNodes } from "../lib/markdown.js";
import { enriched } from "./rich-text.js";

/** @import { Block } from "../lib/markdown.js" */

const PARSE_EVERY_MS = 80;

/** @typedef {{ raw: string, settled: boolean, nodes: ChildNode[] }} Shown */

export class StreamedMarkdown {
  #container;
  #render;
  #throttle;
  #text = "";
  #finished = false;
  /** @type {Shown[]} */
  #shown = [];

  /**
   * @param {HTMLElement} container empty; nobody else touches what is in it
   * @param {(block: Block, options: { settled: boolean }) => DocumentFragment} [render]
   */
  constructor(container, render = renderBlock) {
    this.#container = container;
    this.#render = render;
    this.#throttle = new FrameThrottle(() => this.#draw(), PARSE_EVERY_MS);
  }

  /** @param {string} text everything so far @param {boolean} finished nothing more will come: drawn at once */
  update(text, finished) {
    if (text === this.#text && finished === this.#finished) return;
    this.#text = text;
    this.#finished = finished;
    if (finished) this.#throttle.flush();
    else this.#throttle.request();
  }

  // Internal

  #draw() {
    const blocks = blocksOf(this.#text).map(({ raw, token }, at, all) => ({
      raw,
      token,
      settled: this.#finished || at < all.length - 1,
    }));
    const kept = this.#countUnchanged(blocks);
    for (const { nodes } of this.#shown.splice(kept)) {
      for (const node of nodes) node.remove();
    }
    for (const { raw, token, settled } of blocks.slice(kept)) {
      const fragment = this.#render({ raw, token }, { settled });
      const nodes = [...fragment.childNodes];
      this.#container.append(fragment);
      this.#shown.push({ raw, settled, nodes });
    }
    this.#container.toggleAttribute("data-streaming", !this.#finished);
  }

  /** @param {{ raw: string, settled: boolean }[]} blocks */
  #countUnchanged(blocks) {
    const changed = blocks.findIndex(({ raw, settled }, at) => {
      const shown = this.#shown[at];
      return !shown || shown.raw !== raw || shown.settled !== settled;
    });
    return changed === -1 ? blocks.length : changed;
  }
}

/** @param {Block} block @param {{ settled: boolean }} options */
function renderBlock(block, options) {
  return enriched(blockToNodes(block), options);
}
