// @ts-check
/** The open conversation: its turns in order, questions on their way, and the way to what needs the person. */

import { part, setText } from "../lib/dom.js";
import { FrameThrottle } from "../lib/frame-throttle.js";
import { ScrollKeeper } from "../models/scroll-keeper.js";
import { ApprovalCard } from "./approval-card.js";
import { pendingView } from "./pending-view.js";
import { TurnView } from "./turn-view.js";

/** @import { Turn } from "../types/turn.js" */
/** @import { Pending } from "../models/outbox.js" */
/** @import { CallPort } from "./call-view.js" */
/** @import { TurnActions } from "./turn-view.js" */

/**
 * @typedef {object} ThreadActions
 * @property {(clientId: string) => void} onRetry
 * @property {(clientId: string) => void} onEdit
 */

export class ThreadView {
  #root;
  #port;
  #keeper;
  /** @type {Map<string, TurnView>} */
  #turns = new Map();
  /** Turns changed since the last frame. @type {Map<string, Turn>} */
  #changed = new Map();
  #frame = new FrameThrottle(() => this.#draw(), 0);
  /** @type {HTMLElement[]} */
  #pending = [];
  /** Turns of which another version is on its way. @type {Set<string>} */
  #replaced = new Set();
  /** @type {Set<unknown>} */
  #shownCards = new Set();
  /** Cards in view; while there is one, nobody needs to be sent to it. @type {Set<Element>} */
  #visibleCards = new Set();
  #visibility;

  /** @param {HTMLElement} root @param {CallPort & ThreadActions & TurnActions} port */
  constructor(root, port) {
    this.#root = root;
    this.#port = port;
    this.#keeper = new ScrollKeeper(part(root, "scroller"), part(root, "thread"), () =>
      this.#drawPills(),
    );
    this.#visibility = new IntersectionObserver((entries) => this.#cardsMoved(entries), {
      root: part(root, "scroller"),
    });
    part(root, "to-latest").addEventListener("click", () => this.#keeper.toLatest());
    part(root, "to-approval").addEventListener("click", () => this.#goToCard());
  }

  /** @param {Turn} turn */
  showTurn(turn) {
    this.#changed.set(turn.turnId, turn);
    this.#frame.request();
  }

  /** Draws what is waiting to be drawn, without waiting for a frame. */
  flush() {
    this.#frame.flush();
  }

  /** @param {Pending[]} pending */
  showPending(pending) {
    for (const view of this.#pending) view.remove();
    this.#pending = pending.map((item) =>
      pendingView(item, {
        onRetry: () => this.#port.onRetry(item.clientId),
        onEdit: () => this.#port.onEdit(item.clientId),
      }),
    );
    part(this.#root, "turns").append(...this.#pending);
    this.#replaced = new Set(pending.flatMap(({ replaces }) => replaces ?? []));
    this.#hideReplaced();
    if (this.#pending.length) this.#keeper.toLatest();
    this.#drawEmpty();
  }

  /** A sentence in place of the conversation; empty takes it away. @param {string} text */
  showNote(text) {
    const note = part(this.#root, "note");
    setText(note, text);
    note.hidden = text === "";
    this.#drawEmpty();
  }

  toLatest() {
    this.#keeper.toLatest();
  }

  /** A turn is no longer part of what is shown. @param {string} turnId */
  drop(turnId) {
    this.#turns.get(turnId)?.close();
    this.#turns.delete(turnId);
    this.#changed.delete(turnId);
    this.#drawCards();
  }

  /** Brings turns into an order; those that stand right are not touched. @param {string[]} turnIds all that are shown */
  arrange(turnIds) {
    const views = turnIds.flatMap((turnId) => {
      const view = this.#turns.get(turnId);
      return view ? [/** @type {const} */ ([turnId, view])] : [];
    });
    this.#turns = new Map(views);
    const { children } = part(this.#root, "turns");
    views.forEach(([, { element }], at) => {
      if (children[at] !== element) children[at].before(element);
    });
  }

  /** While something is being answered, what was said before is not to be changed. @param {boolean} isBusy */
  setBusy(isBusy) {
    part(this.#root, "turns").toggleAttribute("data-busy", isBusy);
  }

  /**
   * Brings a turn into view and the reader to it.
   *
   * @param {string} turnId
   * @returns {boolean} whether it is part of what is shown
   */
  goTo(turnId) {
    const view = this.#turns.get(turnId);
    if (!view) return false;
    this.#keeper.reveal(view.element);
    view.element.toggleAttribute("data-sought", true);
    view.element.tabIndex = -1;
    view.element.focus({ preventScroll: true });
    view.element.addEventListener("blur", () => view.element.removeAttribute("data-sought"), {
      once: true,
    });
    return true;
  }

  /** Adds what was said earlier; what is shown already stays where it is in the window. @param {() => void} load */
  prepend(load) {
    const first = this.#turns.values().next().value?.element;
    const before = first?.getBoundingClientRect().top ?? 0;
    load();
    if (first) this.#keeper.keepAt(first, before);
  }

  /**
   * Puts one version in the place of another, which stays where it is in the window.
   *
   * @param {{ from: string, to: string, step: number }} change
   * @param {() => void} load makes the other one known
   */
  swap({ from, to, step }, load) {
    const before = this.#turns.get(from)?.element.getBoundingClientRect().top;
    load();
    this.flush();
    const view = this.#turns.get(to);
    if (!view) return;
    if (before !== undefined) this.#keeper.keepAt(view.element, before);
    view.focusVersions(step);
  }

  clear() {
    for (const view of this.#turns.values()) view.close();
    for (const view of this.#pending) view.remove();
    this.#turns.clear();
    this.#changed.clear();
    this.#shownCards.clear();
    this.#replaced.clear();
    this.#pending = [];
    this.#keeper.toLatest();
    this.#drawCards();
  }

  // Internal

  #draw() {
    for (const turn of this.#changed.values()) this.#viewOf(turn).update(turn);
    this.#changed.clear();
    this.#hideReplaced();
    this.#drawEmpty();
    this.#drawCards();
  }

  /** What followed a question does not follow its next version. */
  #hideReplaced() {
    let isReplaced = false;
    for (const [turnId, { element }] of this.#turns) {
      isReplaced ||= this.#replaced.has(turnId);
      element.hidden = isReplaced;
    }
  }

  /** @param {Turn} turn */
  #viewOf({ turnId }) {
    const known = this.#turns.get(turnId);
    if (known) return known;
    const view = new TurnView(this.#port);
    this.#turns.set(turnId, view);
    part(this.#root, "turns").insertBefore(view.element, this.#pending[0] ?? null);
    return view;
  }

  #drawEmpty() {
    const isEmpty = this.#turns.size === 0 && this.#pending.length === 0;
    part(this.#root, "empty").hidden = !isEmpty || !part(this.#root, "note").hidden;
  }

  /** Brings a new question into view, and the keyboard to it unless the person is writing. */
  #drawCards() {
    const cards = this.#openCards();
    const fresh = cards.filter((card) => !this.#shownCards.has(card));
    this.#shownCards = new Set(cards);
    for (const { element } of fresh) this.#visibility.observe(element);
    this.#drawPills();
    if (fresh.length === 0 || !this.#keeper.isFollowing) return;
    this.#keeper.reveal(fresh[0].element);
    if (!isWriting()) fresh[0].focus();
  }

  /** @param {IntersectionObserverEntry[]} entries */
  #cardsMoved(entries) {
    for (const { target, isIntersecting } of entries) {
      if (isIntersecting) this.#visibleCards.add(target);
      else this.#visibleCards.delete(target);
      if (!target.isConnected) this.#visibility.unobserve(target);
    }
    this.#drawPills();
  }

  #drawPills() {
    const cards = this.#openCards();
    const { length } = cards;
    const seesCard = this.#visibleCards.size > 0;
    // Over an open question it would lie on its buttons.
    part(this.#root, "to-latest").hidden = this.#keeper.isFollowing || seesCard;
    part(this.#root, "to-approval").hidden = length === 0 || seesCard;
    const words = length === 1 ? "1 question waits" : `${length} questions wait`;
    const what = cards.every((card) => card instanceof ApprovalCard) ? "your yes" : "you";
    setText(part(this.#root, "to-approval-words"), `${words} for ${what}`);
  }

  #openCards() {
    return [...this.#turns.values()].flatMap((view) => view.openCards);
  }

  #goToCard() {
    const card = this.#openCards()[0];
    if (!card) return;
    this.#keeper.reveal(card.element);
    card.focus();
  }
}

/** Taking the focus away from somebody who types would send the keys elsewhere. */
function isWriting() {
  const focused = document.activeElement;
  if (focused instanceof HTMLTextAreaElement || focused instanceof HTMLInputElement) {
    return focused.value !== "" || focused.closest(".approval") !== null;
  }
  return focused instanceof HTMLSelectElement || focused?.closest("dialog") != null;
}
