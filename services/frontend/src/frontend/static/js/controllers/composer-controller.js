// @ts-check
/** Where the person writes. Keeps a draft for each conversation, and keeps text that cannot be sent. */

import { conversationIn } from "../lib/address.js";
import { part, setText } from "../lib/dom.js";
import { inTab } from "../lib/storage.js";

/** @import { Activity, App } from "../models/app.js" */

const DEFAULT_MOST = 100_000;
/** The count shows from this share of the limit on. */
const NEARLY = 0.9;
const TALLEST = 240;

export class ComposerController {
  #element;
  #app;
  #text;
  #most = DEFAULT_MOST;
  /** What somebody wrote before this class was there to notice. */
  #typedEarly;

  /** @param {HTMLElement} element @param {App} app */
  constructor(element, app) {
    this.#element = element;
    this.#app = app;
    this.#text = part(element, "text", HTMLTextAreaElement);
    this.#typedEarly = this.#text.value;
  }

  // Lifecycle

  connect() {
    this.#element.addEventListener("submit", (event) => this.#submitted(event));
    this.#text.addEventListener("keydown", (event) => this.#keyPressed(event));
    this.#text.addEventListener("input", () => this.#changed());
    part(this.#element, "stop").addEventListener("click", () => this.#app.tell("stop", {}));
    this.#app.hear("opened", () => this.#opened());
    this.#app.hear("activity", (activity) => this.#activityChanged(activity));
    this.#app.hear("rewrite", ({ text }) => this.#rewrite(text));
    this.#learnLimit();
  }

  async #learnLimit() {
    try {
      this.#most = (await this.#app.about()).max_question_characters;
    } catch {
      // The server refuses what is too long in any case.
    }
    this.#draw();
  }

  // Actions

  /** @param {Event} event */
  #submitted(event) {
    event.preventDefault();
    const text = this.#text.value.trim();
    const problem = this.#problemWith(text);
    setText(part(this.#element, "problem"), problem);
    if (problem || !text) return;
    this.#write("");
    this.#app.tell("ask", { text });
    this.#text.focus();
  }

  /** @param {KeyboardEvent} event */
  #keyPressed(event) {
    // While an input method composes, Enter chooses a character.
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      this.#submitted(event);
    }
    const stop = part(this.#element, "stop");
    if (event.key === "Escape" && !stop.hidden) stop.focus();
  }

  #changed() {
    setText(part(this.#element, "problem"), "");
    inTab.set(draftKey(), this.#text.value || null);
    this.#draw();
  }

  #opened() {
    this.#text.value = inTab.get(draftKey()) ?? this.#typedEarly;
    this.#typedEarly = "";
    this.#draw();
    // On a phone the keyboard would cover what was just opened; who is typing elsewhere must not be moved here.
    const isTyping = document.activeElement instanceof HTMLInputElement;
    if (matchMedia("(hover: hover)").matches && !isTyping)
      this.#text.focus({ preventScroll: true });
  }

  /** @param {Activity} activity */
  #activityChanged(activity) {
    const stop = part(this.#element, "stop");
    const hadFocus = document.activeElement === stop;
    stop.hidden = !activity.isActive;
    stop.setAttribute("aria-label", stopWords(activity));
    stop.title = stopWords(activity);
    part(this.#element, "stop-all").hidden = activity.queued === 0;
    setText(part(this.#element, "state"), stateWords(activity));
    part(this.#element, "keys").hidden = activity.isActive;
    if (hadFocus && !activity.isActive) this.#text.focus();
  }

  /** @param {string} text */
  #rewrite(text) {
    this.#write(this.#text.value ? `${text}\n${this.#text.value}` : text);
    this.#text.focus();
  }

  // Internal

  /** @param {string} text */
  #write(text) {
    this.#text.value = text;
    this.#changed();
  }

  /** @param {string} text @returns {string} empty when it can be sent */
  #problemWith(text) {
    const length = characters(text);
    if (length <= this.#most) return "";
    return `This is too long: ${number(length)} characters, and ${number(this.#most)} are the most. Shorten it, or send it in parts.`;
  }

  #draw() {
    this.#text.style.height = "auto";
    this.#text.style.height = `${Math.min(this.#text.scrollHeight, TALLEST)}px`;
    const length = characters(this.#text.value);
    const isNear = length > this.#most * NEARLY;
    setText(
      part(this.#element, "count"),
      isNear ? `${number(length)} of ${number(this.#most)}` : "",
    );
    part(this.#element, "count").toggleAttribute("data-over", length > this.#most);
  }
}

/** @param {Activity} activity */
function stopWords({ queued }) {
  if (queued === 0) return "Stop";
  const waiting = queued === 1 ? "the question that waits" : `the ${queued} questions that wait`;
  return `Stop all: this answer and ${waiting}`;
}

/** @param {Activity} activity */
function stateWords({ isActive, isWaiting, queued }) {
  if (!isActive) return "";
  if (queued > 0) return `${queued} waiting. Stop ends ${queued === 1 ? "it" : "them"} too.`;
  if (isWaiting) return "Waiting for your yes above. What you send now waits for that.";
  return "What you send now waits for the end of this answer.";
}

function draftKey() {
  return `steward.draft:${conversationIn() ?? "new"}`;
}

/** As the server counts: code points, not UTF-16 units. @param {string} text */
function characters(text) {
  let count = 0;
  for (const _ of text) count += 1;
  return count;
}

/** @param {number} value */
function number(value) {
  return new Intl.NumberFormat().format(value);
}
