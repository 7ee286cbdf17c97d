// @ts-check
/** Gives a yes for longer: until when, and what each argument may be then. Off unless the person switches it on. */

import { humanized } from "../lib/argument-schema.js";
import { element } from "../lib/dom.js";
import { LIFETIMES, valueWords } from "../lib/grant-words.js";

/** @import { ArgumentPattern, GrantWish, Json, JsonObject } from "../types/wire.js" */

/** @typedef {"exactly" | "begins" | "anything"} Scope */

const LONGEST_BEGINNING = 500;
let made = 0;

export class GrantForm {
  #onChange;
  #tainted;
  #switch = element("input", { type: "checkbox" });
  #lifetime = element(
    "select",
    { "aria-label": "For how long" },
    ...LIFETIMES.map(({ words, seconds }) => element("option", { value: seconds }, words)),
  );
  #details = element("div", { class: "longer-details", hidden: true });
  #list = element("div", { class: "longer-arguments" });
  /** @type {Map<string, ArgumentScope>} */
  #scopes = new Map();

  /**
   * @param {HTMLElement} container
   * @param {{ tainted: ReadonlySet<string>, onChange: () => void }} options `tainted`: arguments with untrusted text
   */
  constructor(container, { tainted, onChange }) {
    this.#tainted = tainted;
    this.#onChange = onChange;
    this.#switch.addEventListener("change", () => this.#switched());
    this.#lifetime.addEventListener("change", onChange);
    container.append(
      element(
        "label",
        { class: "check" },
        this.#switch,
        "Say yes for longer, so that it needn't ask again",
      ),
      this.#details,
    );
    this.#details.append(
      element("label", { class: "longer-lifetime" }, "The yes holds for ", this.#lifetime),
      this.#list,
      element(
        "p",
        { class: "hint" },
        "It holds for this tool only, and until its definition changes. You can withdraw it under ",
        element("a", { href: "/grants", target: "_blank", rel: "noopener" }, "Standing approvals"),
        ".",
      ),
    );
  }

  /** @returns {string} for how long, in words; empty while the yes is for once */
  get lifetimeWords() {
    if (!this.#switch.checked) return "";
    return LIFETIMES.find(({ seconds }) => seconds === this.#seconds)?.words ?? "";
  }

  /** Whether everything that is written can be sent. */
  get isValid() {
    return !this.#switch.checked || [...this.#scopes.values()].every((scope) => scope.isValid);
  }

  /** @returns {GrantWish | null} null: only this once */
  get wish() {
    if (!this.#switch.checked) return null;
    /** @type {GrantWish["vary"]} */
    const vary = {};
    for (const [name, scope] of this.#scopes) {
      const { pattern } = scope;
      if (pattern) vary[name] = pattern;
    }
    return { lifetime_s: this.#seconds, vary };
  }

  /** What would be sent now; arguments that are left out must stay left out. @param {JsonObject} args */
  follow(args) {
    for (const [name, scope] of this.#scopes) {
      if (name in args) continue;
      scope.element.remove();
      this.#scopes.delete(name);
    }
    for (const [name, value] of Object.entries(args)) this.#scopeOf(name).follow(value);
  }

  /** @param {boolean} locked */
  lock(locked) {
    for (const field of [this.#switch, this.#lifetime]) field.disabled = locked;
    for (const scope of this.#scopes.values()) scope.lock(locked);
  }

  // Internal

  get #seconds() {
    return Number(this.#lifetime.value);
  }

  #switched() {
    this.#details.hidden = !this.#switch.checked;
    this.#onChange();
  }

  /** @param {string} name */
  #scopeOf(name) {
    const known = this.#scopes.get(name);
    if (known) return known;
    const scope = new ArgumentScope(name, {
      isTainted: this.#tainted.has(name),
      onChange: this.#onChange,
    });
    this.#scopes.set(name, scope);
    this.#list.append(scope.element);
    return scope;
  }
}

/** What one argument may be under the longer yes. */
class ArgumentScope {
  #onChange;
  /** @type {Json} */
  #value = null;
  #choice = element("select", {});
  #beginning = element("input", {
    type: "text",
    autocomplete: "off",
    maxlength: LONGEST_BEGINNING,
  });
  #problem = element("p", { class: "field-problem" });

  /** @param {string} name @param {{ isTainted: boolean, onChange: () => void }} options */
  constructor(name, { isTainted, onChange }) {
    this.#onChange = onChange;
    const id = `scope-${++made}`;
    this.#choice.id = id;
    this.#problem.id = `${id}-problem`;
    this.#beginning.setAttribute("aria-label", `${humanized(name)} begins with`);
    this.#beginning.setAttribute("aria-describedby", this.#problem.id);
    this.#beginning.hidden = true;
    this.#choice.addEventListener("change", () => this.#chosen());
    this.#beginning.addEventListener("input", () => this.#changed());
    this.element = element(
      "div",
      { class: "longer-argument" },
      element("label", { for: id }, humanized(name)),
      this.#choice,
      this.#beginning,
      this.#problem,
      isTainted &&
        element(
          "p",
          { class: "hint" },
          "Part of it comes from outside: be careful with more than exactly this.",
        ),
    );
  }

  /** @returns {ArgumentPattern | null} null: exactly what is sent now */
  get pattern() {
    if (this.#scope === "anything") return { anything: true };
    return this.#scope === "begins" ? { starts_with: this.#beginning.value } : null;
  }

  get isValid() {
    if (this.#scope !== "begins") return true;
    const { value } = this.#beginning;
    return value !== "" && typeof this.#value === "string" && this.#value.startsWith(value);
  }

  /** @param {Json} value */
  follow(value) {
    if (value === this.#value && this.#choice.options.length) return;
    const scope = this.#scope || "exactly";
    this.#value = value;
    const isText = typeof value === "string" && value !== "";
    this.#choice.replaceChildren(
      element("option", { value: "exactly" }, `exactly ${valueWords(value)}`),
      ...(isText ? [element("option", { value: "begins" }, "anything that begins with …")] : []),
      element("option", { value: "anything" }, "any value"),
    );
    this.#choice.value = scope === "begins" && !isText ? "exactly" : scope;
    this.#show();
  }

  /** @param {boolean} locked */
  lock(locked) {
    this.#choice.disabled = locked;
    this.#beginning.disabled = locked;
  }

  // Internal

  get #scope() {
    return /** @type {Scope | ""} */ (this.#choice.value);
  }

  #chosen() {
    if (this.#scope === "begins" && !this.#beginning.value)
      this.#beginning.value = String(this.#value);
    this.#changed();
    if (this.#scope === "begins") this.#beginning.focus();
  }

  #changed() {
    this.#show();
    this.#onChange();
  }

  #show() {
    this.#beginning.hidden = this.#scope !== "begins";
    this.#beginning.setAttribute("aria-invalid", String(!this.isValid));
    this.#problem.textContent = this.isValid
      ? ""
      : "Write how it begins; what is sent now must begin so, too.";
  }
}
