// @ts-check
/** A link to a page that not everybody has: it is there once it is known to lead somewhere. */

/** @import { App } from "../models/app.js" */

class OptionalLinkController {
  #element;

  /** @param {HTMLElement} element @param {App} app */
  constructor(element, app) {
    this.#element = element;
    this.app = app;
  }

  async connect() {
    try {
      this.#element.hidden = !(await this.leadsSomewhere());
    } catch {
      // Without an answer there is no link; the page itself says why, to whoever opens it.
    }
  }

  /** @returns {Promise<boolean>} */
  leadsSomewhere() {
    throw new Error("every kind of link says it");
  }
}

/** There is a mailbox of the person's on this machine. */
export class MailboxLinkController extends OptionalLinkController {
  /** @override */
  async leadsSomewhere() {
    return (await this.app.mailboxes()).accounts.length > 0;
  }
}

/** There is a knowledge base. */
export class KnowledgeLinkController extends OptionalLinkController {
  /** @override */
  async leadsSomewhere() {
    return (await this.app.knowledge()).available;
  }
}
