// @ts-check
/** A mail that waits for a yes, as its recipients will get it. Text only: no markup, and no link that could be followed. */

import { element, icon } from "../lib/dom.js";
import { sizeWords } from "../lib/size-words.js";
import { originWords } from "../lib/taint.js";
import { addressView } from "./mail-address.js";
import { plainText } from "./plain-text.js";
import { taintLegend } from "./taint-view.js";

/** @import { MailAddress, MailFile, MailShown } from "../types/mail.js" */
/** @import { UntrustedText } from "../lib/taint.js" */

/** More lines than can be seen at once, so it is said how many there are. */
const LONG_LINES = 18;
const LONG_CHARACTERS = 1500;

/** @param {MailShown} mail @param {readonly UntrustedText[]} [untrusted] fragments that strangers may have written */
export function letterView(mail, untrusted = []) {
  const origins = [...new Set(untrusted.map(({ origin }) => originWords(origin)))];
  const marks = { untrusted, origins };
  const warned = warnedWords(mail.warnings);
  const people = (/** @type {MailAddress[]} */ addresses) =>
    addresses.map((address) => recipient(address, warned, marks));
  const text = element(
    "div",
    { class: "letter-text", tabindex: "0", role: "group", "aria-label": "Text of the mail" },
    ...(mail.body.trim() ? plainText(mail.body, marks) : [nothing("This mail has no text.")]),
  );
  const head = element(
    "dl",
    { class: "letter-head" },
    ...row("From", [addressView(mail.sender, marks)]),
    ...row("To", people(mail.to)),
    ...row("Cc", people(mail.cc)),
    ...row("Bcc", people(mail.bcc), "The others do not see these recipients"),
    ...row("Reply-To", mail.reply_to ? people([mail.reply_to]) : [], "Answers go here"),
    ...row("Subject", [
      element(
        "bdi",
        { class: "letter-subject" },
        ...(mail.subject.trim() ? plainText(mail.subject, marks) : [nothing("No subject")]),
      ),
    ]),
  );
  const letter = element(
    "article",
    // What is told aloud when an edit changes it is the sentence above, not the whole letter again.
    { class: "letter", "aria-label": "The mail", "aria-live": "off" },
    ...warningList(mail.warnings),
    head,
    text,
    ...lengthNote(mail.body),
    mail.html &&
      element(
        "p",
        { class: "letter-note" },
        "It is sent with a formatted version of this text, too.",
      ),
    ...fileList(mail.attachments),
  );
  if (letter.querySelector("mark")) letter.append(markNote(), taintLegend(origins));
  return letter;
}

/** @param {string[]} warnings */
function warningList(warnings) {
  if (warnings.length === 0) return [];
  const items = warnings.map((words) =>
    element("li", {}, icon("alert"), element("span", {}, ...plainText(words))),
  );
  return [
    element(
      "div",
      { class: "letter-warnings", role: "note" },
      element("p", {}, "Look closely before you say yes"),
      element("ul", {}, ...items),
    ),
  ];
}

/** @param {string} name @param {Node[]} values @param {string} [badge] what is special about it */
function row(name, values, badge = "") {
  if (values.length === 0) return [];
  const count = values.length > 3 ? ` (${values.length})` : "";
  return [
    element("dt", { "data-field": name }, `${name}${count}`),
    element(
      "dd",
      { "data-field": name },
      ...values,
      badge && element("span", { class: "badge letter-badge" }, badge),
    ),
  ];
}

/** @param {MailAddress} address @param {Set<string>} warned @param {Parameters<typeof plainText>[1]} marks */
function recipient(address, warned, marks) {
  const view = addressView(address, marks);
  const domain = address.spec.slice(address.spec.lastIndexOf("@") + 1);
  if (!warned.has(address.spec.toLowerCase()) && !warned.has(domain.toLowerCase())) return view;
  view.dataset.warned = "";
  view.prepend(icon("alert"), element("span", { class: "visually-hidden" }, "Look closely: "));
  return view;
}

/** Addresses and domains that warnings name. @param {string[]} warnings */
function warnedWords(warnings) {
  const words = warnings.flatMap((words) => words.toLowerCase().split(/[\s,;:<>()“”"]+/));
  return new Set(words.map((word) => word.replace(/\.$/, "")).filter((word) => word.includes(".")));
}

/** @param {string} body */
function lengthNote(body) {
  const lines = body.trimEnd().split("\n").length;
  if (lines <= LONG_LINES && body.length <= LONG_CHARACTERS) return [];
  const words = `${lines} ${lines === 1 ? "line" : "lines"} in all. Scroll to read to the end.`;
  return [element("p", { class: "letter-note" }, words)];
}

/** @param {MailFile[]} files */
function fileList(files) {
  if (files.length === 0) return [];
  const items = files.map(({ name, media_type, size }) =>
    element(
      "li",
      {},
      icon("clip"),
      element("bdi", { class: "letter-file" }, ...plainText(name)),
      element("span", { class: "hint" }, `${sizeWords(size)} · `, ...plainText(media_type)),
    ),
  );
  return [element("ul", { class: "letter-files", "aria-label": "Attachments" }, ...items)];
}

function markNote() {
  return element(
    "p",
    { class: "taint-head" },
    icon("alert"),
    element("span", {}, "Marked: not written by you, but copied from outside"),
  );
}

/** @param {string} words */
function nothing(words) {
  return element("span", { class: "hint" }, words);
}
