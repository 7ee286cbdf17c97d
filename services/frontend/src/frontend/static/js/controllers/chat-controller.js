// @ts-check
/** The open conversation: which it is, what comes from the server for it, and what the person does in it. */

import { addressOf, conversationIn } from "../lib/address.js";
import { announce, announceNow } from "../lib/announce.js";
import { pauseMs } from "../lib/backoff.js";
import { part, setText } from "../lib/dom.js";
import { newId } from "../lib/ids.js";
import { inTab } from "../lib/storage.js";
import { greeting } from "../lib/time-words.js";
import { RequestFailed } from "../models/api.js";
import { callPhase, isWaiting, phaseWords } from "../models/call-words.js";
import { Decisions } from "../models/decisions.js";
import { Outbox } from "../models/outbox.js";
import { callsOf, isOver } from "../models/turn.js";
import { TurnFeed } from "../models/turn-feed.js";
import { TurnSpeech } from "../models/turn-speech.js";
import { ThreadView } from "../views/thread-view.js";
import { toast } from "../views/toast.js";

/** @import { App } from "../models/app.js" */
/** @import { Connection } from "../models/connection.js" */
/** @import { Turn } from "../types/turn.js" */
/** @import { Conversation, ConversationDetail } from "../types/wire.js" */

const NEW_TITLE = "New chat";

export class ChatController {
  #element;
  #app;
  #connection;
  #feed;
  #outbox;
  #decisions;
  #thread;
  #speech = new TurnSpeech({ announce, announceNow });
  #conversationId = "";
  #title = NEW_TITLE;
  /** Turns that change while this is true were there before: they are shown, not spoken. */
  #isOpening = true;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #retry;

  /** @param {HTMLElement} element @param {App} app */
  constructor(element, app) {
    this.#element = element;
    this.#app = app;
    this.#connection = /** @type {Connection} */ (app.connection);
    const connection = this.#connection;
    this.#feed = new TurnFeed({ connection, onChange: (turn) => this.#turnChanged(turn) });
    this.#decisions = new Decisions({
      connection,
      onLate: () => this.#watch(),
      sendAll: (decisions) => app.api.decideAll(decisions),
    });
    this.#outbox = new Outbox({
      connection,
      remembered: inTab,
      onChange: () => this.#showPending(),
      onTaken: ({ conversationId, turnId, clientId }) =>
        this.#began(conversationId, turnId, clientId),
    });
    this.#thread = new ThreadView(element, {
      me: app.me,
      decidedHere: (callId) => this.#decisions.wereTakenHere(callId),
      approvals: {
        preview: (callId, args) => app.api.preview(callId, args),
        decide: (decision) => this.#decided(this.#decisions.take(decision)),
        decideAll: (decisions) => this.#decided(this.#decisions.takeAll(decisions)),
      },
      outcomes: {
        choose: (callId, choice) => this.#orReloaded(app.api.chooseOutcome(callId, choice)),
      },
      inputs: {
        answer: (inputId, answer) => this.#orReloaded(app.api.answerInput(inputId, answer)),
      },
      onAskAgain: (question) => this.#ask(question),
      onRetry: (clientId) => this.#outbox.retry(clientId),
      onEdit: (clientId) => app.tell("rewrite", { text: this.#outbox.remove(clientId) }),
    });
  }

  // Lifecycle

  connect() {
    setText(part(this.#element, "greeting"), `${greeting(new Date())}, ${this.#app.me}`);
    this.#app.hear("open", ({ conversationId }) => this.#goTo(conversationId));
    this.#app.hear("ask", ({ text }) => this.#ask(text));
    this.#app.hear("stop", () => this.#stop());
    this.#hearServer();
    this.#element.addEventListener("click", (event) => this.#promptClicked(event));
    window.addEventListener("popstate", () => this.#open(conversationIn()));
    this.#open(conversationIn() ?? this.#unsentConversation);
  }

  #hearServer() {
    this.#on("open", () => {
      this.#watch();
      this.#outbox.sendWaiting();
    });
    this.#on("events", ({ turnId, events }) => this.#feed.receive(turnId, events));
    this.#on("turn", ({ conversation_id, turn_id, client_id }) =>
      this.#began(conversation_id, turn_id, client_id),
    );
    this.#on("relay_lost", ({ turn_id }) => this.#feed.relayLost(turn_id));
    this.#on("conversation", (change) => this.#conversationChanged(change));
  }

  /** @param {string} name @param {(detail: any) => void} listener */
  #on(name, listener) {
    this.#connection.addEventListener(name, (event) =>
      listener(/** @type {CustomEvent} */ (event).detail),
    );
  }

  // Actions

  /** @param {string | null} conversationId null: a new one */
  #goTo(conversationId) {
    const address = addressOf(conversationId);
    if (location.pathname !== address) history.pushState(null, "", address);
    this.#open(conversationId);
  }

  /** @param {string} text */
  #ask(text) {
    this.#outbox.send({ conversationId: this.#conversationId, isNew: !this.#isInAddress, text });
    this.#thread.toLatest();
  }

  async #stop() {
    const turn = this.#activeTurn;
    if (!turn) return;
    try {
      await this.#connection.request("stop", { turn_id: turn.turnId });
    } catch (error) {
      toast(`Not stopped. ${error instanceof Error ? error.message : error}`);
    }
  }

  /** @template Result @param {Promise<Result>} decision @returns {Promise<Result>} */
  #decided(decision) {
    return decision.finally(() => this.#app.tell("decided", {}));
  }

  /**
   * Another tab, or the clock, was first: what is shown here is out of date.
   *
   * @template Result
   * @param {Promise<Result>} request
   * @returns {Promise<Result>}
   */
  async #orReloaded(request) {
    try {
      return await request;
    } catch (error) {
      if (error instanceof RequestFailed && error.code === "conflict") this.#watch();
      throw error;
    }
  }

  /** @param {MouseEvent} event */
  #promptClicked({ target }) {
    const prompt = target instanceof Element && target.closest("[data-prompt]");
    if (prompt instanceof HTMLElement && prompt.dataset.prompt) this.#ask(prompt.dataset.prompt);
  }

  // Opening

  /** @param {string | null} conversationId null: a new one */
  #open(conversationId) {
    this.#conversationId = conversationId ?? newId();
    this.#isOpening = true;
    this.#feed.clear();
    this.#thread.clear();
    this.#thread.showNote(this.#isInAddress ? "Opening the conversation…" : "");
    this.#showPending();
    this.#setTitle(NEW_TITLE);
    this.#app.tell("opened", { conversationId: this.#conversationId });
    if (this.#connection.isOpen) this.#watch();
  }

  /**
   * Joins the conversation's room and takes its stored turns; again after each new connection.
   *
   * @param {number} tries how many have failed
   */
  async #watch(tries = 0) {
    clearTimeout(this.#retry);
    const conversationId = this.#conversationId;
    const mustExist = this.#isInAddress;
    try {
      const { conversation } = await this.#connection.request("watch", {
        conversation_id: conversationId,
      });
      if (conversationId !== this.#conversationId) return;
      if (conversation) this.#loaded(conversation);
      else if (mustExist) this.#absent();
      else this.#isOpening = false;
    } catch (error) {
      if (conversationId !== this.#conversationId || !this.#connection.isOpen) return;
      const reason = error instanceof Error ? error.message : error;
      this.#thread.showNote(`The conversation cannot be shown. ${reason}`);
      if (error instanceof RequestFailed && error.retryable)
        this.#retry = setTimeout(() => this.#watch(tries + 1), pauseMs(tries));
    }
  }

  /** @param {ConversationDetail} conversation */
  #loaded({ title, turns, earlier_turns }) {
    this.#thread.showNote(
      earlier_turns ? "Only the latest part of this conversation is shown." : "",
    );
    this.#setTitle(title);
    this.#feed.load(turns);
    for (const { client_id } of turns) this.#outbox.remove(client_id);
    this.#isOpening = false;
    this.#thread.flush();
  }

  /** The address names a conversation that is not there, or not this person's: both look the same. */
  #absent() {
    toast("There is no such conversation. Here is a new one.");
    history.replaceState(null, "", addressOf(null));
    this.#open(null);
  }

  // What happens in it

  /** @param {string} conversationId @param {string} turnId @param {string} clientId */
  #began(conversationId, turnId, clientId) {
    if (conversationId !== this.#conversationId) {
      this.#outbox.remove(clientId);
      return;
    }
    this.#isOpening = false;
    if (!this.#isInAddress) history.pushState(null, "", addressOf(conversationId));
    this.#feed.begin(turnId, clientId);
  }

  /** @param {Turn} turn */
  #turnChanged(turn) {
    if (this.#isOpening) this.#speech.skip(turn);
    else this.#speech.follow(turn);
    if (turn.title && this.#title === NEW_TITLE) this.#setTitle(turn.title);
    // The question is drawn as a turn from here on, in the place of the one that was on its way.
    this.#thread.showTurn(turn);
    if (turn.question) this.#outbox.remove(turn.clientId);
    this.#tellActivity();
  }

  /** @param {Conversation & { deleted?: boolean }} change */
  #conversationChanged({ conversation_id, title, deleted }) {
    if (conversation_id !== this.#conversationId) return;
    if (!deleted) return this.#setTitle(title);
    toast("This conversation was deleted.");
    this.#goTo(null);
  }

  // Internal

  /** A new conversation is in the address as soon as the server has taken its first question. */
  get #isInAddress() {
    return conversationIn() === this.#conversationId;
  }

  /** A new conversation whose first question was not taken before the page was loaded again. */
  get #unsentConversation() {
    return this.#outbox.all.findLast(({ isNew }) => isNew)?.conversationId ?? null;
  }

  /** The latest turn that goes on. */
  get #activeTurn() {
    return this.#feed.turns.findLast((turn) => !isOver(turn)) ?? null;
  }

  #showPending() {
    this.#thread.showPending(this.#outbox.of(this.#conversationId));
  }

  #tellActivity() {
    const turn = this.#activeTurn;
    const waiting = turn ? callsOf(turn).filter(isWaiting) : [];
    this.#app.tell("activity", { isActive: turn !== null, isWaiting: waiting.length > 0 });
    const mark = waiting.length ? `● ${phaseWords(callPhase(waiting[0])).label} · ` : "";
    document.title = `${mark}${this.#title} · Steward`;
  }

  /** @param {string} title */
  #setTitle(title) {
    this.#title = title;
    setText(part(this.#element, "title"), title);
    this.#tellActivity();
  }
}
