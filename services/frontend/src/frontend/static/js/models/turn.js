// @ts-check
/**
 * A turn folded from its numbered events. Pure: the same events give the same turn, live or replayed.
 *
 * The numbering rule is that of shared/wire/events.py: an event covers `first` to `n`. It is next when
 * `first <= applied + 1 <= n`, old when `n <= applied`, and something is missing when `first > applied + 1`.
 */

/** @import { ApprovalNeeded, CallError, CallProposed, InputAnswered, InputNeeded, WireEvent } from "../types/wire.js" */
/** @import { Approval, Call, LostOutcome, Part, ServerQuestion, Turn } from "../types/turn.js" */

/**
 * @param {string} turnId
 * @param {string} [clientId]
 * @returns {Turn}
 */
export function newTurn(turnId, clientId = "") {
  return {
    turnId,
    clientId,
    question: "",
    title: "",
    model: "",
    startedAt: null,
    replaces: null,
    queued: false,
    isNext: false,
    versions: [],
    applied: 0,
    parts: [],
    calls: {},
    citations: null,
    dropped: null,
    inputTokens: 0,
    outputTokens: 0,
    outcome: null,
    error: null,
  };
}

/**
 * Applies what is next and leaves out what is old, up to the first gap.
 *
 * @param {Turn} turn
 * @param {readonly WireEvent[]} events in order
 * @returns {{ turn: Turn, missed: boolean }} `missed`: there was a gap, the rest must be asked for
 */
export function applyEvents(turn, events) {
  let result = turn;
  for (const event of events) {
    if (event.first > result.applied + 1) return { turn: result, missed: true };
    result = applyEvent(result, event);
  }
  return { turn: result, missed: false };
}

/**
 * @param {Turn} turn
 * @param {WireEvent} event
 * @returns {Turn} the same object when the event is old or does not fit yet
 */
export function applyEvent(turn, event) {
  if (event.n <= turn.applied || event.first > turn.applied + 1) return turn;
  const numbered = {
    ...withoutCoveredText(turn, event),
    applied: event.n,
    // Whatever else happens to it, it is being answered; one that ends in the queue shows that it did.
    queued: turn.queued && event.kind === "turn_finished",
  };
  return withEvent(numbered, event);
}

/**
 * Deltas that an event covers are void: it sums them up, takes them back, or was sent by a replica that
 * never saw them.
 *
 * @param {Turn} turn
 * @param {WireEvent} event
 */
function withoutCoveredText(turn, event) {
  const open = openText(turn);
  if (!open || event.first > open.first) return turn;
  return { ...turn, parts: turn.parts.filter((part) => part !== open) };
}

/**
 * @param {Turn} turn
 * @param {WireEvent} event
 * @returns {Turn}
 */
function withEvent(turn, event) {
  switch (event.kind) {
    case "turn_started":
      return {
        ...turn,
        clientId: event.client_id,
        question: event.question,
        title: event.title,
        model: event.model,
        startedAt: event.at,
        replaces: event.replaces ?? null,
        queued: event.queued ?? false,
      };
    case "text_delta":
      return withDelta(turn, event.first, event.text);
    case "text_finished":
      return withFinishedText(turn, event.first, event.text);
    case "text_dropped":
      return { ...turn, dropped: event.reason };
    case "call_proposed":
      return withPart(
        { ...turn, calls: { ...turn.calls, [event.call_id]: proposedCall(event) } },
        { kind: "call", key: `call-${event.call_id}`, callId: event.call_id },
      );
    case "approval_needed":
      return withCall(turn, event.call_id, { approval: approvalOf(event) });
    case "approval_decided":
      return withCall(turn, event.call_id, {
        arguments: event.arguments,
        decision: {
          decision: event.decision,
          arguments: event.arguments,
          edited: event.edited,
          decidedBy: event.decided_by,
          note: event.note,
          grantId: event.grant_id ?? null,
        },
      });
    case "call_started":
      return withCall(turn, event.call_id, { startedAt: event.at });
    case "call_progress":
      return withCall(turn, event.call_id, {
        progress: { done: event.done, total: event.total, message: event.message },
      });
    case "call_finished":
      return withCall(turn, event.call_id, {
        progress: null,
        end: {
          state: event.state,
          durationMs: event.duration_ms,
          rows: event.rows,
          result: event.result,
          truncated: event.truncated,
          wholeBytes: event.whole_bytes ?? null,
          error: event.error,
          origin: event.origin ?? null,
        },
      });
    case "outcome_needed":
      return withCall(turn, event.call_id, {
        outcome: {
          message: event.message,
          canCheck: event.can_check,
          expiresAt: event.expires_at,
          checked: null,
          choice: null,
          decidedBy: "",
        },
      });
    case "outcome_checked":
      return withOutcome(turn, event.call_id, {
        checked: { answer: event.answer, text: event.text },
      });
    case "outcome_decided":
      return withOutcome(turn, event.call_id, {
        choice: event.choice,
        decidedBy: event.decided_by,
      });
    case "input_needed":
      return withQuestion(turn, event);
    case "input_answered":
      return withAnswer(turn, event);
    case "notice":
      return withPart(turn, {
        kind: "notice",
        key: `notice-${event.n}`,
        level: event.level,
        text: event.text,
      });
    case "usage":
      return {
        ...turn,
        inputTokens: turn.inputTokens + (event.input_tokens ?? 0),
        outputTokens: turn.outputTokens + (event.output_tokens ?? 0),
      };
    case "citations_checked":
      return { ...turn, citations: { passages: event.passages, sentences: event.sentences } };
    case "turn_finished":
      return finished(turn, event.outcome, event.error);
    default:
      // A newer server may send kinds this page does not know; their numbers still count.
      return turn;
  }
}

/** @param {Turn} turn @param {Part} part @returns {Turn} */
function withPart(turn, part) {
  return { ...turn, parts: [...turn.parts, part] };
}

/** @param {Turn} turn @param {number} first @param {string} text @returns {Turn} */
function withDelta(turn, first, text) {
  const open = openText(turn);
  const started = { ...turn, dropped: null };
  if (!open) {
    return withPart(started, { kind: "text", key: `text-${first}`, first, text, finished: false });
  }
  const grown = { ...open, text: open.text + text };
  return { ...started, parts: turn.parts.map((part) => (part === open ? grown : part)) };
}

/** @param {Turn} turn @param {number} first @param {string} text @returns {Turn} */
function withFinishedText(turn, first, text) {
  const started = { ...turn, dropped: null };
  if (!text) return started;
  return withPart(started, { kind: "text", key: `text-${first}`, first, text, finished: true });
}

/** @param {Turn} turn @param {string} callId @param {Partial<Call>} changes @returns {Turn} */
function withCall(turn, callId, changes) {
  const call = turn.calls[callId];
  if (!call) return turn;
  return { ...turn, calls: { ...turn.calls, [callId]: { ...call, ...changes } } };
}

/** @param {Turn} turn @param {string} callId @param {Partial<LostOutcome>} changes @returns {Turn} */
function withOutcome(turn, callId, changes) {
  const outcome = turn.calls[callId]?.outcome;
  return outcome ? withCall(turn, callId, { outcome: { ...outcome, ...changes } }) : turn;
}

/** @param {Turn} turn @param {InputNeeded} event @returns {Turn} */
function withQuestion(turn, event) {
  /** @type {ServerQuestion} */
  const question = {
    inputId: event.input_id,
    server: event.server,
    mode: event.mode,
    message: event.message,
    schema: event.answer_schema,
    url: event.url,
    domain: event.domain,
    expiresAt: event.expires_at,
    action: null,
  };
  const before = turn.calls[event.call_id]?.questions ?? [];
  return withCall(turn, event.call_id, { questions: [...before, question] });
}

/** @param {Turn} turn @param {InputAnswered} event @returns {Turn} */
function withAnswer(turn, { call_id, input_id, action }) {
  const questions = (turn.calls[call_id]?.questions ?? []).map((question) =>
    question.inputId === input_id ? { ...question, action } : question,
  );
  return withCall(turn, call_id, { questions });
}

/** @param {Turn} turn @param {Turn["outcome"]} outcome @param {CallError | null} error @returns {Turn} */
function finished(turn, outcome, error) {
  const parts = turn.parts.map((part) =>
    part.kind === "text" && !part.finished ? { ...part, finished: true } : part,
  );
  return { ...turn, parts, outcome, error, dropped: null };
}

/** @param {ApprovalNeeded} event @returns {Approval} */
function approvalOf(event) {
  return {
    arguments: event.arguments,
    schema: event.arguments_schema,
    preview: event.preview,
    previewProblem: event.preview_problem,
    rule: event.rule,
    reason: event.reason,
    expiresAt: event.expires_at,
    approverRoles: event.approver_roles ?? [],
    taint: event.taint ?? [],
    mayGrant: event.may_grant ?? false,
    outdatedGrant: event.outdated_grant ?? null,
  };
}

/**
 * A call that waits for a yes, outside of its turn.
 *
 * @param {CallProposed} proposed
 * @param {ApprovalNeeded} needed
 * @returns {Call & { approval: Approval }}
 */
export function waitingCall(proposed, needed) {
  return { ...proposedCall(proposed), approval: approvalOf(needed) };
}

/** @param {CallProposed} event @returns {Call} */
function proposedCall(event) {
  return {
    callId: event.call_id,
    server: event.server,
    tool: event.tool,
    title: event.title,
    arguments: event.arguments,
    readOnly: event.read_only,
    verdict: event.verdict,
    rule: event.rule,
    reason: event.reason,
    grantId: event.grant_id ?? null,
    retryOf: event.retry_of ?? null,
    keepable: event.keepable ?? false,
    approval: null,
    decision: null,
    startedAt: null,
    progress: null,
    outcome: null,
    questions: [],
    end: null,
  };
}

/** The text still being written, if any. @param {Turn} turn */
export function openText(turn) {
  const last = turn.parts.findLast((part) => part.kind === "text");
  return last && !last.finished ? last : null;
}

/** @param {Turn} turn */
export function isOver(turn) {
  return turn.outcome !== null;
}

/** Whether it waits for the end of an earlier turn. @param {Turn} turn */
export function isInLine(turn) {
  return turn.queued && !turn.isNext && !isOver(turn);
}

/** Calls in the order they were proposed. @param {Turn} turn @returns {Call[]} */
export function callsOf(turn) {
  return turn.parts.flatMap((part) => (part.kind === "call" ? [turn.calls[part.callId]] : []));
}
