/** What the page knows of a turn, folded from its events. Values are never changed in place. */

import type {
  CallError,
  CallState,
  Decision,
  Json,
  JsonObject,
  Outcome,
  Preview,
  Verdict,
} from "./wire.js";

/** A piece of the answer, in the order it came. `key` stays the same while the piece grows. */
export type Part = TextPart | CallPart | NoticePart;

export interface TextPart {
  kind: "text";
  key: string;
  /** Number of the first event the text comes from. */
  first: number;
  text: string;
  /** False while deltas may still be added or taken back. */
  finished: boolean;
}

export interface CallPart {
  kind: "call";
  key: string;
  callId: string;
}

export interface NoticePart {
  kind: "notice";
  key: string;
  level: "info" | "warning" | "error";
  text: string;
}

export interface Approval {
  arguments: JsonObject;
  schema: JsonObject;
  preview: Preview | null;
  previewProblem: string | null;
  rule: string;
  reason: string;
  expiresAt: string;
}

export interface DecisionTaken {
  decision: Decision;
  arguments: JsonObject;
  edited: string[];
  decidedBy: string;
  note: string;
}

export interface CallEnd {
  state: CallState;
  durationMs: number | null;
  rows: number | null;
  result: Json;
  truncated: boolean;
  error: CallError | null;
}

export interface Call {
  callId: string;
  server: string;
  tool: string;
  title: string;
  arguments: JsonObject;
  readOnly: boolean;
  verdict: Verdict;
  rule: string;
  reason: string;
  approval: Approval | null;
  decision: DecisionTaken | null;
  startedAt: string | null;
  progress: { done: number; total: number | null; message: string } | null;
  end: CallEnd | null;
}

export interface Turn {
  turnId: string;
  clientId: string;
  question: string;
  title: string;
  model: string;
  startedAt: string | null;
  /** The number up to which everything is applied. */
  applied: number;
  parts: Part[];
  calls: Record<string, Call>;
  /** Why the last reply was taken back; null once another one has begun. */
  dropped: string | null;
  inputTokens: number;
  outputTokens: number;
  outcome: Outcome | null;
  error: CallError | null;
}
