// @ts-check
/** A mail to read: as text, with its links as data and the names of its files. Nothing of it is loaded or followed. */

import { element, icon } from "../lib/dom.js";
import { longDate, signWords } from "../lib/mail-words.js";
import { sizeWords } from "../lib/size-words.js";
import { copyButton } from "./copy-button.js";
import { addressView } from "./mail-address.js";
import { plainText } from "./plain-text.js";

/** @import { MailAddress, MailFile, MailLink, MailRead } from "../types/mail.js" */

export class MailReader {
  #text = element("div", { class: "mail-text" });
  #more;
  #problem = element("p", { class: "call-error", role: "status" });
  #readOn;
  /** @type {number | null} */
  #nextOffset;

  /**
   * @param {MailRead} mail
   * @param {{ readOn: (offset: number) => Promise<MailRead> }} port rejects with a sentence for the person
   */
  constructor(mail, { readOn }) {
    this.#readOn = readOn;
    this.#nextOffset = mail.next_offset;
    this.heading = element(
      "h2",
      { tabindex: "-1" },
      element("bdi", {}, ...plainText(mail.subject || "No subject")),
    );
    this.#more = element("button", { class: "button small", type: "button" }, "Read on");
    this.#more.addEventListener("click", () => this.#append());
    this.element = element(
      "article",
      { class: "mail-reader" },
      this.heading,
      head(mail),
      ...signs(mail.warnings),
      this.#text,
      this.#more,
      this.#problem,
      ...files(mail.attachments),
      ...links(mail.links),
    );
    this.#show(mail);
  }

  // Actions

  async #append() {
    this.#more.disabled = true;
    this.#problem.textContent = "";
    try {
      this.#show(await this.#readOn(this.#nextOffset ?? 0));
    } catch (error) {
      this.#problem.textContent = error instanceof Error ? error.message : String(error);
    }
    this.#more.disabled = false;
  }

  // Internal

  /** @param {MailRead} mail its text goes on where what is shown ends */
  #show({ text, next_offset }) {
    const isEmpty = text.trim() === "" && !this.#text.hasChildNodes();
    this.#text.append(
      ...(isEmpty
        ? [element("span", { class: "hint" }, "This mail has no text.")]
        : plainText(text)),
    );
    this.#nextOffset = next_offset;
    this.#more.hidden = next_offset === null;
  }
}

/** @param {MailRead} mail */
function head({ sender, to, cc, reply_to, date, received }) {
  const at = date ?? received;
  return element(
    "dl",
    { class: "letter-head" },
    ...row("From", sender ? [sender] : []),
    ...row("To", to),
    ...row("Cc", cc),
    ...row("Reply-To", reply_to),
    element("dt", {}, "Date"),
    element("dd", {}, element("time", { datetime: at }, longDate(at))),
  );
}

/** @param {string} name @param {MailAddress[]} addresses */
function row(name, addresses) {
  if (addresses.length === 0) return [];
  return [
    element("dt", {}, name),
    element("dd", {}, ...addresses.map((address) => addressView(address))),
  ];
}

/** @param {string[]} warnings */
function signs(warnings) {
  if (warnings.length === 0) return [];
  const items = warnings.map((sign) =>
    element("li", {}, icon("alert"), element("span", {}, ...plainText(signWords(sign)))),
  );
  return [
    element(
      "div",
      { class: "letter-warnings", role: "note" },
      element("p", {}, "Read this mail with care"),
      element("ul", {}, ...items),
    ),
  ];
}

/** @param {MailFile[]} attachments */
function files(attachments) {
  if (attachments.length === 0) return [];
  const items = attachments.map(({ name, size, media_type }) =>
    element(
      "li",
      {},
      icon("clip"),
      element("bdi", { class: "letter-file" }, ...plainText(name || "Without a name")),
      element("span", { class: "hint" }, `${sizeWords(size)} · `, ...plainText(media_type)),
    ),
  );
  return [section("Attachments", element("ul", { class: "letter-files mail-files" }, ...items))];
}

/** @param {MailLink[]} found */
function links(found) {
  if (found.length === 0) return [];
  const items = found.map(({ text, url, host_mismatch }) =>
    element(
      "li",
      {},
      text && text !== url && element("bdi", { class: "mail-link-text" }, ...plainText(text)),
      host_mismatch &&
        element(
          "span",
          { class: "mail-link-warning" },
          icon("alert"),
          "It leads to another address than it says.",
        ),
      element("code", { class: "mail-link-url" }, ...plainText(url)),
      copyButton(() => url, "Copy the address of the link"),
    ),
  );
  return [
    section(
      "Links in this mail",
      element(
        "p",
        { class: "hint" },
        "Shown as text: nothing was loaded, and none can be clicked.",
      ),
      element("ul", { class: "mail-links" }, ...items),
    ),
  ];
}

/** @param {string} title @param {...Node} content */
function section(title, ...content) {
  return element("section", { class: "mail-section" }, element("h3", {}, title), ...content);
}
