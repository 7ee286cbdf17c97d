// @ts-check
/** The page of the organisation's documents, and for editors of the questions that none of them answers. */

import { writtenAnswer } from "../lib/curated-answer.js";
import { part, setText } from "../lib/dom.js";
import { errorWords } from "../lib/error-words.js";
import { knowledgePlace } from "../lib/knowledge-address.js";
import { CuratedAnswerFields } from "../views/curated-answer-fields.js";
import { formDialog } from "../views/form-dialog.js";
import { SourcePanel } from "../views/source-panel.js";
import { toast } from "../views/toast.js";
import { CollectionList } from "./collection-list.js";
import { DocumentShelf } from "./document-shelf.js";
import { GapShelf } from "./gap-shelf.js";
import { UploadDesk } from "./upload-desk.js";

/** @import { KnowledgePlace } from "../lib/knowledge-address.js" */
/** @import { App } from "../models/app.js" */
/** @import { DocumentShown, KnowledgeAbout } from "../types/knowledge.js" */

export class KnowledgeController {
  #element;
  #app;
  #panel;
  /** @type {CollectionList | null} */
  #collections = null;
  /** @type {DocumentShelf | null} */
  #documents = null;
  /** The part of the documents that is shown, to know another one. */
  #shown = "";
  /** @type {GapShelf | null} */
  #gaps = null;

  /** @param {HTMLElement} element @param {App} app */
  constructor(element, app) {
    this.#element = element;
    this.#app = app;
    const panel = /** @type {HTMLDialogElement} */ (document.getElementById("source-panel"));
    this.#panel = new SourcePanel(panel, app.api.knowledge);
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
      setText(note, `The documents cannot be shown. ${errorWords(error)}`);
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
    else await this.#showDocuments(place);
    if (place.passage) this.#openPassage(place.passage);
  }

  /** Only when they are not shown already. @param {KnowledgePlace} place */
  async #showDocuments({ collection, document: only }) {
    const shown = JSON.stringify([collection, only]);
    if (shown === this.#shown) return;
    this.#shown = shown;
    await this.#collections?.show(collection);
    await this.#documents?.show(only);
  }

  /** @param {DocumentShown} answer */
  async #changeAnswer({ id, name, title }) {
    const { knowledge } = this.#app.api;
    try {
      const written = writtenAnswer(await knowledge.originalText(id));
      const fields = new CuratedAnswerFields({
        question: written.question || title || name,
        answer: written.answer,
      });
      await formDialog({
        title: "Change the answer",
        yes: "Save",
        fields: fields.elements,
        save: async () => this.#documents?.put(await knowledge.changeAnswer(id, fields.value)),
      });
    } catch (error) {
      toast(`The answer cannot be changed. ${errorWords(error)}`);
    }
  }

  // Internal

  /** @param {KnowledgeAbout} about */
  async #begin(about) {
    const { me: key = "", roles = "" } = this.#element.dataset;
    const me = { key, roles: roles.split(" ").filter(Boolean) };
    const { knowledge: api, csrfToken } = this.#app.api;
    const collections = new CollectionList(this.#element, { api, me, isEditor: about.editor });
    const uploads = new UploadDesk(this.#element, {
      csrfToken,
      about,
      me,
      collections,
      onTaken: (taken) => {
        this.#documents?.put(taken);
        // Each of many would ask for the counts.
        if (!uploads.isSending) collections.load();
      },
    });
    this.#collections = collections;
    this.#documents = new DocumentShelf(this.#element, {
      api,
      me,
      collections,
      onReplace: (replaced) => uploads.chooseReplacement(replaced),
      onChangeAnswer: (answer) => this.#changeAnswer(answer),
    });
    if (about.editor) {
      this.#gaps = new GapShelf(this.#element, { api, onCount: (open) => this.#count(open) });
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
