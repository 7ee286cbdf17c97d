// @ts-check
/** Makes, brings up to date and withdraws the read-only link to a conversation. */

import { element, part, setText } from "../lib/dom.js";
import { RequestFailed } from "../models/api.js";
import { copyButton } from "./copy-button.js";

/** @import { Api } from "../models/api.js" */
/** @import { Share } from "../types/conversations.js" */

export class ShareDialog {
  #dialog;
  #api;
  #conversationId = "";
  #link;

  /** @param {HTMLDialogElement} dialog @param {Pick<Api, "share" | "makeShare" | "withdrawShare">} api */
  constructor(dialog, api) {
    this.#dialog = dialog;
    this.#api = api;
    this.#link = part(dialog, "link", HTMLInputElement);
    this.#link.after(copyButton(() => this.#link.value, "Copy the link"));
    this.#link.addEventListener("focus", () => this.#link.select());
    this.#on("make", () => this.#make("The link is made."));
    this.#on("update", () => this.#make("The link shows everything up to now."));
    this.#on("withdraw", () => this.#withdraw());
    this.#on("close", async () => dialog.close());
  }

  /** @param {string} conversationId */
  async open(conversationId) {
    this.#conversationId = conversationId;
    this.#show(null);
    this.#say("Looking whether it is shared…");
    this.#dialog.showModal();
    await this.#trying(async () => {
      this.#show(await this.#current(conversationId));
      this.#say("");
    });
  }

  // Actions

  /** @param {string} words said when it is done */
  async #make(words) {
    const share = await this.#api.makeShare(this.#conversationId);
    this.#show(share);
    this.#say(words);
    this.#link.focus();
  }

  async #withdraw() {
    await this.#api.withdrawShare(this.#conversationId);
    this.#show(null);
    this.#say("The link no longer works.");
    part(this.#dialog, "make").focus();
  }

  // Internal

  /** @param {string} conversationId */
  async #current(conversationId) {
    try {
      return await this.#api.share(conversationId);
    } catch (error) {
      if (error instanceof RequestFailed && error.code === "not_found") return null;
      throw error;
    }
  }

  /** @param {string} name @param {() => Promise<void>} act */
  #on(name, act) {
    part(this.#dialog, name).addEventListener("click", () => this.#trying(act));
  }

  /** @param {() => Promise<void>} act */
  async #trying(act) {
    try {
      await act();
    } catch (error) {
      this.#say(`That did not work. ${error instanceof Error ? error.message : error}`);
    }
  }

  /** @param {Share | null} share null: there is no link */
  #show(share) {
    part(this.#dialog, "shared").hidden = share === null;
    part(this.#dialog, "make").hidden = share !== null;
    part(this.#dialog, "update").hidden = share === null;
    part(this.#dialog, "withdraw").hidden = share === null;
    if (!share) return;
    this.#link.value = `${location.origin}/shared/${encodeURIComponent(share.token)}`;
    const questions = share.turns === 1 ? "1 question" : `${share.turns} questions`;
    const until = element("time", { datetime: share.created_at }, moment(share.created_at));
    part(this.#dialog, "until").replaceChildren(
      "Shows what was said until ",
      until,
      ` (${questions}).`,
    );
  }

  /** @param {string} words */
  #say(words) {
    setText(part(this.#dialog, "state"), words);
  }
}

/** @param {string} at */
function moment(at) {
  const format = new Intl.DateTimeFormat(undefined, { dateStyle: "long", timeStyle: "short" });
  return format.format(new Date(at));
}
