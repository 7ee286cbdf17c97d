// @ts-check
/** Collections and their documents: looked through, added to by drag and drop, changed and deleted. */

import { announce } from "../lib/announce.js";
import { pauseMs } from "../lib/backoff.js";
import { element, icon, part, setText } from "../lib/dom.js";
import { collectionHash } from "../lib/knowledge-address.js";
import { accessWords, isInWork, limitsWords } from "../lib/knowledge-words.js";
import { uploadPath } from "../models/knowledge-api.js";
import { UploadQueue } from "../models/upload-queue.js";
import { sendFile } from "../models/upload-request.js";
import { documentAccess } from "../views/access-choice.js";
import { collectionForm } from "../views/collection-form.js";
import { confirmed } from "../views/confirm-dialog.js";
import { documentRow } from "../views/document-row.js";
import { formDialog } from "../views/form-dialog.js";
import { plainText } from "../views/plain-text.js";
import { toast } from "../views/toast.js";
import { uploadRow } from "../views/upload-row.js";

/** @import { KnowledgeApi } from "../models/knowledge-api.js" */
/** @import { Upload } from "../models/upload-queue.js" */
/** @import { CollectionShown, CollectionWish, DocumentShown, KnowledgeAbout } from "../types/knowledge.js" */
/** @import { KnowledgePlace } from "../lib/knowledge-address.js" */
/** @import { Me } from "../views/access-choice.js" */

const TYPING_PAUSE_MS = 400;
const MAX_BYTES = 50 * 1024 ** 2;

/** @typedef {{ api: KnowledgeApi, csrfToken: string, about: KnowledgeAbout, me: Me }} Port */

export class DocumentShelf {
  #element;
  #port;
  #queue;
  #limits;
  /** @type {CollectionShown[]} */
  #collections = [];
  /** Empty: all. */
  #collectionId = "";
  /** @type {DocumentShown[]} */
  #documents = [];
  /** @type {string | null} */
  #cursor = null;
  /** To which one document the list is narrowed, by a link. */
  #only = "";
  #isLoaded = false;
  /** Counts what was asked for, so that late answers are not shown. */
  #asked = 0;
  #typing = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #looking;
  #looks = 0;
  /** Who may see what is uploaded; empty: as the collection. @type {string[]} */
  #access = [];
  /** What the next chosen file is a newer version of. @type {DocumentShown | null} */
  #replaced = null;
  /** How many elements that a file is dragged over have been entered and not left. */
  #dragDepth = 0;

  /** @param {HTMLElement} root the page @param {Port} port */
  constructor(root, port) {
    this.#element = root;
    this.#port = port;
    const { document_bytes, kinds } = port.about;
    this.#limits = { maxBytes: document_bytes || MAX_BYTES, kinds };
    this.#queue = new UploadQueue({
      send: ({ file, to }, how) =>
        sendFile({
          path: uploadPath({ name: file.name, ...to }),
          file,
          csrfToken: port.csrfToken,
          ...how,
        }),
      onChange: (uploads) => this.#drawUploads(uploads),
      onTaken: (upload) => this.#taken(upload),
    });
    setText(this.#part("limits"), `${limitsWords(this.#limits)}.`);
    part(root, "files", HTMLInputElement).accept = kinds.join(",");
    part(root, "replacement", HTMLInputElement).accept = kinds.join(",");
    this.#part("make").hidden = !port.about.editor;
    this.#bind();
  }

  /** Whether something is on its way. */
  get isBusy() {
    return this.#queue.isBusy;
  }

  /** @param {Pick<KnowledgePlace, "collection" | "document">} place */
  async show({ collection, document: only }) {
    const isSame = collection === this.#collectionId && only === this.#only;
    if (this.#isLoaded && isSame) return;
    this.#only = only;
    this.#collectionId = collection;
    this.#isLoaded = true;
    await this.#loadCollections();
    await this.#load();
  }

  // Actions

  async #loadCollections() {
    try {
      const { collections } = await this.#port.api.collections();
      this.#collections = collections;
    } catch (error) {
      toast(`The collections cannot be shown. ${wordsOf(error)}`);
    }
    this.#drawCollections();
  }

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
      setText(note, `The documents cannot be shown. ${wordsOf(error)}`);
    }
    this.#part("documents").removeAttribute("aria-busy");
    this.#drawDocuments();
    this.#looks = 0;
    this.#lookLater();
  }

  /** @param {string | null} cursor */
  #fetch(cursor) {
    return this.#port.api.documents({
      collection: this.#collectionId,
      document: this.#only,
      name: this.#words,
      cursor,
    });
  }

  /** While something is being worked on, the list is looked at again, less and less often when nothing moves. */
  #lookLater() {
    clearTimeout(this.#looking);
    if (!this.#documents.some(isInWork)) return;
    this.#looking = setTimeout(() => this.#look(), pauseMs(this.#looks));
  }

  async #look() {
    const mine = this.#asked;
    const before = this.#documents.filter(isInWork);
    try {
      const { documents } = await this.#fetch(null);
      if (mine !== this.#asked) return;
      const moved = before.filter((known) =>
        documents.some((now) => now.id === known.id && isAnother(now, known)),
      );
      this.#looks = moved.length ? 0 : this.#looks + 1;
      if (moved.length) this.#moved(documents);
    } catch {
      this.#looks += 1; // What cannot be asked now is asked later; the list stays as it was.
    }
    this.#lookLater();
  }

  /** @param {DocumentShown[]} now */
  #moved(now) {
    const news = new Map(now.map((document) => [document.id, document]));
    const before = this.#documents;
    this.#documents = before.map((known) => news.get(known.id) ?? known);
    this.#drawDocuments();
    for (const known of before) {
      const { state, name, reason } = news.get(known.id) ?? known;
      if (state === known.state || !isInWork(known)) continue;
      if (state === "ready") announce(`${name} is ready.`);
      if (state === "failed") announce(`${name} could not be read. ${reason}`);
    }
  }

  /** @param {Iterable<File>} files @param {DocumentShown | null} [replaced] */
  #add(files, replaced = null) {
    const chosen = [...files];
    if (chosen.length === 0) return;
    const to = replaced
      ? { collection: replaced.collection_id, replaces: replaced.id }
      : { collection: this.#collectionId, ...(this.#access.length && { access: this.#access }) };
    this.#queue.add(chosen, to, this.#limits);
    announce(
      chosen.length === 1 ? `Sending ${chosen[0].name}.` : `Sending ${chosen.length} files.`,
    );
  }

  /** @param {Upload} upload */
  #taken({ key, added }) {
    if (!added || added.duplicate) {
      announce("This file is there already. Nothing was added.");
      return;
    }
    this.#queue.remove(key);
    const { document: taken } = added;
    announce(`${taken.name} was taken and is being read.`);
    const isHere = !this.#collectionId || taken.collection_id === this.#collectionId;
    if (!isHere) return;
    this.#documents = [taken, ...this.#documents.filter(({ id }) => id !== taken.id)];
    this.#drawDocuments();
    this.#looks = 0;
    this.#lookLater();
    this.#loadCollections();
  }

  /** @param {DocumentShown} shown */
  async #changeAccess(shown) {
    const choice = documentAccess(this.#port.me, shown.access);
    await formDialog({
      title: `Who may see “${shown.title || shown.name}”`,
      yes: "Save",
      fields: [choice.element],
      save: async () => this.#put(await this.#port.api.changeAccess(shown.id, choice.value)),
    });
  }

  /** @param {DocumentShown} shown */
  async #cancel(shown) {
    await this.#trying("Not cancelled.", async () =>
      this.#put(await this.#port.api.cancel(shown.id)),
    );
  }

  /** @param {DocumentShown} shown */
  async #remove(shown) {
    const text = `“${shown.title || shown.name}” will be gone for everybody, and answers that cite it can no longer show where they come from.`;
    if (!(await confirmed({ title: "Delete this document?", text, yes: "Delete" }))) return;
    await this.#trying("Not deleted.", async () => {
      const at = this.#documents.findIndex(({ id }) => id === shown.id);
      await this.#port.api.removeDocument(shown.id);
      this.#documents = this.#documents.filter(({ id }) => id !== shown.id);
      this.#drawDocuments();
      this.#focusRow(at);
      toast(`“${shown.name}” was deleted.`);
      await this.#loadCollections();
    });
  }

  async #makeCollection() {
    await collectionForm(null, {
      me: this.#port.me,
      save: async (wish) => {
        const { id } = await this.#port.api.makeCollection(wish);
        location.hash = collectionHash(id);
      },
    });
  }

  async #changeCollection() {
    const collection = this.#collection;
    if (!collection) return;
    await collectionForm(collection, {
      me: this.#port.me,
      save: async (wish) => {
        await this.#port.api.changeCollection(collection.id, changesOf(collection, wish));
        await this.#loadCollections();
      },
    });
  }

  async #removeCollection() {
    const collection = this.#collection;
    if (!collection) return;
    const count = collection.documents;
    const documents =
      count === 0 ? "It is empty." : `${countWords(count)} in it will be gone for everybody.`;
    const text = `“${collection.name}”: ${documents} Documents in it that you may not see are deleted, too.`;
    if (!(await confirmed({ title: "Delete this collection?", text, yes: "Delete" }))) return;
    await this.#trying("Not deleted.", async () => {
      await this.#port.api.removeCollection(collection.id);
      toast(`“${collection.name}” was deleted.`);
      location.hash = collectionHash("");
    });
  }

  async #chooseAccess() {
    const select = part(this.#element, "access", HTMLSelectElement);
    const { me } = this.#port;
    if (select.value !== "roles") {
      this.#access = select.value === "me" ? [me.key] : [];
      return;
    }
    const choice = documentAccess(me, this.#access);
    const isSaved = await formDialog({
      title: "Who may see what you upload",
      yes: "Choose",
      fields: [choice.element],
      save: async () => {
        this.#access = choice.value;
      },
    });
    if (!isSaved) this.#access = [];
    const isRoles = this.#access.some((key) => key.startsWith("role:"));
    const others = this.#access.length ? "me" : "";
    select.value = isRoles ? "roles" : others;
    if (isRoles) setText(select.selectedOptions[0], accessWords(this.#access, { me: me.key }));
  }

  // Internal

  get #words() {
    return part(this.#element, "search", HTMLInputElement).value.trim();
  }

  get #collection() {
    return this.#collections.find(({ id }) => id === this.#collectionId) ?? null;
  }

  /** Among all collections, what is added goes to the person's own. */
  get #mayAdd() {
    return this.#collectionId === "" || (this.#collection?.editable ?? false);
  }

  #bind() {
    this.#part("choose").addEventListener("click", () => this.#part("files").click());
    this.#onFiles("files", (files) => this.#add(files));
    this.#onFiles("replacement", (files) => this.#add(files, this.#replaced));
    this.#part("access").addEventListener("change", () => this.#chooseAccess());
    this.#part("make").addEventListener("click", () => this.#makeCollection());
    this.#part("change").addEventListener("click", () => this.#changeCollection());
    this.#part("remove").addEventListener("click", () => this.#removeCollection());
    this.#part("more").addEventListener("click", () => this.#load({ more: true }));
    this.#part("search-form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#searchNow();
    });
    this.#part("search").addEventListener("input", () => {
      window.clearTimeout(this.#typing);
      this.#typing = window.setTimeout(() => this.#searchNow(), TYPING_PAUSE_MS);
    });
    window.addEventListener("online", () => this.#queue.retryLost());
    window.addEventListener("beforeunload", (event) => {
      if (this.#queue.isBusy) event.preventDefault();
    });
    this.#bindDropping();
  }

  /** @param {string} name @param {(files: File[]) => void} take */
  #onFiles(name, take) {
    const input = part(this.#element, name, HTMLInputElement);
    input.addEventListener("change", () => {
      const files = [...(input.files ?? [])];
      input.value = ""; // So that the same file can be chosen again.
      take(files);
    });
  }

  #bindDropping() {
    const hasFiles = (/** @type {DragEvent} */ event) =>
      event.dataTransfer?.types.includes("Files") ?? false;
    window.addEventListener("dragenter", (event) => {
      if (!hasFiles(event)) return;
      this.#dragDepth += 1;
      this.#drawDropping();
    });
    window.addEventListener("dragleave", (event) => {
      if (!hasFiles(event)) return;
      this.#dragDepth -= 1;
      this.#drawDropping();
    });
    window.addEventListener("dragover", (event) => {
      // Otherwise the browser would leave the page and open the file.
      if (hasFiles(event)) event.preventDefault();
    });
    window.addEventListener("drop", (event) => {
      if (!hasFiles(event)) return;
      event.preventDefault();
      this.#dragDepth = 0;
      this.#drawDropping();
      if (this.#mayAdd) this.#add(event.dataTransfer?.files ?? []);
      else toast("You may read this collection and not add to it.");
    });
  }

  #searchNow() {
    window.clearTimeout(this.#typing);
    this.#load();
  }

  /** @param {DocumentShown} changed */
  #put(changed) {
    this.#documents = this.#documents.map((known) => (known.id === changed.id ? changed : known));
    this.#drawDocuments();
  }

  /** @param {string} otherwise @param {() => Promise<void>} act */
  async #trying(otherwise, act) {
    try {
      await act();
    } catch (error) {
      toast(`${otherwise} ${wordsOf(error)}`);
    }
  }

  #drawDropping() {
    this.#part("drop-target").hidden = this.#dragDepth <= 0;
    const name = this.#collection?.name ?? "My documents";
    const words = this.#mayAdd
      ? `Drop to add to “${name}”`
      : "You may read this collection and not add to it";
    setText(this.#part("drop-words"), words);
  }

  #drawCollections() {
    const all = { id: "", name: "All documents", documents: null };
    this.#part("collections").replaceChildren(
      ...[all, ...this.#collections].map((collection) => this.#collectionItem(collection)),
    );
    const collection = this.#collection;
    setText(this.#part("collection-name"), collection?.name ?? "All documents");
    setText(this.#part("collection-words"), this.#collectionWords());
    const isOwn = collection?.access.length === 1 && collection.access[0] === this.#port.me.key;
    this.#part("collection-actions").hidden = !collection?.editable || isOwn;
    this.#part("upload-place").hidden = !this.#mayAdd;
    this.#part("read-only").hidden = this.#mayAdd;
  }

  #collectionWords() {
    const collection = this.#collection;
    if (!collection) return "What you add here goes to your own collection, which only you see.";
    const readers = accessWords(collection.access, { me: this.#port.me.key });
    return [collection.description, `Who may see it: ${readers}.`].filter(Boolean).join(" ");
  }

  /** @param {{ id: string, name: string, documents: number | null }} collection */
  #collectionItem({ id, name, documents }) {
    const link = element(
      "a",
      {
        class: "collection",
        href: collectionHash(id),
        "aria-current": id === this.#collectionId && "true",
      },
      element("bdi", {}, ...plainText(name)),
      documents !== null && element("span", { class: "collection-count" }, documents),
    );
    return element("li", {}, link);
  }

  /** @param {Upload[]} uploads */
  #drawUploads(uploads) {
    const list = this.#part("uploads");
    const held = document.activeElement?.closest(".upload");
    const act = document.activeElement?.getAttribute("data-act");
    const at = held ? [...list.children].indexOf(held) : -1;
    list.replaceChildren(
      ...uploads.map((upload) =>
        uploadRow(upload, {
          onRemove: () => this.#queue.remove(upload.key),
          onRetry: () => this.#queue.retry(upload.key),
        }),
      ),
    );
    if (at === -1) return;
    const row = list.children[Math.min(at, list.children.length - 1)];
    const again = row?.querySelector(`[data-act="${act}"]`) ?? row?.querySelector("button");
    if (again instanceof HTMLElement) again.focus();
    else this.#part("choose").focus();
  }

  #drawDocuments() {
    const now = new Date();
    const held = document.activeElement?.closest(".document");
    const act = document.activeElement?.getAttribute("data-act");
    const readers = new Map(this.#collections.map(({ id, access }) => [id, access]));
    const rows = this.#documents.map((shown) =>
      documentRow(shown, {
        me: this.#port.me.key,
        inherited: readers.get(shown.collection_id) ?? [],
        now,
        onReplace: (document) => {
          this.#replaced = document;
          this.#part("replacement").click();
        },
        onAccess: (document) => this.#changeAccess(document),
        onCancel: (document) => this.#cancel(document),
        onRemove: (document) => this.#remove(document),
      }),
    );
    this.#part("documents").replaceChildren(...rows);
    this.#part("more").hidden = this.#cursor === null || rows.length === 0;
    this.#drawEmpty();
    if (held) {
      const row = document.getElementById(held.id);
      const again = row?.querySelector(`[data-act="${act}"]`) ?? row;
      if (again instanceof HTMLElement) again.focus();
    }
  }

  #drawEmpty() {
    const empty = this.#part("empty");
    const isFailed = this.#part("list-note").textContent !== "";
    empty.hidden = this.#documents.length > 0 || isFailed;
    if (empty.hidden) return;
    if (this.#words) {
      empty.replaceChildren(element("p", {}, `No document here has “${this.#words}” in its name.`));
      return;
    }
    const todo = this.#mayAdd
      ? "Drop files here, or choose them above. As soon as they are read, ask about them in the chat."
      : "Its editors have not added anything yet.";
    empty.replaceChildren(
      icon("book"),
      element("p", {}, element("strong", {}, "No documents yet")),
      element("p", {}, todo),
    );
  }

  /** Where a row was that is gone. @param {number} at */
  #focusRow(at) {
    const rows = this.#part("documents").children;
    const row = rows[Math.min(at, rows.length - 1)] ?? this.#part("collection-name");
    if (row instanceof HTMLElement) row.focus();
  }

  /** @param {string} name */
  #part(name) {
    return part(this.#element, name);
  }
}

/** @param {DocumentShown} now @param {DocumentShown} before */
function isAnother(now, before) {
  return now.state !== before.state || now.progress !== before.progress;
}

/** Only what is other than before. @param {CollectionShown} collection @param {CollectionWish} wish */
function changesOf(collection, { name, description, access }) {
  const isSame = [...access].sort().join() === [...collection.access].sort().join();
  return {
    ...(name !== collection.name && { name }),
    ...(description !== collection.description && { description }),
    ...(!isSame && { access }),
  };
}

/** @param {number} count */
function countWords(count) {
  return count === 1 ? "The document" : `All ${count} documents`;
}

/** @param {unknown} error */
function wordsOf(error) {
  return error instanceof Error ? error.message : String(error);
}
