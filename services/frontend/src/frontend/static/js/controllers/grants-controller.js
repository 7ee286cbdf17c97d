// @ts-check
/** The page of standing approvals: what holds, what it covers, and the way to take it back. */

import { announce } from "../lib/announce.js";
import { part, setText } from "../lib/dom.js";
import { confirmed } from "../views/confirm-dialog.js";
import { grantView } from "../views/grant-view.js";

/** @import { App } from "../models/app.js" */
/** @import { Grant } from "../types/wire.js" */

export class GrantsController {
  #element;
  #app;

  /** @param {HTMLElement} element @param {App} app */
  constructor(element, app) {
    this.#element = element;
    this.#app = app;
  }

  async connect() {
    const note = part(this.#element, "note");
    try {
      const { grants } = await this.#app.api.grants();
      setText(
        note,
        grants.length
          ? ""
          : "There is none. When Steward asks for your yes, you can give it for longer there.",
      );
      part(this.#element, "grants").append(
        ...grants.map((grant) => grantView(grant, { onWithdraw: (it) => this.#withdraw(it) })),
      );
    } catch (error) {
      const reason = error instanceof Error ? error.message : error;
      setText(note, `The standing approvals cannot be shown. ${reason}`);
    }
  }

  // Internal

  /** @param {Grant} grant @returns {Promise<boolean>} whether the person meant it */
  async #withdraw({ grant_id, title, tool }) {
    const isMeant = await confirmed({
      title: "Withdraw this standing approval?",
      text: `From now on Steward asks you again before each “${title || tool}”. What was done stays done.`,
      yes: "Withdraw",
    });
    if (!isMeant) return false;
    await this.#app.api.withdrawGrant(grant_id);
    announce("Withdrawn. Steward asks you again from now on.");
    return true;
  }
}
