// @ts-check
/** A mail in the list: who, when, about what. */

import { element, icon } from "../lib/dom.js";
import { shortDate } from "../lib/mail-words.js";
import { whoWords } from "./mail-address.js";
import { plainText } from "./plain-text.js";

/** @import { MailEntry } from "../types/mail.js" */

/**
 * @param {MailEntry} mail
 * @param {{ href: string, isOutgoing: boolean, isOpen: boolean, now: Date }} view
 */
export function mailRow(mail, { href, isOutgoing, isOpen, now }) {
  const isUnread = !mail.flags.includes("seen");
  const who = isOutgoing
    ? `To: ${mail.to.map(whoWords).join(", ") || "nobody yet"}`
    : whoWords(mail.sender);
  const at = mail.date ?? mail.received;
  const link = element(
    "a",
    { href, class: "mail-row", "aria-current": isOpen && "true", "data-unread": isUnread },
    element(
      "span",
      { class: "mail-row-head" },
      isUnread && element("span", { class: "visually-hidden" }, "Unread: "),
      element("bdi", { class: "mail-row-who" }, ...plainText(who)),
      mail.has_attachments && icon("clip"),
      mail.has_attachments && element("span", { class: "visually-hidden" }, "with attachments"),
      element("time", { datetime: at }, shortDate(at, now)),
    ),
    element("bdi", { class: "mail-row-subject" }, ...plainText(mail.subject || "No subject")),
    element("bdi", { class: "mail-row-snippet" }, ...plainText(mail.snippet)),
  );
  return element("li", {}, link);
}
