// @ts-check
/** What sanitised markdown becomes in the page: code blocks, charts, tables that scroll, links that are safe. */

import { readChart } from "../lib/chart-spec.js";
import { element, icon } from "../lib/dom.js";
import { chartView } from "./chart-view.js";
import { codeBlock } from "./code-block.js";
import { inScroller } from "./data-table.js";

/**
 * @param {DocumentFragment} fragment changed in place
 * @param {{ settled: boolean }} options `settled`: no more of it will come
 * @returns {DocumentFragment}
 */
export function enriched(fragment, { settled }) {
  for (const pre of fragment.querySelectorAll("pre")) pre.replaceWith(codeOrChart(pre, settled));
  for (const table of fragment.querySelectorAll("table")) {
    const place = document.createComment("");
    table.replaceWith(place);
    place.replaceWith(inScroller("Table", table));
  }
  for (const link of fragment.querySelectorAll("a")) secureLink(link);
  return fragment;
}

/** @param {HTMLPreElement} pre @param {boolean} settled */
function codeOrChart(pre, settled) {
  const code = pre.querySelector("code");
  const language = /(?:^|\s)language-(\S+)/.exec(code?.className ?? "")?.[1] ?? "";
  const text = (pre.textContent ?? "").replace(/\n$/, "");
  if (language !== "chart") return codeBlock(text, language, { settled });
  if (!settled) return element("p", { class: "drawing-chart" }, "Drawing a chart…");
  const chart = readChart(text);
  return chart ? chartView(chart) : codeBlock(text, "json");
}

/** @param {HTMLAnchorElement} link */
function secureLink(link) {
  const isImage = link.hasAttribute("data-image");
  link.removeAttribute("class");
  const target = address(link.getAttribute("href") ?? "");
  if (!target) {
    link.replaceWith(...link.childNodes);
    return;
  }
  if (target.origin !== location.origin || isImage) {
    link.target = "_blank";
    link.rel = "noopener noreferrer nofollow";
  }
  // An answer must not be able to make the browser fetch something, so an image is a link until it is clicked.
  if (isImage) link.replaceWith(remoteImage(link, target));
  else if (target.origin !== location.origin) showDomain(link, target);
}

/**
 * Says where a link to elsewhere leads, unless that is what it calls itself: on hover and focus, and always when its
 * text looks like another address.
 *
 * @param {HTMLAnchorElement} link
 * @param {URL} target
 */
function showDomain(link, target) {
  const place = target.host || target.pathname;
  link.classList.add("external");
  link.toggleAttribute("data-misleading", isMisleading(link.textContent ?? "", target.host));
  link.append(icon("external"));
  if (link.textContent?.trim() === place) return;
  link.append(
    element(
      "span",
      { class: "link-place" },
      element("span", { class: "visually-hidden" }, " (leads to "),
      place,
      element("span", { class: "visually-hidden" }, ")"),
    ),
  );
}

/** @param {string} text @param {string} host */
function isMisleading(text, host) {
  const named = /(?:^|\s|\/\/)((?:[\p{L}\p{N}-]+\.)+\p{L}{2,})/u.exec(text)?.[1];
  return named !== undefined && !isSameSite(named.toLowerCase(), host);
}

/** @param {string} named @param {string} host */
function isSameSite(named, host) {
  const bare = (/** @type {string} */ name) => name.replace(/^www\./, "").replace(/:\d+$/, "");
  return bare(host) === bare(named);
}

/** @param {string} href */
function address(href) {
  try {
    return href ? new URL(href, location.href) : null;
  } catch {
    return null;
  }
}

/** @param {HTMLAnchorElement} link @param {URL} target */
function remoteImage(link, target) {
  const box = element("span", { class: "remote-image" }, icon("image"));
  const note =
    target.protocol === "data:" ? "not shown" : `on ${target.host}, not loaded; click to open it`;
  box.append(link.cloneNode(true), element("span", { class: "hint" }, ` (image ${note})`));
  if (target.protocol !== "data:") box.append(element("code", { class: "address" }, target.href));
  return box;
}
