// @ts-check
/** What can be done with the open conversation as a whole: sharing it, and taking it along as a file. */

import { part } from "../lib/dom.js";
import { MenuButton } from "../views/menu-button.js";
import { ShareDialog } from "../views/share-dialog.js";

/** @import { App } from "../models/app.js" */

const FORMATS = ["markdown", "json"];

export class ConversationMenuController {
  #element;
  #app;
  #conversationId = "";

  /** @param {HTMLElement} element @param {App} app */
  constructor(element, app) {
    this.#element = element;
    this.#app = app;
  }

  // Lifecycle

  connect() {
    new MenuButton(part(this.#element, "opener"), part(this.#element, "menu"));
    const dialog = /** @type {HTMLDialogElement} */ (document.getElementById("share-dialog"));
    const sharing = new ShareDialog(dialog, this.#app.api);
    part(this.#element, "share").addEventListener("click", () =>
      sharing.open(this.#conversationId),
    );
    this.#app.hear("described", (conversation) => this.#described(conversation));
  }

  // Internal

  /** @param {{ conversationId: string, exists: boolean, isTemporary: boolean }} conversation */
  #described({ conversationId, exists, isTemporary }) {
    this.#conversationId = conversationId;
    this.#element.hidden = !exists;
    part(this.#element, "share").hidden = isTemporary;
    const path = `/api/conversations/${encodeURIComponent(conversationId)}/export`;
    for (const format of FORMATS) {
      part(this.#element, format, HTMLAnchorElement).href = `${path}?format=${format}`;
    }
  }
}
