// @ts-check
/** The page of the organisation's documents, and for editors of the questions that none of them answers. */

import { part, setText } from "../lib/dom.js";
import { knowledgePlace } from "../lib/knowledge-address.js";
import { SourcePanel } from "../views/source-panel.js";
import { DocumentShelf } from "./document-shelf.js";
import { GapShelf } from "./gap-shelf.js";

/** @import { App } from "../models/app.js" */
/** @import { KnowledgeAbout } from "../types/knowledge.js" */

export class KnowledgeController {
  #element;
  #app;
  #panel;
  /** @type {DocumentShelf | null} */
  #documents = null;
  /** @type {GapShelf | null} */
  #gaps = null;

  /** @param {HTMLElement} element @param {App} app */
  constructor(element, app) {
    this.#element = element;
    this.#app = app;
    const panel = /** @type {HTMLDialogElement} */ (document.getElementById("source-panel"));
    this.#panel = new SourcePanel(panel, { passage: (id) => app.api.knowledge.passage(id) });
  }

  // Lifecycle

  async connect() {
    const note = part(this.#element, "note");
    try {
      const about = await this.#app.knowledge();
      if (!about.available)
        return setText(note, "There is no knowledge base here. Whoever runs Steward can add one.");
      setText(note, "");
      await this.#begin(about);
    } catch (error) {
      setText(
        note,
        `The documents cannot be shown. ${error instanceof Error ? error.message : error}`,
      );
    }
  }

  // Actions

  /** Show what the address says. */
  async #follow() {
    const place = knowledgePlace(location.hash);
    const tab = this.#gaps ? place.tab : "documents";
    for (const name of /** @type {const} */ (["documents", "gaps"])) {
      part(this.#element, `${name}-panel`).hidden = name !== tab;
      const link = part(this.#element, `${name}-tab`);
      if (name === tab) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    }
    if (tab === "gaps") await this.#gaps?.show();
    else await this.#documents?.show(place);
    if (place.passage) this.#openPassage(place.passage);
  }

  // Internal

  /** @param {KnowledgeAbout} about */
  async #begin(about) {
    const { me = "", roles = "" } = this.#element.dataset;
    const { api } = this.#app;
    this.#documents = new DocumentShelf(this.#element, {
      api: api.knowledge,
      csrfToken: api.csrfToken,
      about,
      me: { key: me, roles: roles.split(" ").filter(Boolean) },
    });
    if (about.editor) {
      this.#gaps = new GapShelf(this.#element, {
        api: api.knowledge,
        onCount: (open) => this.#count(open),
      });
      part(this.#element, "tabs").hidden = false;
      this.#count(about.open_gaps);
    }
    window.addEventListener("hashchange", () => this.#follow());
    await this.#follow();
  }

  /** @param {number} open */
  #count(open) {
    const count = part(this.#element, "gaps-count");
    setText(count, open ? String(open) : "");
    count.hidden = open === 0;
  }

  /** A link from a shared conversation leads here. @param {string} id */
  #openPassage(id) {
    this.#panel.open({ ids: [id], id, opener: part(this.#element, "collection-name") });
  }
}
