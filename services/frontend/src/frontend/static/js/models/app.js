// @ts-check
/** What the controllers of a page share. */

import { onDevice } from "../lib/storage.js";
import { ApprovalInbox } from "./approval-inbox.js";

/** @import { KnowledgeAbout } from "../types/knowledge.js" */
/** @import { MailboxAccount } from "../types/mail.js" */
/** @import { About } from "../types/wire.js" */
/** @import { Api } from "./api.js" */
/** @import { Connection } from "./connection.js" */

/**
 * What goes on in the open conversation.
 *
 * @typedef {object} Activity
 * @property {boolean} isActive a question is being answered
 * @property {boolean} isWaiting for the person's yes
 * @property {number} queued how many questions wait for that answer's end
 */

/**
 * What controllers tell one another.
 *
 * @typedef {object} AppEvents
 * @property {{ conversationId: string | null, turnId?: string }} open somebody wants this conversation opened, at this turn; null: a new one
 * @property {{ conversationId: string }} opened it is
 * @property {{ conversationId: string, exists: boolean, isTemporary: boolean }} described what the server has of it
 * @property {{ text: string }} ask
 * @property {object} stop
 * @property {object} find the person looks for a conversation
 * @property {{ text: string }} rewrite a question goes back to the composer
 * @property {object} decided the person has answered a question for a yes, whether it counted or not
 * @property {Activity} activity
 */

export class App {
  #events = new EventTarget();
  /** @type {Promise<About> | null} */
  #about = null;
  /** @type {Promise<{ accounts: MailboxAccount[] }> | null} */
  #mailboxes = null;
  /** @type {Promise<KnowledgeAbout> | null} */
  #knowledge = null;

  /**
   * @param {object} parts
   * @param {Api} parts.api
   * @param {Connection | null} parts.connection null on pages that show no conversation
   * @param {string} parts.me the person's name
   */
  constructor({ api, connection, me }) {
    this.api = api;
    this.connection = connection;
    this.me = me;
    this.remembered = onDevice;
    /** Nothing is asked for before somebody listens. */
    this.inbox = new ApprovalInbox({ fetch: () => api.approvals() });
  }

  /** Asked once for all controllers. @returns {Promise<About>} */
  about() {
    this.#about ??= this.api.about();
    return this.#about;
  }

  /** The person's mailboxes on this machine, asked for once. @returns {Promise<{ accounts: MailboxAccount[] }>} */
  mailboxes() {
    this.#mailboxes ??= this.api.mailboxes();
    return this.#mailboxes;
  }

  /** Whether there is a knowledge base for the person, asked for once. @returns {Promise<KnowledgeAbout>} */
  knowledge() {
    this.#knowledge ??= this.api.knowledge.about();
    return this.#knowledge;
  }

  /**
   * @template {keyof AppEvents} Name
   * @param {Name} name
   * @param {AppEvents[Name]} detail
   */
  tell(name, detail) {
    this.#events.dispatchEvent(new CustomEvent(name, { detail }));
  }

  /**
   * @template {keyof AppEvents} Name
   * @param {Name} name
   * @param {(detail: AppEvents[Name]) => void} listener
   */
  hear(name, listener) {
    this.#events.addEventListener(name, (event) =>
      listener(/** @type {CustomEvent} */ (event).detail),
    );
  }
}
