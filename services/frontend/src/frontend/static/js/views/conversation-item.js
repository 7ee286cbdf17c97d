// @ts-check
/** One conversation in the side list, with its title to click or to write anew. */

import { addressOf } from "../lib/address.js";
import { element, fromTemplate, part, setText } from "../lib/dom.js";

/** @import { Conversation } from "../types/wire.js" */

const LONGEST_TITLE = 120;

/**
 * @typedef {object} ItemActions
 * @property {(conversationId: string) => void} onOpen
 * @property {(conversationId: string, title: string) => void} onRename
 * @property {(conversation: Conversation) => void} onRemove
 */

export class ConversationItem {
  #actions;
  #conversation;
  #link;

  /** @param {Conversation} conversation @param {ItemActions} actions */
  constructor(conversation, actions) {
    this.#actions = actions;
    this.#conversation = conversation;
    this.element = fromTemplate("conversation-template");
    this.#link = part(this.element, "link", HTMLAnchorElement);
    this.#link.href = addressOf(conversation.conversation_id);
    this.#bind();
    this.update(conversation);
  }

  get link() {
    return this.#link;
  }

  /** @param {Conversation} conversation */
  update(conversation) {
    this.#conversation = conversation;
    setText(part(this.element, "title"), conversation.title);
    this.#link.title = conversation.title;
    part(this.element, "rename").setAttribute("aria-label", `Rename “${conversation.title}”`);
    part(this.element, "remove").setAttribute("aria-label", `Delete “${conversation.title}”`);
  }

  /** @param {boolean} isCurrent */
  mark(isCurrent) {
    if (isCurrent) this.#link.setAttribute("aria-current", "page");
    else this.#link.removeAttribute("aria-current");
  }

  // Internal

  #bind() {
    this.#link.addEventListener("click", (event) => {
      // With a modifier the browser opens it in another tab or window.
      if (event.metaKey || event.ctrlKey || event.shiftKey || event.button !== 0) return;
      event.preventDefault();
      this.#actions.onOpen(this.#conversation.conversation_id);
    });
    this.#link.addEventListener("keydown", (event) => {
      if (event.key === "F2") this.#rename();
      if (event.key === "Delete") this.#actions.onRemove(this.#conversation);
    });
    part(this.element, "rename").addEventListener("click", () => this.#rename());
    part(this.element, "remove").addEventListener("click", () =>
      this.#actions.onRemove(this.#conversation),
    );
  }

  #rename() {
    const input = element("input", {
      class: "rename",
      "aria-label": "New title",
      maxlength: LONGEST_TITLE,
      value: this.#conversation.title,
    });
    let isDone = false;
    const finish = (/** @type {boolean} */ keep) => {
      if (isDone) return;
      isDone = true;
      const title = input.value.trim();
      const hadFocus = document.activeElement === input;
      input.replaceWith(this.#link);
      this.element.removeAttribute("data-renaming");
      if (hadFocus) this.#link.focus();
      if (keep && title && title !== this.#conversation.title) {
        this.#actions.onRename(this.#conversation.conversation_id, title);
      }
    };
    input.addEventListener("keydown", (event) => {
      if (event.key === "Enter") finish(true);
      if (event.key !== "Escape") return;
      event.preventDefault(); // or the drawer closes as well
      finish(false);
    });
    input.addEventListener("blur", () => finish(true));
    this.#link.replaceWith(input);
    this.element.setAttribute("data-renaming", "");
    input.select();
    input.focus();
  }
}
