// @ts-check
/** The collections that the person may see, and the one that is open: chosen, made, changed and deleted. */

import { element, part, setText } from "../lib/dom.js";
import { errorWords } from "../lib/error-words.js";
import { collectionHash } from "../lib/knowledge-address.js";
import { accessWords } from "../lib/knowledge-words.js";
import { collectionForm } from "../views/collection-form.js";
import { confirmed } from "../views/confirm-dialog.js";
import { plainText } from "../views/plain-text.js";
import { toast } from "../views/toast.js";

/** @import { KnowledgeApi } from "../models/knowledge-api.js" */
/** @import { CollectionShown, CollectionWish } from "../types/knowledge.js" */
/** @import { Me } from "../views/access-choice.js" */

/** @typedef {{ api: KnowledgeApi, me: Me, isEditor: boolean }} CollectionPort */

export class CollectionList {
  #root;
  #port;
  /** @type {CollectionShown[]} */
  #collections = [];
  #isLoaded = false;
  /** Empty: all. */
  #openId = "";

  /** @param {HTMLElement} root the page @param {CollectionPort} port */
  constructor(root, port) {
    this.#root = root;
    this.#port = port;
    this.#part("make").hidden = !port.isEditor;
    this.#part("make").addEventListener("click", () => this.#make());
    this.#part("change").addEventListener("click", () => this.#change());
    this.#part("remove").addEventListener("click", () => this.#remove());
  }

  /** Null: all of them are, or none that there is. */
  get open() {
    return this.find(this.#openId);
  }

  get openId() {
    return this.#openId;
  }

  /** The address names one that is not there, or that the person may not see. */
  get isMissing() {
    return this.#isLoaded && this.#openId !== "" && this.open === null;
  }

  /** Only the person reads what is added to it. */
  get isOwn() {
    const access = this.open?.access ?? [];
    return this.#openId === "" || (access.length === 1 && access[0] === this.#port.me.key);
  }

  /** Among all collections, what is added goes to the person's own. */
  get mayAdd() {
    return this.#openId === "" || (this.open?.editable ?? false);
  }

  /** @param {string} id */
  find(id) {
    return this.#collections.find((one) => one.id === id) ?? null;
  }

  /** @param {string} id empty: all */
  async show(id) {
    this.#openId = id;
    await this.load();
  }

  async load() {
    try {
      const { collections } = await this.#port.api.collections();
      this.#collections = collections;
      this.#isLoaded = true;
    } catch (error) {
      toast(`The collections cannot be shown. ${errorWords(error)}`);
    }
    this.#draw();
  }

  // Actions

  async #make() {
    await collectionForm(null, {
      me: this.#port.me,
      save: async (wish) => {
        const { id } = await this.#port.api.makeCollection(wish);
        location.hash = collectionHash(id);
      },
    });
  }

  async #change() {
    const collection = this.open;
    if (!collection) return;
    await collectionForm(collection, {
      me: this.#port.me,
      save: async (wish) => {
        await this.#port.api.changeCollection(collection.id, changesOf(collection, wish));
        await this.load();
      },
    });
  }

  async #remove() {
    const collection = this.open;
    if (!collection) return;
    const count = collection.documents;
    const documents =
      count === 0 ? "It is empty." : `${countWords(count)} in it will be gone for everybody.`;
    const text = `“${collection.name}”: ${documents} Documents in it that you may not see are deleted, too.`;
    if (!(await confirmed({ title: "Delete this collection?", text, yes: "Delete" }))) return;
    try {
      await this.#port.api.removeCollection(collection.id);
      toast(`“${collection.name}” was deleted.`);
      location.hash = collectionHash("");
    } catch (error) {
      toast(`Not deleted. ${errorWords(error)}`);
    }
  }

  // Internal

  #draw() {
    const all = { id: "", name: "All documents", documents: null };
    this.#part("collections").replaceChildren(
      ...[all, ...this.#collections].map((collection) => this.#item(collection)),
    );
    const { open, isMissing } = this;
    const otherwise = isMissing ? "No such collection" : "All documents";
    setText(this.#part("collection-name"), open?.name ?? otherwise);
    setText(this.#part("collection-words"), this.#words());
    this.#part("collection-actions").hidden = !open?.editable || this.isOwn;
    this.#part("upload-place").hidden = !this.mayAdd;
    this.#part("upload-access").hidden = this.isOwn;
    this.#part("read-only").hidden = this.mayAdd || isMissing;
  }

  #words() {
    if (this.isMissing) return "It was deleted, or you may not see it.";
    const collection = this.open;
    if (!collection) return "What you add here goes to your own collection, which only you see.";
    const readers = accessWords(collection.access, { me: this.#port.me.key });
    return [collection.description, `Who may see it: ${readers}.`].filter(Boolean).join(" ");
  }

  /** @param {{ id: string, name: string, documents: number | null }} collection */
  #item({ id, name, documents }) {
    const link = element(
      "a",
      {
        class: "collection",
        href: collectionHash(id),
        "aria-current": id === this.#openId && "true",
      },
      element("bdi", {}, ...plainText(name)),
      documents !== null && element("span", { class: "collection-count" }, documents),
    );
    return element("li", {}, link);
  }

  /** @param {string} name */
  #part(name) {
    return part(this.#root, name);
  }
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
