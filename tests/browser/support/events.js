// @ts-check
/** Makers of a turn's events. */

/** @import { JsonObject, WireEvent } from "#js/types/wire.js" */

/**
 * Numbers events one after the other.
 *
 * @param {...(Record<string, unknown> & { kind: WireEvent["kind"], covers?: number })} events `covers`: how many numbers before its own it sums up or takes back
 * @returns {WireEvent[]}
 */
export function numbered(...events) {
  return events.map(
    ({ covers = 0, ...event }, at) =>
      /** @type {any} */ ({ n: at + 1, first: at + 1 - covers, ...event }),
  );
}

/** @param {string} [question] */
export function started(question = "How many tasks?") {
  return /** @type {const} */ ({
    kind: "turn_started",
    turn_id: "turn-1",
    conversation_id: "conversation-1",
    client_id: "client-1",
    question,
    title: "Tasks",
    model: "demo",
    at: "2026-11-21T09:00:00Z",
  });
}

/** @param {string} text */
export function delta(text) {
  return /** @type {const} */ ({ kind: "text_delta", text });
}

/** @param {Record<string, unknown>} [changes] */
export function proposed(changes = {}) {
  return /** @type {const} */ ({
    kind: "call_proposed",
    call_id: "call-1",
    server: "dbquery",
    tool: "set_task_status",
    title: "Set a task's status",
    arguments: { task_id: 42, status: "done" },
    read_only: false,
    repeatable: true,
    verdict: "ask",
    rule: "changes-ask",
    reason: "It changes data.",
    ...changes,
  });
}

/** @type {JsonObject} */
export const STATUS_SCHEMA = {
  type: "object",
  properties: {
    task_id: { type: "integer", minimum: 1 },
    status: { enum: ["todo", "in_progress", "review", "done"] },
  },
  required: ["task_id", "status"],
};

/** @param {Record<string, unknown>} [changes] */
export function asked(changes = {}) {
  return /** @type {const} */ ({
    kind: "approval_needed",
    call_id: "call-1",
    arguments: { task_id: 42, status: "done" },
    arguments_schema: STATUS_SCHEMA,
    preview: {
      summary: "Task 42 becomes done.",
      changes: [{ item: "Task 42", field: "status", old: "in_progress", new: "done" }],
    },
    preview_problem: null,
    rule: "changes-ask",
    reason: "It changes data.",
    expires_at: "2099-01-01T00:00:00Z",
    ...changes,
  });
}

/** @param {"approved" | "rejected" | "expired" | "cancelled"} decision @param {Record<string, unknown>} [changes] */
export function decided(decision, changes = {}) {
  return /** @type {const} */ ({
    kind: "approval_decided",
    call_id: "call-1",
    decision,
    arguments: { task_id: 42, status: "done" },
    edited: [],
    decided_by: "Ada",
    note: "",
    ...changes,
  });
}

/** @param {Record<string, unknown>} [changes] */
export function callStarted(changes = {}) {
  return /** @type {const} */ ({
    kind: "call_started",
    call_id: "call-1",
    at: "2026-11-21T09:00:01Z",
    ...changes,
  });
}

/** @param {string} state @param {Record<string, unknown>} [changes] */
export function callFinished(state, changes = {}) {
  return /** @type {const} */ ({
    kind: "call_finished",
    call_id: "call-1",
    state,
    duration_ms: 24,
    rows: null,
    result: null,
    truncated: false,
    error: null,
    ...changes,
  });
}

/** @param {Record<string, unknown>} [changes] */
export function outcomeNeeded(changes = {}) {
  return /** @type {const} */ ({
    kind: "outcome_needed",
    call_id: "call-1",
    message: "It was sent, but the answer was lost.",
    can_check: true,
    expires_at: "2099-01-01T00:00:00Z",
    ...changes,
  });
}

/** @param {"done" | "not_done" | "unknown"} answer @param {string} [text] */
export function outcomeChecked(answer, text = "") {
  return /** @type {const} */ ({ kind: "outcome_checked", call_id: "call-1", answer, text });
}

/** @param {"retry" | "done" | "leave" | "expired" | "cancelled"} choice */
export function outcomeDecided(choice, decided_by = "Ada") {
  return /** @type {const} */ ({ kind: "outcome_decided", call_id: "call-1", choice, decided_by });
}

/** @param {Record<string, unknown>} [changes] */
export function inputNeeded(changes = {}) {
  return /** @type {const} */ ({
    kind: "input_needed",
    input_id: "input-1",
    call_id: "call-1",
    server: "rooms",
    mode: "form",
    message: "For whom is the room?",
    answer_schema: {
      type: "object",
      properties: { email: { type: "string", format: "email", title: "Your e-mail" } },
      required: ["email"],
    },
    url: null,
    domain: null,
    live: false,
    expires_at: "2099-01-01T00:00:00Z",
    ...changes,
  });
}

/** @param {"accept" | "decline" | "cancel" | "expired"} action @param {string} [inputId] */
export function inputAnswered(action, inputId = "input-1") {
  return /** @type {const} */ ({
    kind: "input_answered",
    input_id: inputId,
    call_id: "call-1",
    action,
  });
}

/** @param {"answered" | "stopped" | "failed"} [outcome] */
export function finished(outcome = "answered") {
  return /** @type {const} */ ({ kind: "turn_finished", outcome, error: null });
}
