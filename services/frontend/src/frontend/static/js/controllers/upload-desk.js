// @ts-check
/** Files on their way to the open collection: chosen or dropped, and followed until they are taken in. */

import { announce } from "../lib/announce.js";
import { part, setText } from "../lib/dom.js";
import { droppedFiles, MOST_DROPPED } from "../lib/dropped-files.js";
import { errorWords } from "../lib/error-words.js";
import { accessWords, limitsWords, refusal } from "../lib/knowledge-words.js";
import { uploadPath } from "../models/knowledge-api.js";
import { UploadQueue } from "../models/upload-queue.js";
import { sendFile } from "../models/upload-request.js";
import { documentAccess } from "../views/access-choice.js";
import { formDialog } from "../views/form-dialog.js";
import { KeyedList } from "../views/keyed-list.js";
import { toast } from "../views/toast.js";
import { uploadRow } from "../views/upload-row.js";

/** @import { Destination, Upload } from "../models/upload-queue.js" */
/** @import { DocumentShown, KnowledgeAbout } from "../types/knowledge.js" */
/** @import { Me } from "../views/access-choice.js" */
/** @import { CollectionList } from "./collection-list.js" */

const MAX_BYTES = 50 * 1024 ** 2;

/**
 * @typedef {object} UploadPort
 * @property {string} csrfToken
 * @property {KnowledgeAbout} about
 * @property {Me} me
 * @property {CollectionList} collections whose open one takes what is added
 * @property {(taken: DocumentShown) => void} onTaken it is there, and being read
 */

export class UploadDesk {
  #root;
  #port;
  #queue;
  #limits;
  #rows;
  /** Who may see what is uploaded; empty: as the collection. @type {string[]} */
  #access = [];
  /** What the next chosen file is a newer version of. @type {DocumentShown | null} */
  #replaced = null;
  /** How many elements that a file is dragged over have been entered and not left. */
  #dragDepth = 0;

  /** @param {HTMLElement} root the page @param {UploadPort} port */
  constructor(root, port) {
    this.#root = root;
    this.#port = port;
    const { document_bytes, kinds } = port.about;
    this.#limits = { maxBytes: document_bytes || MAX_BYTES, kinds };
    this.#rows = new KeyedList(this.#part("uploads"), () => this.#part("choose"));
    this.#queue = new UploadQueue({
      send: ({ file, to }, how) =>
        sendFile({
          path: uploadPath({ name: file.name, ...to }),
          file,
          csrfToken: port.csrfToken,
          ...how,
        }),
      onChange: (uploads) => this.#draw(uploads),
      onTaken: (upload) => this.#taken(upload),
    });
    setText(this.#part("limits"), `${limitsWords(this.#limits)}.`);
    part(root, "files", HTMLInputElement).accept = kinds.join(",");
    part(root, "replacement", HTMLInputElement).accept = kinds.join(",");
    this.#bind();
  }

  /** Whether files are still on their way, without those that wait for a better connection. */
  get isSending() {
    return this.#queue.isSending;
  }

  /** Has a newer version of a document chosen. @param {DocumentShown} replaced */
  chooseReplacement(replaced) {
    this.#replaced = replaced;
    this.#part("replacement").click();
  }

  // Actions

  /** @param {File[]} files @param {Destination} to */
  #add(files, to) {
    if (files.length === 0) return;
    this.#queue.add(files, to, this.#limits);
    announce(files.length === 1 ? `Sending ${files[0].name}.` : `Sending ${files.length} files.`);
  }

  /** @param {Upload} upload */
  #taken({ key, added }) {
    if (!added || added.duplicate) {
      announce("This file is there already. Nothing was added.");
      return;
    }
    this.#queue.remove(key);
    announce(`${added.document.name} was taken and is being read.`);
    this.#port.onTaken(added.document);
  }

  async #chooseAccess() {
    const select = part(this.#root, "access", HTMLSelectElement);
    const { me } = this.#port;
    if (select.value === "roles") await this.#chooseRoles();
    else this.#access = select.value === "me" ? [me.key] : [];
    const isRoles = this.#access.some((key) => key.startsWith("role:"));
    const others = this.#access.length ? "me" : "";
    select.value = isRoles ? "roles" : others;
    const words = isRoles ? accessWords(this.#access, { me: me.key }) : "Certain roles…";
    setText(part(this.#root, "access-roles"), words);
  }

  /** What was chosen before stays when nothing is. */
  async #chooseRoles() {
    const choice = documentAccess(this.#port.me, this.#access);
    await formDialog({
      title: "Who may see what you upload",
      yes: "Choose",
      fields: [choice.element],
      save: async () => {
        this.#access = choice.value;
      },
    });
  }

  /** @param {DataTransfer | null} transfer */
  async #drop(transfer) {
    const { collections } = this.#port;
    if (!collections.mayAdd) return toast("You may read this collection and not add to it.");
    const to = this.#destination();
    try {
      const isWanted = (/** @type {File} */ file) => refusal(file, this.#limits) === "";
      const { files, leftOut, isCut } = await droppedFiles(transfer, isWanted);
      if (isCut) toast(`Only the first ${MOST_DROPPED} files were taken. Drop the rest in parts.`);
      if (leftOut) toast(leftOutWords(leftOut));
      this.#add(files, to);
    } catch (error) {
      toast(`The folder cannot be read. ${errorWords(error)}`);
    }
  }

  // Internal

  #bind() {
    this.#part("choose").addEventListener("click", () => this.#part("files").click());
    this.#onFiles("files", (files) => this.#add(files, this.#destination()));
    this.#onFiles("replacement", (files) => {
      const replaced = this.#replaced;
      if (replaced) this.#add(files, { collection: replaced.collection_id, replaces: replaced.id });
    });
    this.#part("access").addEventListener("change", () => this.#chooseAccess());
    window.addEventListener("online", () => this.#queue.retryLost());
    window.addEventListener("beforeunload", (event) => {
      if (this.#queue.isBusy) event.preventDefault();
    });
    this.#bindDropping();
  }

  /** @returns {Destination} */
  #destination() {
    const { openId: collection, isOwn } = this.#port.collections;
    return { collection, ...(!isOwn && this.#access.length && { access: this.#access }) };
  }

  /** @param {string} name @param {(files: File[]) => void} take */
  #onFiles(name, take) {
    const input = part(this.#root, name, HTMLInputElement);
    input.addEventListener("change", () => {
      const files = [...(input.files ?? [])];
      input.value = ""; // So that the same file can be chosen again.
      take(files);
    });
  }

  #bindDropping() {
    const hasFiles = (/** @type {DragEvent} */ event) =>
      event.dataTransfer?.types.includes("Files") ?? false;
    const dragged = (/** @type {DragEvent} */ event, /** @type {number} */ depth) => {
      if (!hasFiles(event)) return;
      this.#dragDepth = depth;
      this.#drawDropping();
    };
    window.addEventListener("dragenter", (event) => dragged(event, this.#dragDepth + 1));
    window.addEventListener("dragleave", (event) => dragged(event, this.#dragDepth - 1));
    window.addEventListener("dragover", (event) => {
      // Otherwise the browser would leave the page and open the file.
      if (hasFiles(event)) event.preventDefault();
    });
    window.addEventListener("drop", (event) => {
      if (!hasFiles(event)) return;
      event.preventDefault();
      dragged(event, 0);
      this.#drop(event.dataTransfer);
    });
  }

  #drawDropping() {
    const { open, mayAdd } = this.#port.collections;
    this.#part("drop-target").hidden = this.#dragDepth <= 0;
    const words = mayAdd
      ? `Drop to add to “${open?.name ?? "My documents"}”`
      : "You may read this collection and not add to it";
    setText(this.#part("drop-words"), words);
  }

  /** @param {Upload[]} uploads */
  #draw(uploads) {
    this.#rows.update(
      uploads.map((upload) => ({
        key: upload.key,
        shown: [upload.state, upload.sent, upload.problem],
        make: () =>
          uploadRow(upload, {
            onRemove: () => this.#queue.remove(upload.key),
            onRetry: () => this.#queue.retry(upload.key),
          }),
      })),
    );
  }

  /** @param {string} name */
  #part(name) {
    return part(this.#root, name);
  }
}

/** @param {number} count */
function leftOutWords(count) {
  return count === 1
    ? "1 file in the folder was left out: it cannot be read, or is empty or too large."
    : `${count} files in the folder were left out: they cannot be read, or are empty or too large.`;
}
