// @ts-check
/** Building DOM from values. Text only ever becomes text nodes; there is no way to pass markup. */

/** @typedef {string | number | Node | null | undefined | false} Child */

/**
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Record<string, string | number | boolean | null | undefined>} [attributes] `true` sets an empty one; null, undefined and false leave it out
 * @param {...Child} children
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function element(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  setAttributes(node, attributes);
  node.append(...kept(children));
  return node;
}

/**
 * @param {string} tag
 * @param {Record<string, string | number | boolean | null | undefined>} [attributes]
 * @param {...Child} children
 * @returns {SVGElement}
 */
export function svgElement(tag, attributes = {}, ...children) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
  setAttributes(node, attributes);
  node.append(...kept(children));
  return node;
}

/** @param {Element} node @param {Record<string, string | number | boolean | null | undefined>} attributes */
function setAttributes(node, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    node.setAttribute(name, value === true ? "" : String(value));
  }
}

/** @param {Child[]} children @returns {(string | Node)[]} */
function kept(children) {
  return children
    .filter((child) => child !== null && child !== undefined && child !== false)
    .map((child) => (typeof child === "object" ? child : String(child)));
}

const ICONS = new URL("../../img/icons.svg", import.meta.url);

/** A decorative icon: what it means stands beside it in words. @param {string} name */
export function icon(name) {
  return svgElement(
    "svg",
    { class: "icon", "data-icon": name, "aria-hidden": "true", focusable: "false" },
    svgElement("use", { href: `${ICONS.pathname}#${name}` }),
  );
}

/** @param {SVGElement} drawn made by `icon` or in the page @param {string} name */
export function setIcon(drawn, name) {
  if (drawn.dataset.icon === name) return;
  drawn.dataset.icon = name;
  drawn.querySelector("use")?.setAttribute("href", `${ICONS.pathname}#${name}`);
}

/**
 * A copy of what a `<template>` of the page holds.
 *
 * @param {string} id
 * @returns {HTMLElement}
 */
export function fromTemplate(id) {
  const template = document.getElementById(id);
  if (!(template instanceof HTMLTemplateElement)) throw new Error(`no template #${id}`);
  const root = template.content.firstElementChild;
  if (!root) throw new Error(`template #${id} is empty`);
  return /** @type {HTMLElement} */ (document.importNode(root, true));
}

/**
 * The one element named by `data-part`.
 *
 * @template {Element} [Kind=HTMLElement]
 * @param {ParentNode} root
 * @param {string} name
 * @param {new () => Kind} [kind] checked when given
 * @returns {Kind}
 */
export function part(root, name, kind) {
  const found = root.querySelector(`[data-part="${name}"]`);
  if (!found) throw new Error(`no part "${name}"`);
  if (kind && !(found instanceof kind)) throw new Error(`part "${name}" is not a ${kind.name}`);
  return /** @type {Kind} */ (found);
}

/** Sets text only when it differs: live regions speak on every change. @param {Element} node @param {string} text */
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}
