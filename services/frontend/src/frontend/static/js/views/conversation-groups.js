// @ts-check
/** The side list's items under their days. Items that stay where they are keep focus and state. */

import { element } from "../lib/dom.js";
import { dayGroup } from "../lib/time-words.js";
import { ConversationItem } from "./conversation-item.js";

/** @import { Conversation } from "../types/wire.js" */
/** @import { ItemActions } from "./conversation-item.js" */

const GROUPS = ["Today", "Yesterday", "Earlier"];

export class ConversationGroups {
  #actions;
  /** @type {Map<string, ConversationItem>} */
  #items = new Map();
  /** @type {Map<string, { section: HTMLElement, list: HTMLElement }>} */
  #groups = new Map();

  /** @param {HTMLElement} container @param {ItemActions} actions */
  constructor(container, actions) {
    this.#actions = actions;
    for (const name of GROUPS) {
      const id = `conversations-${name.toLowerCase()}`;
      const list = element("ul", { "aria-labelledby": id });
      const section = element("section", { hidden: true }, element("h2", { id }, name), list);
      this.#groups.set(name, { section, list });
      container.append(section);
    }
  }

  /** In the order shown. */
  get links() {
    return [...this.#groups.values()].flatMap(({ list }) => [...list.querySelectorAll("a")]);
  }

  /** @param {Conversation[]} conversations newest first @param {{ currentId: string, now: Date }} view */
  show(conversations, { currentId, now }) {
    const focused = document.activeElement;
    this.#dropAllBut(new Set(conversations.map(({ conversation_id }) => conversation_id)));
    /** @type {Map<string, number>} */
    const counts = new Map();
    for (const conversation of conversations) {
      const group = dayGroup(new Date(conversation.updated_at), now);
      const at = counts.get(group) ?? 0;
      counts.set(group, at + 1);
      this.#place(this.#itemOf(conversation, currentId), group, at);
    }
    for (const [name, { section }] of this.#groups) section.hidden = !counts.has(name);
    if (focused instanceof HTMLElement && focused !== document.activeElement) focused.focus();
  }

  // Internal

  /** @param {Set<string>} ids */
  #dropAllBut(ids) {
    for (const [conversationId, item] of this.#items) {
      if (ids.has(conversationId)) continue;
      item.element.remove();
      this.#items.delete(conversationId);
    }
  }

  /** @param {Conversation} conversation @param {string} currentId */
  #itemOf(conversation, currentId) {
    const { conversation_id } = conversation;
    const item =
      this.#items.get(conversation_id) ?? new ConversationItem(conversation, this.#actions);
    this.#items.set(conversation_id, item);
    item.update(conversation);
    item.mark(conversation_id === currentId);
    return item;
  }

  /** @param {ConversationItem} item @param {string} group @param {number} at */
  #place(item, group, at) {
    const { list } = /** @type {{ list: HTMLElement }} */ (this.#groups.get(group));
    if (list.children[at] !== item.element)
      list.insertBefore(item.element, list.children[at] ?? null);
  }
}
