// @ts-check
/** The side list: in step with the server, searched by title and by what was said, opened, renamed and deleted. */

import { pauseMs } from "../lib/backoff.js";
import { part, setText } from "../lib/dom.js";
import { RequestFailed } from "../models/api.js";
import { MessageSearch } from "../models/message-search.js";
import { confirmed } from "../views/confirm-dialog.js";
import { ConversationGroups } from "../views/conversation-groups.js";
import { SearchResults } from "../views/search-results.js";
import { toast } from "../views/toast.js";

/** @import { App } from "../models/app.js" */
/** @import { Conversation } from "../types/wire.js" */

/** More pages than this are not fetched for a search by title. */
const MOST_PAGES = 20;

export class ConversationListController {
  #element;
  #app;
  #groups;
  #search;
  #messages;
  #results;
  /** @type {Map<string, Conversation>} */
  #conversations = new Map();
  #currentId = "";
  /** @type {string | null} */
  #nextBefore = null;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #retry;

  /** @param {HTMLElement} element @param {App} app */
  constructor(element, app) {
    this.#element = element;
    this.#app = app;
    this.#search = part(element, "search", HTMLInputElement);
    this.#groups = new ConversationGroups(part(element, "groups"), {
      onOpen: (conversationId) => app.tell("open", { conversationId }),
      onRename: (conversationId, title) => this.#rename(conversationId, title),
      onRemove: (conversation) => this.#remove(conversation),
    });
    this.#messages = new MessageSearch({
      find: (text) => app.api.search(text),
      onChange: () => this.#draw(),
    });
    this.#results = new SearchResults(part(element, "found"), ({ conversation_id, turn_id }) =>
      app.tell("open", { conversationId: conversation_id, turnId: turn_id }),
    );
  }

  // Lifecycle

  connect() {
    part(this.#element, "new").addEventListener("click", (event) => {
      if (event.metaKey || event.ctrlKey || event.shiftKey) return;
      event.preventDefault();
      this.#app.tell("open", { conversationId: null });
    });
    part(this.#element, "more").addEventListener("click", () => this.#loadMore());
    this.#search.addEventListener("input", () => this.#searched());
    this.#element.addEventListener("keydown", (event) => this.#keyPressed(event));
    document.addEventListener("keydown", (event) => this.#shortcutPressed(event));
    if (/Mac|iP(hone|ad)/.test(navigator.platform)) setText(part(this.#element, "shortcut"), "⌘ K");
    this.#app.hear("opened", ({ conversationId }) => this.#opened(conversationId));
    // Also the first time: the list is read again with each connection, since changes may have been missed.
    this.#app.connection?.addEventListener("open", () => this.#load());
    this.#app.connection?.addEventListener("conversation", (event) =>
      this.#changed(/** @type {CustomEvent} */ (event).detail),
    );
    this.#load();
  }

  // Actions

  /** @param {number} tries how many have failed */
  async #load(tries = 0) {
    clearTimeout(this.#retry);
    try {
      const { conversations, next_before } = await this.#app.api.conversations(null);
      this.#conversations.clear();
      this.#take(conversations, next_before);
    } catch (error) {
      if (this.#conversations.size === 0)
        this.#note(`The list cannot be shown. ${messageOf(error)}`);
      if (error instanceof RequestFailed && error.retryable)
        this.#retry = setTimeout(() => this.#load(tries + 1), pauseMs(tries));
    }
  }

  async #loadMore() {
    try {
      const { conversations, next_before } = await this.#app.api.conversations(this.#nextBefore);
      this.#take(conversations, next_before);
    } catch (error) {
      toast(`Older conversations cannot be shown. ${messageOf(error)}`);
    }
  }

  async #searched() {
    this.#messages.look(this.#search.value);
    this.#draw();
    for (let page = 0; page < MOST_PAGES && this.#nextBefore && this.#search.value; page += 1) {
      await this.#loadMore();
    }
  }

  /** @param {string} conversationId @param {string} title */
  async #rename(conversationId, title) {
    try {
      this.#changed(await this.#app.api.rename(conversationId, title));
    } catch (error) {
      toast(`Not renamed. ${messageOf(error)}`);
    }
  }

  /** @param {Conversation} conversation */
  async #remove({ conversation_id, title }) {
    const text = `“${title}” and everything in it will be gone for good.`;
    if (!(await confirmed({ title: "Delete this conversation?", text, yes: "Delete" }))) return;
    try {
      await this.#app.api.remove(conversation_id);
    } catch (error) {
      toast(`Not deleted. ${messageOf(error)}`);
      return;
    }
    this.#changed({ conversation_id, deleted: true });
    if (conversation_id === this.#currentId) this.#app.tell("open", { conversationId: null });
    else this.#search.focus();
  }

  /** @param {KeyboardEvent} event */
  #shortcutPressed(event) {
    if (!(event.ctrlKey || event.metaKey) || event.altKey) return;
    const key = event.key.toLowerCase();
    if (key === "k" && !event.shiftKey) {
      event.preventDefault();
      this.#app.tell("find", {});
      this.#search.select();
      this.#search.focus();
    }
    if (key === "o" && event.shiftKey) {
      event.preventDefault();
      this.#app.tell("open", { conversationId: null });
    }
  }

  /** @param {KeyboardEvent} event */
  #keyPressed(event) {
    if (event.key === "Escape" && event.target === this.#search && this.#search.value) {
      event.preventDefault();
      this.#search.value = "";
      this.#searched();
    }
    const links = [...this.#groups.links, ...this.#results.links];
    if (event.key === "Enter" && event.target === this.#search && this.#search.value) {
      event.preventDefault();
      this.#search.blur(); // the search is over; what is opened may have the keyboard
      links[0]?.click();
    }
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    const at = links.indexOf(/** @type {HTMLAnchorElement} */ (event.target));
    if (!step || (at === -1 && event.target !== this.#search) || at + step < -1) return;
    event.preventDefault();
    (at + step === -1 ? this.#search : links[at + step])?.focus();
  }

  // Internal

  /** @param {string} conversationId */
  #opened(conversationId) {
    this.#currentId = conversationId;
    this.#draw();
  }

  /** @param {(Conversation | { conversation_id: string }) & { deleted?: boolean }} change */
  #changed(change) {
    if (change.deleted) this.#conversations.delete(change.conversation_id);
    else if (!("temporary" in change && change.temporary))
      this.#conversations.set(change.conversation_id, /** @type {Conversation} */ (change));
    this.#draw();
  }

  /** @param {Conversation[]} conversations @param {string | null} nextBefore */
  #take(conversations, nextBefore) {
    for (const conversation of conversations)
      this.#conversations.set(conversation.conversation_id, conversation);
    this.#nextBefore = nextBefore;
    this.#draw();
  }

  #draw() {
    const sought = this.#search.value.trim().toLowerCase();
    const shown = [...this.#conversations.values()]
      .filter(({ title }) => title.toLowerCase().includes(sought))
      .sort((one, other) => Date.parse(other.updated_at) - Date.parse(one.updated_at));
    this.#groups.show(shown, { currentId: this.#currentId, now: new Date() });
    this.#results.show(this.#messages.hits);
    part(this.#element, "more").hidden = !this.#nextBefore || sought !== "";
    this.#note(this.#noteFor(sought, shown.length));
  }

  /** @param {string} sought @param {number} shown how many titles have it */
  #noteFor(sought, shown) {
    const { state, hits, problem } = this.#messages;
    if (state === "idle") return shown ? "" : "Your conversations will be listed here.";
    if (state === "short") return "One character more searches what was said as well.";
    if (state === "searching") return "Searching what was said…";
    if (state === "failed") return `What was said could not be searched. ${problem}`;
    if (hits.length) return "";
    return shown ? "Not found in what was said." : `Nothing found for “${sought}”.`;
  }

  /** @param {string} text */
  #note(text) {
    setText(part(this.#element, "note"), text);
  }
}

/** @param {unknown} error */
function messageOf(error) {
  return error instanceof Error ? error.message : String(error);
}
