// @ts-check
/** A page to test in: happy-dom with the real templates, their Jinja taken out. */

import { readFileSync } from "node:fs";
import { Window } from "happy-dom";

const TEMPLATES = new URL("../../../services/frontend/src/frontend/templates/", import.meta.url);

/** What the page's code uses of the browser. Node's own EventTarget and CustomEvent stay: they serve the models. */
const GLOBALS = [
  "DocumentFragment",
  "Element",
  "HTMLAnchorElement",
  "HTMLButtonElement",
  "HTMLDetailsElement",
  "HTMLDialogElement",
  "HTMLElement",
  "HTMLInputElement",
  "HTMLProgressElement",
  "HTMLSelectElement",
  "HTMLTemplateElement",
  "HTMLTextAreaElement",
  "Node",
  "SVGElement",
  "document",
  "history",
  "localStorage",
  "location",
  "matchMedia",
  "requestAnimationFrame",
  "sessionStorage",
];

/**
 * Opens a page and puts its globals in place. Once per test file: modules keep what they find.
 *
 * @param {{ template?: "chat.html" | "tools.html" | "approvals.html" | "grants.html" | "mailbox.html" | "knowledge.html" | "connections.html", path?: string }} [options]
 * @returns {any} the window
 */
export function openPage({ template = "chat.html", path = "/" } = {}) {
  const window = new Window({ url: `http://localhost${path}` });
  const globals = /** @type {any} */ (globalThis);
  globals.window = window;
  for (const name of GLOBALS) globals[name] = /** @type {any} */ (window)[name];
  globals.ResizeObserver = Unobserving;
  globals.IntersectionObserver = Unobserving;
  Object.defineProperty(globals, "navigator", { value: window.navigator, configurable: true });
  window.document.body.innerHTML = markupOf(template);
  return window;
}

/** happy-dom lays nothing out, so there is never anything to observe. */
class Unobserving {
  observe() {}
  unobserve() {}
}

/** @param {string} template */
function markupOf(template) {
  const source = sourceOf(template);
  const main = /{% block (?:main|page) %}(.*?){% endblock %}/s.exec(source)?.[1] ?? "";
  return main
    .replace(/{% include "([a-z_]+\.html)" %}/g, (_, name) => sourceOf(name))
    .replace(/<script.*?<\/script>/gs, "")
    .replace(/{{ icon\("([a-z-]+)"(?:, "([a-z-]+)")?\) }}/g, drawnIcon)
    .replace(/<link .*?>/g, "")
    .replace(/{[{%#].*?[}%#]}/gs, "");
}

/** @param {string} template */
function sourceOf(template) {
  return readFileSync(new URL(template, TEMPLATES), "utf8");
}

/** @param {string} _ @param {string} name @param {string | undefined} part */
function drawnIcon(_, name, part) {
  return `<svg class="icon" data-icon="${name}"${part ? ` data-part="${part}"` : ""}><use></use></svg>`;
}

/**
 * Writes into a field as a person does.
 *
 * @param {any} window
 * @param {Element | null | undefined} field
 * @param {string} value
 */
export function write(window, field, value) {
  /** @type {any} */ (field).value = value;
  field?.dispatchEvent(new window.Event("input", { bubbles: true }));
}

/** @param {any} window @param {Element | null} target @param {string} key @param {object} [modifiers] */
export function press(window, target, key, modifiers = {}) {
  const event = new window.KeyboardEvent("keydown", {
    key,
    bubbles: true,
    cancelable: true,
    ...modifiers,
  });
  target?.dispatchEvent(event);
  return event;
}

/** Lets what was promised happen. */
export function settled() {
  return new Promise((resolve) => setImmediate(resolve));
}

/**
 * Waits until something holds, for 5 seconds at the most.
 *
 * @param {() => boolean} holds
 */
export async function until(holds) {
  const end = performance.now() + 5000;
  while (!holds()) {
    if (performance.now() > end) throw new Error(`still not so: ${holds}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
