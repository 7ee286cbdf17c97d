// @ts-check
/**
 * Asks the person for a yes: what will be sent, what it will change, and why it asks.
 *
 * No key decides: Enter in a field and Escape do nothing, only the two buttons do, and each only once.
 */

import { fromTemplate, part, setText } from "../lib/dom.js";
import { expiryTickMs, expiryWords } from "../lib/time-words.js";
import { PreviewFetch } from "../models/preview-fetch.js";
import { ArgumentForm } from "./argument-form.js";
import { PreviewView } from "./preview-view.js";

/** @import { Approval, Call } from "../types/turn.js" */
/** @import { JsonObject, PreviewAnswer } from "../types/wire.js" */

/**
 * @typedef {object} ApprovalPort what the card needs from outside
 * @property {(callId: string, args: JsonObject) => Promise<PreviewAnswer>} preview
 * @property {(decision: { callId: string, decision: "approve" | "reject", arguments?: JsonObject, note: string }) => Promise<void>} decide
 *   rejects with a sentence for the person when it did not count
 */

export class ApprovalCard {
  #call;
  #approval;
  #port;
  #form;
  #previewView;
  #previewFetch;
  #isPreviewing = false;
  #isDeciding = false;
  #ticking = 0;

  /** @param {Call & { approval: Approval }} call @param {ApprovalPort} port */
  constructor(call, port) {
    this.#call = call;
    this.#approval = call.approval;
    this.#port = port;
    this.element = fromTemplate("approval-template");
    this.#describe();
    this.#form = new ArgumentForm(part(this.element, "fields"), call.approval, () =>
      this.#edited(),
    );
    this.#previewView = new PreviewView(part(this.element, "preview"), call.readOnly);
    this.#previewFetch = new PreviewFetch(
      (args) => port.preview(call.callId, args),
      (answer) => this.#previewed(answer),
    );
    this.#previewView.show({
      preview: call.approval.preview,
      problem: call.approval.previewProblem,
    });
    this.#bind();
    this.#tick();
  }

  // Lifecycle

  /** Stops the clock and whatever was asked. */
  close() {
    window.clearTimeout(this.#ticking);
    this.#previewFetch.cancel();
    this.element.remove();
  }

  /** Where a person who is called to this card begins to read. */
  focus() {
    this.element.focus({ preventScroll: true });
  }

  // Actions

  /** @param {"approve" | "reject"} decision */
  async #decide(decision) {
    if (this.#isDeciding) return;
    const edits = this.#form.edited.length ? this.#form.arguments : null;
    this.#setDeciding(decision);
    try {
      await this.#port.decide({
        callId: this.#call.callId,
        decision,
        ...(decision === "approve" && edits ? { arguments: edits } : {}),
        note: part(this.element, "note", HTMLTextAreaElement).value.trim(),
      });
    } catch (error) {
      this.#setDeciding(null);
      setText(
        part(this.element, "problem"),
        error instanceof Error ? error.message : String(error),
      );
      part(this.element, decision).focus();
    }
  }

  #edited() {
    const args = this.#form.arguments;
    const hasEdits = this.#form.edited.length > 0;
    setText(part(this.element, "approve"), hasEdits ? "Approve with changes" : "Approve");
    this.#previewFetch.cancel();
    this.#isPreviewing = false;
    if (!this.#offersPreview) return this.#enable();
    if (!hasEdits) {
      this.#previewView.show({
        preview: this.#approval.preview,
        problem: this.#approval.previewProblem,
      });
    } else if (args) {
      this.#isPreviewing = true;
      this.#previewView.showBusy();
      this.#previewFetch.request(args);
    }
    this.#enable();
  }

  /** @param {PreviewAnswer} answer */
  #previewed(answer) {
    this.#isPreviewing = false;
    this.#previewView.show(answer);
    this.#enable();
  }

  // Internal

  /** A tool without a preview has none for other arguments either. */
  get #offersPreview() {
    return this.#approval.preview !== null || this.#approval.previewProblem !== null;
  }

  #describe() {
    const { callId, title, tool, server } = this.#call;
    const { reason, rule } = this.#approval;
    for (const [name, text] of Object.entries({
      title: title || tool,
      tool,
      server,
      reason,
      rule,
    })) {
      setText(part(this.element, name), text);
    }
    const titleId = `approval-title-${callId}`;
    const reasonId = `approval-reason-${callId}`;
    part(this.element, "title").id = titleId;
    part(this.element, "reason").id = reasonId;
    part(this.element, "fields").setAttribute("aria-label", "What will be sent");
    this.element.setAttribute("aria-labelledby", titleId);
    this.element.setAttribute("aria-describedby", reasonId);
    this.element.dataset.callId = callId;
  }

  #bind() {
    part(this.element, "form").addEventListener("submit", (event) => event.preventDefault());
    part(this.element, "approve").addEventListener("click", () => this.#decide("approve"));
    part(this.element, "reject").addEventListener("click", () => this.#decide("reject"));
    if (this.#form.count === 0)
      setText(part(this.element, "fields"), "Nothing: this tool takes no arguments.");
    if (!this.#form.isEditable) {
      setText(
        part(this.element, "fields-title"),
        "What will be sent (a number here is too large to edit)",
      );
    }
    this.#enable();
  }

  #enable() {
    const approve = part(this.element, "approve", HTMLButtonElement);
    const reject = part(this.element, "reject", HTMLButtonElement);
    const isValid = this.#form.arguments !== null;
    approve.disabled = this.#isDeciding || this.#isPreviewing || !isValid;
    reject.disabled = this.#isDeciding;
    if (this.#isDeciding) return;
    setText(part(this.element, "problem"), isValid ? "" : "Mend the marked field to approve.");
  }

  /** @param {"approve" | "reject" | null} decision */
  #setDeciding(decision) {
    this.#isDeciding = decision !== null;
    this.#form.lock(this.#isDeciding);
    this.element.toggleAttribute("aria-busy", this.#isDeciding);
    this.#enable();
    if (decision) {
      setText(part(this.element, "problem"), decision === "approve" ? "Approving…" : "Rejecting…");
    }
  }

  #tick() {
    const msLeft = Date.parse(this.#approval.expiresAt) - Date.now();
    setText(part(this.element, "expiry"), expiryWords(msLeft));
    part(this.element, "expiry").toggleAttribute("data-soon", msLeft < 5 * 60_000);
    if (msLeft > 0) this.#ticking = window.setTimeout(() => this.#tick(), expiryTickMs(msLeft));
  }
}
