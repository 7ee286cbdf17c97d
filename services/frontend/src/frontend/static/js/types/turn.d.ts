/** What the page knows of a turn, folded from its events. Values are never changed in place. */

import type { Citations } from "./knowledge.js";
import type {
  CallError,
  CallState,
  CheckedOutcome,
  Decision,
  DefinitionChange,
  InputAction,
  Json,
  JsonObject,
  Origin,
  Outcome,
  OutcomeChoice,
  Preview,
  TaintMark,
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
  /** Empty: the person who asked decides. Otherwise somebody else with one of these roles must. */
  approverRoles: string[];
  taint: TaintMark[];
  mayGrant: boolean;
  outdatedGrant: DefinitionChange | null;
}

export interface DecisionTaken {
  decision: Decision;
  arguments: JsonObject;
  edited: string[];
  decidedBy: string;
  note: string;
  grantId: string | null;
}

/** A call that was sent and whose answer was lost: what is known, and what the person chose. */
export interface LostOutcome {
  message: string;
  canCheck: boolean;
  expiresAt: string;
  /** What its server last said. */
  checked: { answer: CheckedOutcome; text: string } | null;
  choice: OutcomeChoice | null;
  decidedBy: string;
}

/** A tool server's question to the person. */
export interface ServerQuestion {
  inputId: string;
  server: string;
  mode: "form" | "url" | "sign_in";
  message: string;
  schema: JsonObject;
  url: string | null;
  domain: string | null;
  expiresAt: string;
  /** How it ended; null while it is open. */
  action: InputAction | null;
}

export interface CallEnd {
  state: CallState;
  durationMs: number | null;
  rows: number | null;
  result: Json;
  truncated: boolean;
  error: CallError | null;
  /** Size of the whole result, when only a part of it is here. */
  wholeBytes: number | null;
  /** Where the result's text comes from. */
  origin: Origin | null;
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
  /** The standing yes under which it runs without a question. */
  grantId: string | null;
  /** The call of unknown outcome that was tried again by this one. */
  retryOf: string | null;
  /** Its server can keep it under a name, once it has succeeded. */
  keepable: boolean;
  approval: Approval | null;
  decision: DecisionTaken | null;
  startedAt: string | null;
  progress: { done: number; total: number | null; message: string } | null;
  outcome: LostOutcome | null;
  /** In the order they were asked. */
  questions: ServerQuestion[];
  end: CallEnd | null;
}

export interface Turn {
  turnId: string;
  clientId: string;
  question: string;
  title: string;
  model: string;
  startedAt: string | null;
  /** The turn of which this is another version. */
  replaces: string | null;
  /** It was to wait for the end of an earlier turn, and nothing else has happened to it than its own end. */
  queued: boolean;
  /** No earlier turn goes on any more. */
  isNext: boolean;
  /** Turn ids of all versions of its question, oldest first. Empty: there is only this one. */
  versions: string[];
  /** The number up to which everything is applied. */
  applied: number;
  parts: Part[];
  calls: Record<string, Call>;
  /** What its last text cites, held against the sources; null before, and when that was not done. */
  citations: Citations | null;
  /** Why the last reply was taken back; null once another one has begun. */
  dropped: string | null;
  inputTokens: number;
  outputTokens: number;
  outcome: Outcome | null;
  error: CallError | null;
}
