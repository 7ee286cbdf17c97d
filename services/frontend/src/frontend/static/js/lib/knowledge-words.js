// @ts-check
/** What the knowledge base holds, in words. Pure. */

import { sizeWords } from "./size-words.js";

/** @import { DocumentShown, PassageShown, SentenceChecked, Support } from "../types/knowledge.js" */

/** @typedef {{ maxBytes: number, kinds: string[] }} Limits `kinds`: suffixes such as `.pdf`; empty: not known */
/** @typedef {"everybody" | "roles" | "me"} Audience */

export const EVERYBODY = "everybody";
const ROLE = "role:";
const PERSON = "person:";
/** Still being worked on. */
const IN_WORK = new Set(["queued", "parsing", "embedding"]);

/** @type {Record<DocumentShown["state"], string>} */
const STATES = {
  queued: "Waiting to be read",
  parsing: "Reading",
  embedding: "Making it findable",
  ready: "Ready",
  failed: "Could not be read",
  cancelled: "Cancelled",
};

/** @type {Record<Support, { icon: string, words: string, sentence: string }>} */
export const SUPPORT = {
  supported: {
    icon: "check",
    words: "Supported",
    sentence: "The source says this.",
  },
  partly: {
    icon: "half",
    words: "Partly supported",
    sentence: "The source says only a part of this.",
  },
  not_found: {
    icon: "alert",
    words: "Not found",
    sentence: "The source does not say this. Check before you rely on it.",
  },
};

export const CURATED = "Answer by your organisation";

/** Why a file is not even sent; empty when it may be. @param {{ name: string, size: number }} file @param {Limits} limits */
export function refusal({ name, size }, { maxBytes, kinds }) {
  const suffix = /\.[^.]+$/.exec(name.toLowerCase())?.[0] ?? "";
  if (kinds.length && !kinds.includes(suffix))
    return `Files of this kind cannot be read. ${kindsWords(kinds)} can.`;
  if (size === 0) return "The file is empty.";
  if (size > maxBytes)
    return `The file is too large: ${sizeWords(size)}, and ${mostWords(maxBytes)} is the most. Split it.`;
  return "";
}

/** What may be uploaded. @param {Limits} limits */
export function limitsWords({ maxBytes, kinds }) {
  const most = `up to ${mostWords(maxBytes)} each`;
  return kinds.length ? `${kindsWords(kinds)}, ${most}` : `Files ${most}`;
}

/** @param {string[]} kinds */
function kindsWords(kinds) {
  return new Intl.ListFormat("en", { type: "conjunction" }).format(
    kinds.map((kind) => kind.replace(".", "").toUpperCase()),
  );
}

/** A limit as it is set: in units of 1024. @param {number} bytes */
function mostWords(bytes) {
  return `${Math.floor(bytes / 1024 ** 2)} MB`;
}

/** @param {Pick<DocumentShown, "state">} document */
export function isInWork({ state }) {
  return IN_WORK.has(state);
}

/** @param {Pick<DocumentShown, "state" | "progress">} document */
export function stateWords({ state, progress }) {
  const words = STATES[state] ?? state;
  return state === "parsing" || state === "embedding"
    ? `${words}, ${Math.round(progress * 100)} %`
    : words;
}

/**
 * @param {readonly string[]} access
 * @param {{ me: string, inherited?: readonly string[] }} who `me`: the person's own key; `inherited`: the collection's
 */
export function accessWords(access, { me, inherited = [] }) {
  const keys = access.length ? access : inherited;
  if (keys.includes(EVERYBODY)) return "Everybody";
  if (keys.length === 1 && keys[0] === me) return "Only you";
  const roles = keys.filter((key) => key.startsWith(ROLE)).map((key) => roleWords(key));
  const persons = keys.filter((key) => key.startsWith(PERSON) && key !== me).length;
  const others = persons === 1 ? ["one person"] : persons ? [`${persons} people`] : [];
  return [...roles, ...others, ...(keys.includes(me) ? ["you"] : [])].join(", ");
}

/** @param {string} key `role:NAME` */
export function roleWords(key) {
  const name = key.replace(ROLE, "").replaceAll("_", " ");
  return `${name.charAt(0).toUpperCase()}${name.slice(1)}s`;
}

/** @param {readonly string[]} access @param {string} me @returns {Audience} */
export function audienceOf(access, me) {
  if (access.length === 0 || access.includes(EVERYBODY)) return "everybody";
  return access.length === 1 && access[0] === me ? "me" : "roles";
}

/**
 * Where in its document a passage stands, beside the document's title.
 *
 * @param {Pick<PassageShown, "page" | "headings" | "title">} passage
 */
export function placeWords({ page, headings, title }) {
  const heading = headings.at(-1) ?? "";
  const parts = [page === null ? "" : `page ${page}`, heading === title ? "" : heading];
  return parts.filter(Boolean).join(", ");
}

/** @param {Pick<PassageShown, "title" | "name">} passage */
export function titleOf({ title, name }) {
  return title || name || "A document";
}

/**
 * What the check of an answer has found, and a sign for it.
 *
 * @param {readonly SentenceChecked[]} sentences those that cite; empty: not checked
 * @returns {{ words: string, level: "check" | "half" | "alert" }}
 */
export function checkWords(sentences) {
  const count = (/** @type {string} */ support) =>
    sentences.filter((sentence) => sentence.support === support).length;
  const [partly, missing] = [count("partly"), count("not_found")];
  if (sentences.length === 0) return { words: "", level: "check" };
  if (partly + missing === 0) {
    const words =
      sentences.length === 1
        ? "Checked: the sentence is supported by its source."
        : `Checked: all ${sentences.length} sentences are supported by their sources.`;
    return { words, level: "check" };
  }
  const found = [
    partly && `${partly} only partly supported`,
    missing && `${missing} not found in what is cited`,
  ].filter(Boolean);
  const of = sentences.length === 1 ? "1 sentence" : `${sentences.length} sentences`;
  return { words: `Checked ${of}: ${found.join(", ")}.`, level: missing ? "alert" : "half" };
}
