// @ts-check
/** Who may see something: everybody, certain roles, or only the person who says so. */

import { element } from "../lib/dom.js";
import { audienceOf, EVERYBODY, roleWords } from "../lib/knowledge-words.js";

/** @import { Audience } from "../lib/knowledge-words.js" */

/** Those that every organisation has. */
const ROLES = ["owner", "admin", "editor", "member"];

/** @typedef {{ key: string, roles: readonly string[] }} Me `key`: the person's own */

export class AccessChoice {
  #me;
  #everybody;
  /** @type {Map<string, HTMLInputElement>} */
  #roles = new Map();
  /** @type {Map<Audience, HTMLInputElement>} */
  #audiences = new Map();

  /**
   * @param {Me} me
   * @param {object} options
   * @param {readonly string[]} options.access as it is
   * @param {string} options.everybody what the widest choice is called
   * @param {readonly string[]} options.widest what the widest choice stands for
   */
  constructor(me, { access, everybody, widest }) {
    this.#me = me.key;
    this.#everybody = widest;
    const chosen = audienceOf(access, me.key);
    const rolesBox = element("div", { class: "access-roles" });
    const named = access
      .filter((key) => key.startsWith("role:"))
      .map((key) => key.replace("role:", ""));
    for (const role of new Set([...ROLES, ...me.roles, ...named])) {
      const box = element("input", { type: "checkbox", checked: named.includes(role) });
      this.#roles.set(`role:${role}`, box);
      rolesBox.append(
        element("label", { class: "check" }, box, element("span", {}, roleWords(role))),
      );
      box.addEventListener("change", () => {
        if (box.checked) this.#choose("roles");
      });
    }
    this.element = element(
      "fieldset",
      { class: "access" },
      element("legend", {}, "Who may see it"),
      this.#option("everybody", everybody, chosen),
      this.#option("roles", "Certain roles, and you", chosen),
      rolesBox,
      this.#option("me", "Only you", chosen),
    );
  }

  /** The keys that were chosen. Raises an Error with a sentence: no role was chosen. */
  get value() {
    if (this.#audiences.get("everybody")?.checked) return [...this.#everybody];
    if (this.#audiences.get("me")?.checked) return [this.#me];
    const roles = [...this.#roles].filter(([, { checked }]) => checked).map(([key]) => key);
    if (roles.length === 0) throw new Error("Choose at least one role, or “Only you”.");
    return [...roles, this.#me];
  }

  // Internal

  /** @param {Audience} audience @param {string} words @param {Audience} chosen */
  #option(audience, words, chosen) {
    const radio = element("input", {
      type: "radio",
      name: "audience",
      checked: audience === chosen,
    });
    this.#audiences.set(audience, radio);
    return element("label", { class: "check" }, radio, element("span", {}, words));
  }

  /** @param {Audience} audience */
  #choose(audience) {
    const radio = this.#audiences.get(audience);
    if (radio) radio.checked = true;
  }
}

/** Of a collection. @param {Me} me @param {readonly string[]} access */
export function collectionAccess(me, access) {
  return new AccessChoice(me, { access, everybody: "Everybody", widest: [EVERYBODY] });
}

/** Of a document, which is never wider than its collection. @param {Me} me @param {readonly string[]} access */
export function documentAccess(me, access) {
  const everybody = "Everybody who sees the collection";
  return new AccessChoice(me, { access, everybody, widest: [] });
}
