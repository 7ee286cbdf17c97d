// @ts-check
/** The page of a mailbox on this machine: folders, a list to search, and a mail to read. The address says which. */

import { element, icon, part, setText } from "../lib/dom.js";
import { folderWords, isOutgoing } from "../lib/mail-words.js";
import { hashOf, placeOf } from "../lib/mailbox-address.js";
import { MailReader } from "../views/mail-reader.js";
import { mailRow } from "../views/mail-row.js";

/** @import { App } from "../models/app.js" */
/** @import { MailEntry, MailFolder, MailboxAccount } from "../types/mail.js" */
/** @import { MailboxPlace } from "../lib/mailbox-address.js" */

const TYPING_PAUSE_MS = 400;

export class MailboxController {
  #element;
  #app;
  /** @type {MailboxAccount[]} */
  #accounts = [];
  /** @type {MailFolder[]} */
  #folders = [];
  /** @type {MailEntry[]} */
  #mails = [];
  /** @type {string | null} */
  #cursor = null;
  /** What is shown; the address may have gone on already. @type {MailboxPlace} */
  #shown = { account: "", folder: "", mail: "" };
  /** Counts what was asked for, so that late answers are not shown. */
  #listAsked = 0;
  #mailAsked = 0;
  #typing = 0;

  /** @param {HTMLElement} element @param {App} app */
  constructor(element, app) {
    this.#element = element;
    this.#app = app;
  }

  // Lifecycle

  async connect() {
    const note = this.#part("note");
    try {
      const { accounts } = await this.#app.mailboxes();
      this.#accounts = accounts;
    } catch (error) {
      return setText(note, `The mailbox cannot be shown. ${wordsOf(error)}`);
    }
    if (this.#accounts.length === 0) {
      return setText(
        note,
        "You have no mailbox on this machine. A mail account of a real server is read where its mail lives.",
      );
    }
    setText(note, "");
    this.#part("box").hidden = false;
    this.#bind();
    await this.#follow();
  }

  // Actions

  /** Show what the address says. */
  async #follow() {
    const { account, folder, mail } = placeOf(location.hash);
    const chosen = this.#accounts.find(({ name }) => name === account) ?? this.#accounts[0];
    if (chosen.name !== this.#shown.account) {
      this.#shown = { account: chosen.name, folder: "", mail: "" };
      this.#drawAccounts();
      await this.#loadFolders();
    }
    const wanted = this.#folders.find(({ name }) => name === folder) ?? this.#folders[0];
    if (wanted && wanted.name !== this.#shown.folder) {
      this.#shown.folder = wanted.name;
      this.#drawFolders();
      await this.#loadMails();
    }
    if (mail !== this.#shown.mail) await this.#open(mail);
  }

  async #refresh() {
    await Promise.all([this.#loadFolders(), this.#loadMails()]);
  }

  async #loadFolders() {
    const { account } = this.#shown;
    try {
      const { folders } = await this.#app.api.mailFolders(account);
      if (account !== this.#shown.account) return;
      this.#folders = folders;
      this.#drawFolders();
    } catch (error) {
      setText(this.#part("list-note"), `The folders cannot be shown. ${wordsOf(error)}`);
    }
  }

  /** @param {{ more?: boolean }} [options] `more`: the page after what is shown */
  async #loadMails({ more = false } = {}) {
    this.#listAsked += 1;
    const mine = this.#listAsked;
    const note = this.#part("list-note");
    const list = this.#part("mails");
    if (!this.#shown.folder) return;
    list.setAttribute("aria-busy", "true");
    try {
      const answer = await this.#app.api.mails({
        account: this.#shown.account,
        folder: this.#shown.folder,
        text: this.#words,
        unread: part(this.#element, "unread", HTMLInputElement).checked,
        cursor: more ? this.#cursor : null,
      });
      if (mine !== this.#listAsked) return;
      this.#mails = more ? [...this.#mails, ...answer.mails] : answer.mails;
      this.#cursor = answer.next_cursor;
      setText(note, this.#mails.length ? "" : this.#emptyWords());
    } catch (error) {
      if (mine !== this.#listAsked) return;
      if (!more) this.#mails = [];
      setText(note, `The mails cannot be shown. ${wordsOf(error)}`);
    }
    list.removeAttribute("aria-busy");
    this.#drawMails();
  }

  /** @param {string} mailId empty: close what is open */
  async #open(mailId) {
    this.#mailAsked += 1;
    const mine = this.#mailAsked;
    const before = this.#shown.mail;
    const { account } = this.#shown;
    this.#shown.mail = mailId;
    this.#drawMails();
    const box = this.#part("mail");
    this.#part("box").dataset.view = mailId ? "mail" : "list";
    if (!mailId) {
      box.replaceChildren(hint("Choose a mail to read it."));
      this.#focusRow(before);
      return;
    }
    box.replaceChildren(hint("Opening the mail…"));
    try {
      const read = (/** @type {number} */ offset) => this.#app.api.mail(account, mailId, offset);
      const mail = await read(0);
      if (mine !== this.#mailAsked) return;
      const reader = new MailReader(mail, { readOn: read });
      box.replaceChildren(reader.element);
      reader.heading.focus();
    } catch (error) {
      if (mine !== this.#mailAsked) return;
      const words = element("p", { class: "note warning", tabindex: "-1" }, icon("alert"));
      words.append(element("span", {}, `The mail cannot be shown. ${wordsOf(error)}`));
      box.replaceChildren(words);
      words.focus();
    }
  }

  // Internal

  get #words() {
    return part(this.#element, "search", HTMLInputElement).value.trim();
  }

  get #folder() {
    return this.#folders.find(({ name }) => name === this.#shown.folder);
  }

  #bind() {
    window.addEventListener("hashchange", () => this.#follow());
    this.#part("search-form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#searchNow();
    });
    this.#part("search").addEventListener("input", () => {
      window.clearTimeout(this.#typing);
      this.#typing = window.setTimeout(() => this.#searchNow(), TYPING_PAUSE_MS);
    });
    this.#part("unread").addEventListener("change", () => this.#searchNow());
    this.#part("refresh").addEventListener("click", () => this.#refresh());
    this.#part("more").addEventListener("click", () => this.#loadMails({ more: true }));
    this.#part("account").addEventListener("change", (event) => {
      const { value } = /** @type {HTMLSelectElement} */ (event.target);
      location.hash = hashOf({ account: value, folder: "", mail: "" });
    });
    this.#part("back").addEventListener("click", () => {
      location.hash = hashOf({ ...this.#shown, mail: "" });
    });
  }

  #searchNow() {
    window.clearTimeout(this.#typing);
    this.#loadMails();
  }

  #drawAccounts() {
    const select = part(this.#element, "account", HTMLSelectElement);
    this.#part("account-field").hidden = this.#accounts.length < 2;
    select.replaceChildren(
      ...this.#accounts.map(({ name, address }) =>
        element("option", { value: name, selected: name === this.#shown.account }, address),
      ),
    );
    const chosen = this.#accounts.find(({ name }) => name === this.#shown.account);
    setText(this.#part("address"), chosen?.address ?? "");
  }

  #drawFolders() {
    this.#part("folders").replaceChildren(
      ...this.#folders.map((folder) => this.#folderItem(folder)),
    );
    const name = this.#folder ? folderWords(this.#folder).words : "";
    setText(this.#part("folder-title"), name);
    part(this.#element, "search", HTMLInputElement).placeholder = `Search in ${name || "mail"}`;
  }

  /** @param {MailFolder} folder */
  #folderItem(folder) {
    const { words, icon: drawn } = folderWords(folder);
    const { account } = this.#shown;
    const link = element(
      "a",
      {
        class: "mailbox-folder",
        href: hashOf({ account, folder: folder.name, mail: "" }),
        "aria-current": folder.name === this.#shown.folder && "true",
      },
      icon(drawn),
      element("bdi", {}, words),
      folder.unread
        ? element(
            "span",
            { class: "mailbox-unread" },
            String(folder.unread),
            element("span", { class: "visually-hidden" }, " unread"),
          )
        : null,
    );
    return element("li", {}, link);
  }

  #drawMails() {
    const now = new Date();
    const { account, folder, mail: open } = this.#shown;
    const view = { isOutgoing: isOutgoing(this.#folder?.role ?? null), now };
    const rows = this.#mails.map((mail) =>
      mailRow(mail, {
        ...view,
        href: hashOf({ account, folder, mail: mail.id }),
        isOpen: mail.id === open,
      }),
    );
    this.#part("mails").replaceChildren(...rows);
    this.#part("more").hidden = this.#cursor === null || this.#mails.length === 0;
  }

  #emptyWords() {
    const isUnread = part(this.#element, "unread", HTMLInputElement).checked;
    if (this.#words) return `No mail here holds “${this.#words}”.`;
    if (isUnread) return "Nothing unread here.";
    if (this.#folder?.role === "sent")
      return "Nothing was sent yet. What Steward sends shows up here.";
    return "No mail here.";
  }

  /** Back to where the person was. @param {string} mailId */
  #focusRow(mailId) {
    const at = this.#mails.findIndex(({ id }) => id === mailId);
    const rows = [...this.#part("mails").querySelectorAll("a")];
    rows[at]?.focus();
  }

  /** @param {string} name */
  #part(name) {
    return part(this.#element, name);
  }
}

/** @param {string} words */
function hint(words) {
  return element("p", { class: "hint mailbox-hint" }, words);
}

/** @param {unknown} error */
function wordsOf(error) {
  return error instanceof Error ? error.message : String(error);
}
