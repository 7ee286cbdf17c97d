/** The messages of shared/wire as the page sees them; tests/contracts/events holds one example of each. */

import type { Citations } from "./knowledge.js";
import type { MailShown } from "./mail.js";

export type Json = null | boolean | number | string | Json[] | { [name: string]: Json };
export type JsonObject = { [name: string]: Json };

export type Verdict = "run" | "ask" | "ask_second_person" | "refuse";
export type Decision = "approved" | "rejected" | "expired" | "cancelled";
export type Outcome = "answered" | "stopped" | "failed";
export type CallState =
  | "proposed"
  | "approved"
  | "sent"
  | "succeeded"
  | "failed"
  | "refused"
  | "rejected"
  | "expired"
  | "cancelled"
  | "outcome_unknown"
  | "retried"
  | "marked_done";
export type OutcomeChoice = "retry" | "done" | "leave" | "expired" | "cancelled";
export type CheckedOutcome = "done" | "not_done" | "unknown";
export type InputAction = "accept" | "decline" | "cancel" | "expired";

export interface Change {
  item: string;
  field: string;
  old: Json;
  new: Json;
}

export interface Preview {
  summary: string;
  changes: Change[];
  mail?: MailShown | null;
}

export interface Origin {
  kind: "person" | "document" | "web" | "mail" | "database" | "tool";
  server: string;
  trusted: boolean;
}

export interface TaintMark {
  argument: string;
  start: number;
  end: number;
  origin: Origin;
}

export interface DefinitionChange {
  before: JsonObject;
  after: JsonObject;
}

export interface CallError {
  code: string;
  message: string;
  hint: string | null;
}

interface Numbered {
  n: number;
  first: number;
}

export interface TurnStarted extends Numbered {
  kind: "turn_started";
  turn_id: string;
  conversation_id: string;
  client_id: string;
  question: string;
  title: string;
  model: string;
  at: string;
  replaces: string | null;
  queued: boolean;
}

export interface TextDelta extends Numbered {
  kind: "text_delta";
  text: string;
}

export interface TextFinished extends Numbered {
  kind: "text_finished";
  text: string;
}

export interface TextDropped extends Numbered {
  kind: "text_dropped";
  reason: string;
  handed_over?: boolean;
}

export interface CallProposed extends Numbered {
  kind: "call_proposed";
  call_id: string;
  server: string;
  tool: string;
  title: string;
  arguments: JsonObject;
  read_only: boolean;
  repeatable: boolean;
  verdict: Verdict;
  rule: string;
  reason: string;
  approver_roles: string[];
  grant_id: string | null;
  retry_of: string | null;
  keepable?: boolean;
}

export interface ApprovalNeeded extends Numbered {
  kind: "approval_needed";
  call_id: string;
  arguments: JsonObject;
  arguments_schema: JsonObject;
  preview: Preview | null;
  preview_problem: string | null;
  rule: string;
  reason: string;
  expires_at: string;
  approver_roles: string[];
  taint: TaintMark[];
  may_grant: boolean;
  outdated_grant: DefinitionChange | null;
}

export interface ApprovalDecided extends Numbered {
  kind: "approval_decided";
  call_id: string;
  decision: Decision;
  arguments: JsonObject;
  edited: string[];
  decided_by: string;
  note: string;
  grant_id: string | null;
}

export interface CallStarted extends Numbered {
  kind: "call_started";
  call_id: string;
  at: string;
}

export interface CallProgress extends Numbered {
  kind: "call_progress";
  call_id: string;
  done: number;
  total: number | null;
  message: string;
}

export interface CallFinished extends Numbered {
  kind: "call_finished";
  call_id: string;
  state: CallState;
  duration_ms: number | null;
  rows: number | null;
  result: Json;
  truncated: boolean;
  error: CallError | null;
  origin: Origin | null;
  whole_bytes?: number | null;
}

export interface OutcomeNeeded extends Numbered {
  kind: "outcome_needed";
  call_id: string;
  message: string;
  can_check: boolean;
  expires_at: string;
}

export interface OutcomeChecked extends Numbered {
  kind: "outcome_checked";
  call_id: string;
  answer: CheckedOutcome;
  text: string;
}

export interface OutcomeDecided extends Numbered {
  kind: "outcome_decided";
  call_id: string;
  choice: OutcomeChoice;
  decided_by: string;
}

export interface InputNeeded extends Numbered {
  kind: "input_needed";
  input_id: string;
  call_id: string;
  server: string;
  mode: "form" | "url" | "sign_in";
  message: string;
  answer_schema: JsonObject;
  url: string | null;
  domain: string | null;
  live: boolean;
  expires_at: string;
}

export interface InputAnswered extends Numbered {
  kind: "input_answered";
  input_id: string;
  call_id: string;
  action: InputAction;
}

export interface Notice extends Numbered {
  kind: "notice";
  code: string;
  level: "info" | "warning" | "error";
  text: string;
}

export interface Usage extends Numbered {
  kind: "usage";
  model: string;
  input_tokens: number | null;
  output_tokens: number | null;
}

export interface CitationsChecked extends Numbered, Citations {
  kind: "citations_checked";
}

export interface TurnFinished extends Numbered {
  kind: "turn_finished";
  outcome: Outcome;
  error: CallError | null;
}

export type WireEvent =
  | TurnStarted
  | TextDelta
  | TextFinished
  | TextDropped
  | CallProposed
  | ApprovalNeeded
  | ApprovalDecided
  | CallStarted
  | CallProgress
  | CallFinished
  | OutcomeNeeded
  | OutcomeChecked
  | OutcomeDecided
  | InputNeeded
  | InputAnswered
  | Notice
  | Usage
  | CitationsChecked
  | TurnFinished;

export interface Conversation {
  conversation_id: string;
  title: string;
  created_at: string;
  updated_at: string;
  temporary?: boolean;
}

export interface ConversationPage {
  conversations: Conversation[];
  next_before: string | null;
}

export interface StoredTurn {
  turn_id: string;
  client_id: string;
  state: "queued" | "ready" | "running" | "waiting" | "answered" | "stopped" | "failed";
  events: WireEvent[];
  versions?: string[];
  position?: number;
}

export interface ConversationDetail extends Conversation {
  turns: StoredTurn[];
  earlier_turns: boolean;
}

export interface KeepWish {
  name: string;
  title: string;
}

export interface KeptCall extends Pick<KeepWish, "name"> {
  call_id: string;
  text: string;
}

export interface PreviewAnswer {
  preview: Preview | null;
  problem: string | null;
}

export interface ArgumentPattern {
  equals?: Json;
  one_of?: Json[] | null;
  starts_with?: string | null;
  anything?: true | null;
}

export interface GrantWish {
  lifetime_s: number;
  vary: Record<string, ArgumentPattern>;
}

export interface CallDecision {
  decision: "approve" | "reject";
  arguments?: JsonObject;
  note?: string;
  grant?: GrantWish;
}

export interface NamedDecision extends CallDecision {
  call_id: string;
}

export interface DecisionResult {
  call_id: string;
  /** The HTTP status the decision would have had alone. */
  status: number;
  decision: "approved" | "rejected" | null;
  /** The body the error would have had alone. */
  error: { error: ErrorBody } | null;
}

export interface PendingApproval {
  call: CallProposed;
  needed: ApprovalNeeded;
  turn_id: string;
  conversation_id: string | null;
  requested_by: string;
  mine: boolean;
  may_decide: boolean;
  created_at: string;
}

export interface OutcomeAnswer {
  call_id: string;
  choice: OutcomeChoice | null;
  checked: CheckedOutcome | null;
  text: string;
}

export interface PersonInput {
  action: "accept" | "decline" | "cancel";
  content?: JsonObject;
}

export interface Grant {
  grant_id: string;
  server: string;
  tool: string;
  title: string;
  definition_hash: string;
  arguments: Record<string, ArgumentPattern>;
  state: "active" | "outdated" | "expired" | "withdrawn";
  created_at: string;
  expires_at: string;
  last_used_at: string | null;
  uses: number;
}

export interface Tool {
  server: string;
  tool: string;
  title: string;
  description: string;
  read_only: boolean;
  state: "ready" | "changed" | "new";
  definition_hash: string;
  definition: JsonObject;
  accepted_definition: JsonObject | null;
}

export interface ToolServer {
  server: string;
  own: boolean;
  added: boolean;
  sign_in_needed: boolean;
  problem: string | null;
  tools: Tool[];
}

export interface AddedServer {
  server: string;
  url: string;
  enabled: boolean;
  added_at: string;
}

export interface IssuerClient {
  issuer: string;
  client_id: string;
  client_secret?: string;
}

export interface Connection {
  server: string;
  url: string;
  state: "none" | "wanted" | "active" | "ended";
  issuer: string;
  scopes: string[];
  expires_at: string | null;
  renews: boolean;
  problem: string;
  connected_at: string | null;
  last_used_at: string | null;
}

export interface About {
  version: string;
  model: string;
  is_demo: boolean;
  max_question_characters: number;
}

export interface ErrorBody {
  code: string;
  message: string;
  retryable: boolean;
  details?: JsonObject;
}
