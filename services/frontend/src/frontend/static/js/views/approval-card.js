// @ts-check
/**
 * Asks the person for a yes: what will be sent, what it will change, and why it asks.
 *
 * No key decides: Enter in a field and Escape do nothing, only the two buttons do, and each only once.
 */

import { fromTemplate, part, setText } from "../lib/dom.js";
import { argumentOf, taintedTexts, untrustedOf } from "../lib/taint.js";
import { PreviewFetch } from "../models/preview-fetch.js";
import { ArgumentForm } from "./argument-form.js";
import { diffLines, onlyChanged } from "./definition-diff.js";
import { ExpiryClock } from "./expiry-clock.js";
import { GrantForm } from "./grant-form.js";
import { PreviewView } from "./preview-view.js";
import { sqlView } from "./sql-view.js";
import { taintView } from "./taint-view.js";

/** @import { Approval, Call } from "../types/turn.js" */
/** @import { PersonsDecision } from "../models/decisions.js" */
/** @import { JsonObject, PreviewAnswer } from "../types/wire.js" */

/**
 * @typedef {object} ApprovalPort what the card needs from outside
 * @property {(callId: string, args: JsonObject) => Promise<PreviewAnswer>} preview
 * @property {(decision: PersonsDecision) => Promise<void>} decide
 *   rejects with a sentence for the person when it did not count
 */

export class ApprovalCard {
  #call;
  #approval;
  #port;
  #form;
  #previewView;
  #previewFetch;
  /** @type {GrantForm | null} */
  #grantForm = null;
  #isPreviewing = false;
  #isDeciding = false;
  #clock;
  #tainted;

  /**
   * @param {Call & { approval: Approval }} call
   * @param {ApprovalPort} port
   * @param {{ mayDecide?: boolean, requestedBy?: string }} [view] without it, whoever asked decides, unless a second
   *   person must; `requestedBy` names somebody else who asked
   */
  constructor(
    call,
    port,
    { mayDecide = call.approval.approverRoles.length === 0, requestedBy = "" } = {},
  ) {
    this.#call = call;
    this.mayDecide = mayDecide;
    this.#approval = call.approval;
    this.#port = port;
    this.element = fromTemplate("approval-template");
    this.#describe();
    this.#form = new ArgumentForm(part(this.element, "fields"), call.approval, () =>
      this.#edited(),
    );
    this.#tainted = taintedTexts(call.approval.arguments, call.approval.taint);
    this.#previewView = new PreviewView(
      part(this.element, "preview"),
      call.readOnly,
      untrustedOf(this.#tainted),
    );
    this.#previewFetch = new PreviewFetch(
      (args) => port.preview(call.callId, args),
      (answer) => this.#previewed(answer),
    );
    this.#previewView.show({
      preview: call.approval.preview,
      problem: call.approval.previewProblem,
    });
    this.#bind();
    this.#drawSql(call.approval.arguments);
    this.#mark();
    this.#showOutdatedGrant();
    if (call.approval.mayGrant && mayDecide) this.#offerGrant();
    if (!mayDecide) this.#showWaiting();
    else if (requestedBy) setText(part(this.element, "eyebrow"), `${requestedBy} needs your yes`);
    this.#enable();
    this.#clock = new ExpiryClock(part(this.element, "expiry"), call.approval.expiresAt);
  }

  // Lifecycle

  /** Stops the clock and whatever was asked. */
  close() {
    this.#clock.stop();
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
    this.setDeciding(decision);
    try {
      await this.#port.decide(this.draft(decision));
    } catch (error) {
      this.showProblem(error instanceof Error ? error.message : String(error));
      part(this.element, decision).focus();
    }
  }

  /** What is decided if the button is pressed now. @param {"approve" | "reject"} decision @returns {PersonsDecision} */
  draft(decision) {
    const edits = this.#form.edited.length ? this.#form.arguments : null;
    const grant = this.#grantForm?.wish;
    return {
      callId: this.#call.callId,
      decision,
      ...(decision === "approve" && edits ? { arguments: edits } : {}),
      ...(decision === "approve" && grant ? { grant } : {}),
      note: part(this.element, "note", HTMLTextAreaElement).value.trim(),
    };
  }

  /** Whether it can be approved as it stands. */
  get isReady() {
    return !part(this.element, "approve", HTMLButtonElement).disabled;
  }

  /** The call, as the person knows it. */
  get title() {
    return this.#call.title || this.#call.tool;
  }

  /** A decision did not count. @param {string} words */
  showProblem(words) {
    this.setDeciding(null);
    setText(part(this.element, "problem"), words);
  }

  /** @param {"approve" | "reject" | null} decision on its way; null: none any more */
  setDeciding(decision) {
    this.#isDeciding = decision !== null;
    this.#form.lock(this.#isDeciding);
    this.#grantForm?.lock(this.#isDeciding);
    this.element.toggleAttribute("aria-busy", this.#isDeciding);
    this.#enable();
    if (decision) {
      setText(part(this.element, "problem"), decision === "approve" ? "Approving…" : "Rejecting…");
    }
  }

  #edited() {
    const args = this.#form.arguments;
    const hasEdits = this.#form.edited.length > 0;
    if (args) this.#grantForm?.follow(args);
    if (args) this.#drawSql(args);
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

  get #approveWords() {
    const changes = this.#form.edited.length ? " with changes" : "";
    const lifetime = this.#grantForm?.lifetimeWords;
    return `Approve${changes}${lifetime ? ` for ${lifetime}` : ""}`;
  }

  /** A statement reads better coloured than in its field. @param {JsonObject} args as they would be sent now */
  #drawSql({ sql, params = null, parameters = null }) {
    const box = part(this.element, "sql");
    box.hidden = typeof sql !== "string";
    if (typeof sql === "string") box.replaceChildren(...sqlView(sql, { params, parameters }));
  }

  /** Where strangers may have written what would be sent. */
  #mark() {
    for (const tainted of this.#tainted) {
      this.#form.annotate(argumentOf(tainted.path), taintView(tainted));
    }
  }

  #showOutdatedGrant() {
    const { outdatedGrant } = this.#approval;
    part(this.element, "outdated").hidden = !outdatedGrant;
    if (!outdatedGrant) return;
    const { before, after } = onlyChanged(outdatedGrant.before, outdatedGrant.after);
    part(this.element, "diff").append(...diffLines(before, after));
  }

  #offerGrant() {
    const box = part(this.element, "longer");
    box.hidden = false;
    this.#grantForm = new GrantForm(box, {
      tainted: new Set(this.#approval.taint.map(({ argument }) => argumentOf(argument))),
      onChange: () => this.#enable(),
    });
    this.#grantForm.follow(this.#form.arguments ?? this.#approval.arguments);
  }

  /** The decision is somebody else's: there is nothing to press here. */
  #showWaiting() {
    const roles = this.#approval.approverRoles.map((role) => `“${role}”`).join(" or ");
    const who = roles ? `somebody else with the role ${roles}` : "somebody else";
    setText(part(this.element, "eyebrow"), "A second person must say yes");
    setText(
      part(this.element, "waits"),
      `This waits for ${who}. You can take it back by stopping the answer.`,
    );
    part(this.element, "waits").hidden = false;
    part(this.element, "foot").hidden = true;
    this.#form.lock(true);
    this.element.setAttribute("role", "group");
    this.element.removeAttribute("aria-modal");
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
  }

  #enable() {
    const approve = part(this.element, "approve", HTMLButtonElement);
    const reject = part(this.element, "reject", HTMLButtonElement);
    const isValid = this.#form.arguments !== null && (this.#grantForm?.isValid ?? true);
    setText(approve, this.#approveWords);
    approve.disabled = this.#isDeciding || this.#isPreviewing || !isValid;
    reject.disabled = this.#isDeciding;
    if (this.#isDeciding) return;
    setText(part(this.element, "problem"), isValid ? "" : "Mend the marked field to approve.");
  }
}
