// @ts-check
/**
 * A turn folded from its numbered events. Pure: the same events give the same turn, live or replayed.
 *
 * The numbering rule is that of shared/wire/events.py: an event covers `first` to `n`. It is next when
 * `first <= applied + 1 <= n`, old when `n <= applied`, and something is missing when `first > applied + 1`.
 */

/** @import { CallError, WireEvent } from "../types/wire.js" */
/** @import { Call, Part, Turn } from "../types/turn.js" */

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
    applied: 0,
    parts: [],
    calls: {},
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
  const numbered = { ...withoutCoveredText(turn, event), applied: event.n };
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
      return withCall(turn, event.call_id, {
        approval: {
          arguments: event.arguments,
          schema: event.arguments_schema,
          preview: event.preview,
          previewProblem: event.preview_problem,
          rule: event.rule,
          reason: event.reason,
          expiresAt: event.expires_at,
        },
      });
    case "approval_decided":
      return withCall(turn, event.call_id, {
        arguments: event.arguments,
        decision: {
          decision: event.decision,
          arguments: event.arguments,
          edited: event.edited,
          decidedBy: event.decided_by,
          note: event.note,
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
          error: event.error,
        },
      });
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

/** @param {Turn} turn @param {Turn["outcome"]} outcome @param {CallError | null} error @returns {Turn} */
function finished(turn, outcome, error) {
  const parts = turn.parts.map((part) =>
    part.kind === "text" && !part.finished ? { ...part, finished: true } : part,
  );
  return { ...turn, parts, outcome, error, dropped: null };
}

/** @param {import("../types/wire.js").CallProposed} event @returns {Call} */
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
    approval: null,
    decision: null,
    startedAt: null,
    progress: null,
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

/** Calls in the order they were proposed. @param {Turn} turn @returns {Call[]} */
export function callsOf(turn) {
  return turn.parts.flatMap((part) => (part.kind === "call" ? [turn.calls[part.callId]] : []));
}
