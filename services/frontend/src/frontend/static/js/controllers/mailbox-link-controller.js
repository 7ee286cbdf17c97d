// @ts-check
/** The link to the mailbox page: there only where the person has a mailbox on this machine. */

/** @import { App } from "../models/app.js" */

export class MailboxLinkController {
  #element;
  #app;

  /** @param {HTMLElement} element @param {App} app */
  constructor(element, app) {
    this.#element = element;
    this.#app = app;
  }

  async connect() {
    try {
      const { accounts } = await this.#app.mailboxes();
      this.#element.hidden = accounts.length === 0;
    } catch {
      // Without an answer there is no link; the page itself says why, to whoever opens it.
    }
  }
}
