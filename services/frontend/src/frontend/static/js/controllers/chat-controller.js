// @ts-check
/** The open conversation: which it is, what comes from the server for it, and what the person does in it. */

import { addressOf, conversationIn, turnIn } from "../lib/address.js";
import { announce, announceNow } from "../lib/announce.js";
import { pauseMs } from "../lib/backoff.js";
import { part, setText } from "../lib/dom.js";
import { newId } from "../lib/ids.js";
import { inTab } from "../lib/storage.js";
import { greeting } from "../lib/time-words.js";
import { RequestFailed } from "../models/api.js";
import { callPhase, isWaiting, phaseWords } from "../models/call-words.js";
import { CitedPassages } from "../models/cited-passages.js";
import { Decisions } from "../models/decisions.js";
import { Outbox } from "../models/outbox.js";
import { callsOf, isInLine, isOver } from "../models/turn.js";
import { TurnFeed } from "../models/turn-feed.js";
import { TurnSpeech } from "../models/turn-speech.js";
import { confirmed } from "../views/confirm-dialog.js";
import { SourcePanel } from "../views/source-panel.js";
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
  #cited = new CitedPassages();
  #sources;
  #speech = new TurnSpeech({ announce, announceNow });
  #conversationId = "";
  #title = NEW_TITLE;
  #isTemporary = false;
  /** The turn to be shown once the conversation is here. @type {string | null} */
  #sought = null;
  /** As it was last read, for reading what comes before. @type {ConversationDetail | null} */
  #stored = null;
  /** Whether another version is on its way. */
  #isSwitching = false;
  /** Something else changed meanwhile. */
  #isOutdated = false;
  /** What was there before this page knew of it is shown, not spoken. @type {(turn: Turn) => boolean} */
  #isNews = () => true;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #retry;

  /** @param {HTMLElement} element @param {App} app */
  constructor(element, app) {
    this.#element = element;
    this.#app = app;
    this.#connection = /** @type {Connection} */ (app.connection);
    const connection = this.#connection;
    this.#feed = new TurnFeed({
      connection,
      onChange: (turn) => this.#turnChanged(turn),
      onDrop: (turnId) => this.#thread.drop(turnId),
    });
    this.#decisions = new Decisions({
      connection,
      onLate: () => this.#watch(),
      sendAll: (decisions) => app.api.decideAll(decisions),
    });
    this.#outbox = new Outbox({
      connection,
      remembered: inTab,
      onChange: () => this.#showPending(),
      onTaken: ({ conversationId, turnId, clientId, replaces }) =>
        replaces
          ? this.#pathChanged(conversationId)
          : this.#began(conversationId, turnId, clientId),
    });
    const panel = /** @type {HTMLDialogElement} */ (document.getElementById("source-panel"));
    this.#sources = new SourcePanel(panel, app.api.knowledge);
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
      results: {
        whole: (callId) => app.api.wholeResult(callId),
        keep: (callId, wish) => app.api.keep(callId, wish),
        propose: (text) => app.tell("rewrite", { text }),
      },
      onAskInstead: ({ text, replaces }) => this.#askInstead(text, replaces),
      onShowVersion: (change) => this.#showVersion(change),
      onUnqueue: (turnId) => this.#unqueue(turnId),
      cited: this.#cited,
      onOpenSource: (opening) => this.#sources.open(opening),
      onRetry: (clientId) => this.#outbox.retry(clientId),
      onEdit: (clientId) => app.tell("rewrite", { text: this.#outbox.remove(clientId) }),
    });
  }

  // Lifecycle

  connect() {
    setText(part(this.#element, "greeting"), `${greeting(new Date())}, ${this.#app.me}`);
    this.#app.hear("open", ({ conversationId, turnId }) => this.#leaveFor(conversationId, turnId));
    this.#app.hear("ask", ({ text }) => this.#ask(text));
    this.#app.hear("stop", () => this.#stop(this.#activeTurn?.turnId));
    part(this.#element, "earlier").addEventListener("click", () => this.#showEarlier());
    this.#toggle.addEventListener("change", () => this.#setTemporary(this.#toggle.checked));
    window.addEventListener("beforeunload", (event) => {
      if (this.#takeWarning("by browser")) event.preventDefault();
    });
    this.#hearServer();
    this.#element.addEventListener("click", (event) => this.#promptClicked(event));
    window.addEventListener("popstate", () => this.#open(conversationIn(), turnIn()));
    this.#open(conversationIn() ?? this.#unsentConversation, turnIn());
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
    this.#on("conversation_changed", ({ conversation_id }) => this.#pathChanged(conversation_id));
  }

  /** @param {string} name @param {(detail: any) => void} listener */
  #on(name, listener) {
    this.#connection.addEventListener(name, (event) =>
      listener(/** @type {CustomEvent} */ (event).detail),
    );
  }

  // Actions

  /** @param {string | null} conversationId null: a new one @param {string} [turnId] */
  async #leaveFor(conversationId, turnId) {
    if (conversationId !== this.#conversationId && this.#takeWarning("here")) {
      const text = "It is not in your list and will be deleted, so you would not find it again.";
      const title = "Leave this temporary chat?";
      if (!(await confirmed({ title, text, yes: "Leave" }))) return;
    }
    this.#goTo(conversationId, turnId);
  }

  /** @param {string | null} conversationId null: a new one @param {string} [turnId] */
  #goTo(conversationId, turnId) {
    const address = addressOf(conversationId, turnId);
    if (location.pathname + location.hash !== address) history.pushState(null, "", address);
    this.#open(conversationId, turnId);
  }

  /** @param {string} text @param {string} [replaces] the turn of which it is another version */
  #ask(text, replaces) {
    this.#outbox.send({
      conversationId: this.#conversationId,
      isNew: !this.#isInAddress,
      text,
      ...(replaces && { replaces }),
      ...(this.#isTemporary && { temporary: true }),
    });
    this.#thread.toLatest();
  }

  /** @param {string} text @param {string} replaces */
  #askInstead(text, replaces) {
    this.#ask(text, replaces);
    this.#focusComposer();
  }

  /** @param {string | undefined} turnId */
  async #stop(turnId) {
    if (!turnId) return;
    try {
      await this.#connection.request("stop", { turn_id: turnId });
    } catch (error) {
      toast(`Not stopped. ${messageOf(error)}`);
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

  /** @param {string} turnId */
  #unqueue(turnId) {
    this.#focusComposer();
    this.#stop(turnId);
  }

  /** @param {{ from: string, to: string, step: number }} change */
  async #showVersion(change) {
    await this.#withVersion(change.to, (conversation) => {
      this.#thread.swap(change, () => this.#loaded(conversation));
      const { versions } = this.#feed.turns.find(({ turnId }) => turnId === change.to) ?? {};
      if (versions) announce(`Version ${versions.indexOf(change.to) + 1} of ${versions.length}.`);
    });
  }

  /**
   * Makes a turn part of what is shown, here and in other tabs.
   *
   * @param {string} turnId
   * @param {(conversation: ConversationDetail) => void} show not called when it did not work, or came too late
   */
  async #withVersion(turnId, show) {
    const conversationId = this.#conversationId;
    this.#feed.expect();
    this.#isSwitching = true;
    const conversation = await this.#app.api
      .showVersion(conversationId, turnId)
      .catch((error) => toast(`That version cannot be shown. ${messageOf(error)}`));
    if (conversation && conversationId === this.#conversationId) show(conversation);
    this.#isSwitching = false;
    if (this.#isOutdated) this.#watch();
    this.#isOutdated = false;
  }

  #focusComposer() {
    // On a phone the keyboard would cover what is to be seen now.
    if (!matchMedia("(hover: hover)").matches) return;
    document.getElementById("question")?.focus({ preventScroll: true });
  }

  /** @param {MouseEvent} event */
  #promptClicked({ target }) {
    const prompt = target instanceof Element && target.closest("[data-prompt]");
    if (prompt instanceof HTMLElement && prompt.dataset.prompt) this.#ask(prompt.dataset.prompt);
  }

  // Opening

  /** @param {string | null} conversationId null: a new one @param {string | null} [turnId] */
  #open(conversationId, turnId = null) {
    this.#conversationId = conversationId ?? newId();
    this.#sought = turnId;
    this.#stored = null;
    part(this.#element, "earlier").hidden = true;
    this.#feed.clear();
    this.#thread.clear();
    this.#cited.clear();
    this.#sources.close();
    this.#thread.showNote(this.#isInAddress ? "Opening the conversation…" : "");
    this.#showPending();
    this.#setTitle(NEW_TITLE);
    this.#setTemporary(false);
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
    this.#feed.expect();
    try {
      const { conversation } = await this.#connection.request("watch", {
        conversation_id: conversationId,
      });
      if (conversationId !== this.#conversationId) return;
      if (conversation) this.#arrived(conversation);
      else if (mustExist) this.#absent();
    } catch (error) {
      if (conversationId !== this.#conversationId || !this.#connection.isOpen) return;
      this.#thread.showNote(`The conversation cannot be shown. ${messageOf(error)}`);
      if (error instanceof RequestFailed && error.retryable)
        this.#retry = setTimeout(() => this.#watch(tries + 1), pauseMs(tries));
    }
  }

  /** @param {ConversationDetail} conversation */
  async #arrived(conversation) {
    this.#loaded(conversation);
    const turnId = this.#sought;
    this.#sought = null;
    if (!turnId) return;
    while (!this.#thread.goTo(turnId) && (await this.#loadEarlier()));
    if (this.#feed.has(turnId) || conversation.conversation_id !== this.#conversationId) return;
    await this.#withVersion(turnId, async (another) => {
      this.#loaded(another);
      while (!this.#thread.goTo(turnId) && (await this.#loadEarlier()));
    });
  }

  /** For the button: the keyboard goes on with what is now there. */
  async #showEarlier() {
    const first = this.#feed.turns[0]?.turnId;
    if ((await this.#loadEarlier()) && part(this.#element, "earlier").hidden && first)
      this.#thread.goTo(first);
  }

  /** @returns {Promise<boolean>} whether there is more of it now */
  async #loadEarlier() {
    const stored = this.#stored;
    const position = stored?.earlier_turns ? stored.turns[0]?.position : undefined;
    if (!stored || position === undefined) return false;
    try {
      const before = await this.#app.api.turnsBefore(stored.conversation_id, position);
      if (stored !== this.#stored || before.turns.length === 0) return false;
      const whole = { ...stored, ...before, turns: [...before.turns, ...stored.turns] };
      this.#thread.prepend(() => this.#loaded(whole));
      return true;
    } catch (error) {
      toast(`Earlier messages cannot be shown. ${messageOf(error)}`);
      return false;
    }
  }

  /**
   * What was read again has its latest turns only; those read before them are still the ones before them.
   *
   * @param {ConversationDetail} conversation
   * @returns {ConversationDetail}
   */
  #withEarlierKnown(conversation) {
    const [first] = conversation.turns;
    const known = this.#stored?.turns ?? [];
    const at = known.findIndex(({ turn_id }) => turn_id === first?.turn_id);
    if (at < 1 || !this.#stored) return conversation;
    const turns = [...known.slice(0, at), ...conversation.turns];
    return { ...conversation, turns, earlier_turns: this.#stored.earlier_turns };
  }

  /** @param {ConversationDetail} read */
  #loaded(read) {
    const conversation = this.#withEarlierKnown(read);
    const { title, turns, earlier_turns, temporary = false } = conversation;
    this.#stored = conversation;
    this.#thread.showNote("");
    part(this.#element, "earlier").hidden = !earlier_turns;
    this.#setTitle(title);
    this.#setTemporary(temporary);
    const known = new Set(this.#feed.turns.map(({ turnId }) => turnId));
    this.#isNews = ({ turnId }) => known.has(turnId);
    this.#feed.load(turns, { earlier: earlier_turns });
    this.#isNews = () => true;
    for (const { client_id } of turns) this.#outbox.remove(client_id);
    this.#tellActivity();
    this.#thread.flush();
    this.#thread.arrange(this.#feed.turns.map(({ turnId }) => turnId));
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
    if (!this.#isInAddress) history.pushState(null, "", addressOf(conversationId));
    this.#describe();
    this.#feed.begin(turnId, clientId);
  }

  /** Another version of a question is shown, here or in another tab. @param {string} conversationId */
  #pathChanged(conversationId) {
    if (conversationId !== this.#conversationId) return;
    // Our own change may be told before it is answered; that answer keeps the reader's place.
    if (this.#isSwitching) this.#isOutdated = true;
    else this.#watch();
  }

  /** @param {Turn} turn */
  #turnChanged(turn) {
    if (this.#isNews(turn)) this.#speech.follow(turn);
    else this.#speech.skip(turn);
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

  /** The turn that goes on; others wait for its end. */
  get #activeTurn() {
    return this.#feed.turns.find((turn) => !isOver(turn)) ?? null;
  }

  /** The switch that makes a new conversation a temporary one. */
  get #toggle() {
    return part(this.#element, "temporary", HTMLInputElement);
  }

  /**
   * Whether leaving needs a warning now: it is given once for each temporary conversation. The browser's own
   * comes with a reload as well, which loses nothing, so it does not stand for ours.
   *
   * @param {"here" | "by browser"} where
   */
  #takeWarning(where) {
    const key = `steward.warned:${this.#conversationId}`;
    const given = inTab.get(key);
    if (!this.#isTemporary || this.#feed.turns.length === 0) return false;
    if (given === "here" || given === where) return false;
    inTab.set(key, where);
    return true;
  }

  #showPending() {
    this.#thread.showPending(this.#outbox.of(this.#conversationId));
  }

  #tellActivity() {
    const turn = this.#activeTurn;
    const waiting = turn ? callsOf(turn).filter(isWaiting) : [];
    const queued = this.#feed.turns.filter(isInLine).length;
    this.#app.tell("activity", { isActive: turn !== null, isWaiting: waiting.length > 0, queued });
    this.#thread.setBusy(turn !== null);
    const mark = waiting.length ? `● ${phaseWords(callPhase(waiting[0])).label} · ` : "";
    document.title = `${mark}${this.#title} · Steward`;
  }

  /** @param {string} title */
  #setTitle(title) {
    this.#title = title;
    setText(part(this.#element, "title"), title);
    this.#tellActivity();
  }

  /** @param {boolean} isTemporary */
  #setTemporary(isTemporary) {
    this.#isTemporary = isTemporary;
    this.#toggle.checked = isTemporary;
    part(this.#element, "temporary-mark").hidden = !isTemporary;
    this.#describe();
  }

  /** Tells what can be done with the conversation as a whole. */
  #describe() {
    this.#app.tell("described", {
      conversationId: this.#conversationId,
      exists: this.#isInAddress,
      isTemporary: this.#isTemporary,
    });
  }
}

/** @param {unknown} error */
function messageOf(error) {
  return error instanceof Error ? error.message : String(error);
}
