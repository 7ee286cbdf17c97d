// @ts-check
/** The documents of a collection, or of all: looked through, watched while they are read, changed and deleted. */

import { announce } from "../lib/announce.js";
import { pauseMs } from "../lib/backoff.js";
import { element, icon, part, setText } from "../lib/dom.js";
import { errorWords } from "../lib/error-words.js";
import { isInWork } from "../lib/knowledge-words.js";
import { documentAccess } from "../views/access-choice.js";
import { confirmed } from "../views/confirm-dialog.js";
import { documentRow } from "../views/document-row.js";
import { formDialog } from "../views/form-dialog.js";
import { KeyedList } from "../views/keyed-list.js";
import { toast } from "../views/toast.js";

/** @import { KnowledgeApi } from "../models/knowledge-api.js" */
/** @import { DocumentShown } from "../types/knowledge.js" */
/** @import { Me } from "../views/access-choice.js" */
/** @import { CollectionList } from "./collection-list.js" */

const TYPING_PAUSE_MS = 400;
const DOCUMENTS_OF_A_PAGE = 50;
/** What one request gives at most, to look at what is shown again. */
const DOCUMENTS_OF_A_LOOK = 200;

/**
 * @typedef {object} ShelfPort
 * @property {KnowledgeApi} api
 * @property {Me} me
 * @property {CollectionList} collections
 * @property {(replaced: DocumentShown) => void} onReplace a newer version is to be chosen
 * @property {(answer: DocumentShown) => void} onChangeAnswer a curated answer is to be written anew
 */

export class DocumentShelf {
  #root;
  #port;
  #rows;
  /** @type {DocumentShown[]} */
  #documents = [];
  /** @type {string | null} */
  #cursor = null;
  /** To which one document the list is narrowed, by a link. */
  #only = "";
  /** Counts what was asked for, so that late answers are not shown. */
  #asked = 0;
  /** Counts what the person has changed: a look that began before would show what was. */
  #changes = 0;
  #typing = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #looking;
  #looks = 0;

  /** @param {HTMLElement} root the page @param {ShelfPort} port */
  constructor(root, port) {
    this.#root = root;
    this.#port = port;
    this.#rows = new KeyedList(this.#part("documents"), () => this.#part("collection-name"));
    this.#bind();
  }

  /** Shows the open collection. @param {string} only the one document to show; empty: all */
  async show(only) {
    this.#only = only;
    await this.#load();
  }

  /** An upload is there. @param {DocumentShown} taken */
  put(taken) {
    const { openId } = this.#port.collections;
    if (openId && taken.collection_id !== openId) return;
    this.#changes += 1;
    this.#documents = [taken, ...this.#documents.filter(({ id }) => id !== taken.id)];
    this.#draw();
    this.#looks = 0;
    this.#lookLater();
  }

  // Actions

  /** @param {{ more?: boolean }} [options] `more`: the page after what is shown */
  async #load({ more = false } = {}) {
    this.#asked += 1;
    const mine = this.#asked;
    clearTimeout(this.#looking);
    const note = this.#part("list-note");
    this.#part("documents").setAttribute("aria-busy", "true");
    try {
      const page = await this.#fetch(more ? this.#cursor : null);
      if (mine !== this.#asked) return;
      this.#documents = more ? [...this.#documents, ...page.documents] : page.documents;
      this.#cursor = page.next_cursor;
      setText(note, "");
    } catch (error) {
      if (mine !== this.#asked) return;
      if (!more) this.#documents = [];
      setText(note, `The documents cannot be shown. ${errorWords(error)}`);
    }
    this.#part("documents").removeAttribute("aria-busy");
    this.#draw();
    this.#looks = 0;
    this.#lookLater();
  }

  /** @param {string | null} cursor @param {number} [limit] */
  async #fetch(cursor, limit = DOCUMENTS_OF_A_PAGE) {
    const { openId, isMissing } = this.#port.collections;
    if (isMissing) return { documents: [], next_cursor: null };
    return this.#port.api.documents({
      collection: openId,
      document: this.#only,
      name: this.#words,
      cursor,
      limit,
    });
  }

  /** While something is being worked on, the list is looked at again, less and less often when nothing moves. */
  #lookLater() {
    clearTimeout(this.#looking);
    if (!this.#documents.some(isInWork)) return;
    this.#looking = setTimeout(() => this.#look(), pauseMs(this.#looks));
  }

  async #look() {
    const [mine, changes] = [this.#asked, this.#changes];
    const watched = this.#documents.filter(isInWork).map(({ id }) => id);
    try {
      const now = await this.#lookFor(watched);
      if (mine !== this.#asked) return;
      if (changes !== this.#changes) return this.#lookLater();
      const known = new Map(this.#documents.map((document) => [document.id, document]));
      const isNews = watched.some((id) => isAnother(now.get(id), known.get(id)));
      this.#looks = isNews ? 0 : this.#looks + 1;
      if (isNews) this.#moved(watched, now);
    } catch {
      this.#looks += 1; // What cannot be asked now is asked later; the list stays as it was.
    }
    this.#lookLater();
  }

  /** Goes through the list from its beginning, as far as it takes. @param {string[]} ids */
  async #lookFor(ids) {
    /** @type {Map<string, DocumentShown>} */
    const found = new Map();
    /** @type {string | null} */
    let cursor = null;
    do {
      const limit = Math.min(
        DOCUMENTS_OF_A_LOOK,
        Math.max(DOCUMENTS_OF_A_PAGE, this.#documents.length),
      );
      const page = await this.#fetch(cursor, limit);
      for (const document of page.documents) found.set(document.id, document);
      cursor = page.next_cursor;
    } while (cursor && !ids.every((id) => found.has(id)));
    return found;
  }

  /** @param {string[]} watched what is not there any more was deleted by somebody @param {Map<string, DocumentShown>} now */
  #moved(watched, now) {
    const before = this.#documents.filter(({ id }) => watched.includes(id));
    this.#documents = this.#documents.flatMap((known) =>
      now.has(known.id) || !watched.includes(known.id) ? [now.get(known.id) ?? known] : [],
    );
    this.#draw();
    for (const known of before) {
      const { state, name, reason } = now.get(known.id) ?? known;
      if (state === known.state) continue;
      if (state === "ready") announce(`${name} is ready.`);
      if (state === "failed") announce(`${name} could not be read. ${reason}`);
    }
  }

  /** @param {DocumentShown} shown */
  async #changeAccess(shown) {
    const choice = documentAccess(this.#port.me, shown.access);
    await formDialog({
      title: `Who may see “${shown.title || shown.name}”`,
      yes: "Save",
      fields: [choice.element],
      save: async () => this.#changed(await this.#port.api.changeAccess(shown.id, choice.value)),
    });
  }

  /** @param {DocumentShown} shown */
  async #cancel(shown) {
    try {
      this.#changed(await this.#port.api.cancel(shown.id));
    } catch (error) {
      toast(`Not cancelled. ${errorWords(error)}`);
    }
  }

  /** @param {DocumentShown} shown */
  async #remove(shown) {
    const text = shown.curated
      ? `“${shown.title || shown.name}” will be gone for everybody, and the question is open again.`
      : `“${shown.title || shown.name}” will be gone for everybody, and answers that cite it can no longer show where they come from.`;
    if (!(await confirmed({ title: "Delete this document?", text, yes: "Delete" }))) return;
    try {
      await this.#port.api.removeDocument(shown.id);
    } catch (error) {
      toast(`Not deleted. ${errorWords(error)}`);
      return;
    }
    this.#changes += 1;
    this.#documents = this.#documents.filter(({ id }) => id !== shown.id);
    this.#draw();
    toast(`“${shown.name}” was deleted.`);
    await this.#port.collections.load();
  }

  // Internal

  get #words() {
    return part(this.#root, "search", HTMLInputElement).value.trim();
  }

  #bind() {
    this.#part("more").addEventListener("click", () => this.#load({ more: true }));
    this.#part("search-form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#searchNow();
    });
    this.#part("search").addEventListener("input", () => {
      window.clearTimeout(this.#typing);
      this.#typing = window.setTimeout(() => this.#searchNow(), TYPING_PAUSE_MS);
    });
  }

  #searchNow() {
    window.clearTimeout(this.#typing);
    this.#load();
  }

  /** @param {DocumentShown} changed */
  #changed(changed) {
    this.#changes += 1;
    this.#documents = this.#documents.map((known) => (known.id === changed.id ? changed : known));
    this.#draw();
  }

  #draw() {
    const now = new Date();
    this.#rows.update(this.#documents.map((shown) => this.#row(shown, now)));
    this.#part("more").hidden = this.#cursor === null || this.#documents.length === 0;
    this.#drawEmpty();
  }

  /** @param {DocumentShown} shown @param {Date} now */
  #row(shown, now) {
    const { collections, me, onReplace, onChangeAnswer } = this.#port;
    const { access = [], name = "" } = collections.find(shown.collection_id) ?? {};
    const collection = collections.openId ? "" : name;
    /** A row's buttons outlive what it showed. @param {(document: DocumentShown) => void} act */
    const asItIs = (act) => () => {
      const document = this.#documents.find(({ id }) => id === shown.id);
      if (document) act(document);
    };
    return {
      key: shown.id,
      shown: [shown, access, collection],
      make: () =>
        documentRow(shown, {
          me: me.key,
          inherited: access,
          collection,
          now,
          onReplace: asItIs(onReplace),
          onChangeAnswer: asItIs(onChangeAnswer),
          onAccess: asItIs((document) => this.#changeAccess(document)),
          onCancel: asItIs((document) => this.#cancel(document)),
          onRemove: asItIs((document) => this.#remove(document)),
        }),
    };
  }

  #drawEmpty() {
    const { mayAdd, isMissing } = this.#port.collections;
    const empty = this.#part("empty");
    const isFailed = this.#part("list-note").textContent !== "";
    empty.hidden = this.#documents.length > 0 || isFailed || isMissing;
    if (empty.hidden) return;
    if (this.#words) {
      empty.replaceChildren(element("p", {}, `No document here has “${this.#words}” in its name.`));
      return;
    }
    const todo = mayAdd
      ? "Drop files here, or choose them above. As soon as they are read, ask about them in the chat."
      : "Its editors have not added anything yet.";
    empty.replaceChildren(
      icon("book"),
      element("p", {}, element("strong", {}, "No documents yet")),
      element("p", {}, todo),
    );
  }

  /** @param {string} name */
  #part(name) {
    return part(this.#root, name);
  }
}

/** @param {DocumentShown | undefined} now @param {DocumentShown | undefined} before */
function isAnother(now, before) {
  return now?.state !== before?.state || now?.progress !== before?.progress;
}
