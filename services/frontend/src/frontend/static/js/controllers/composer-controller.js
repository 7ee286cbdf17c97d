// @ts-check
/** Where the person writes. Keeps a draft for each conversation, and keeps text that cannot be sent. */

import { conversationIn } from "../lib/address.js";
import { part, setText } from "../lib/dom.js";
import { inTab } from "../lib/storage.js";

/** @import { App } from "../models/app.js" */

const DEFAULT_MOST = 100_000;
/** The count shows from this share of the limit on. */
const NEARLY = 0.9;
const TALLEST = 240;

export class ComposerController {
  #element;
  #app;
  #text;
  #most = DEFAULT_MOST;
  #activity = { isActive: false, isWaiting: false };
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
    // On a phone the keyboard would cover what was just opened.
    if (matchMedia("(hover: hover)").matches) this.#text.focus({ preventScroll: true });
  }

  /** @param {{ isActive: boolean, isWaiting: boolean }} activity */
  #activityChanged(activity) {
    const hadFocus = document.activeElement === part(this.#element, "stop");
    this.#activity = activity;
    part(this.#element, "stop").hidden = !activity.isActive;
    part(this.#element, "send").hidden = activity.isActive;
    if (!activity.isActive) setText(part(this.#element, "problem"), "");
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
    if (this.#activity.isWaiting)
      return "Steward waits for your yes or no above. Decide there, or press Stop.";
    if (this.#activity.isActive)
      return "Steward is still answering. Wait for the end, or press Stop.";
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
