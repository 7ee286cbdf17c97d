// @ts-check
/** Somebody who writes or is written to: the address always stands there, whatever they call themselves. */

import { element } from "../lib/dom.js";
import { plainText } from "./plain-text.js";

/** @import { MailAddress } from "../types/mail.js" */

/** @param {MailAddress} address @param {Parameters<typeof plainText>[1]} [marks] */
export function addressView({ name, spec }, marks) {
  return element(
    "span",
    { class: "mail-address" },
    name && element("bdi", { class: "mail-name" }, ...plainText(name, marks)),
    name && " ",
    element("bdi", { class: "mail-spec" }, ...plainText(spec, marks)),
  );
}

/** The shortest that says who it is. @param {MailAddress | null} address */
export function whoWords(address) {
  return address ? address.name || address.spec : "Unknown sender";
}
