// @ts-check
/** The page's HTTP: JSON in and out, with the session's cookie and CSRF token. */

import { KnowledgeApi } from "./knowledge-api.js";

/** @import { SearchHit, Share } from "../types/conversations.js" */
/** @import { MailEntries, MailFolder, MailRead, MailboxAccount } from "../types/mail.js" */
/** @import { About, AddedServer, CallDecision, Connection, Conversation, ConversationDetail, ConversationPage, DecisionResult, ErrorBody, Grant, IssuerClient, Json, JsonObject, KeepWish, KeptCall, NamedDecision, OutcomeAnswer, PendingApproval, PersonInput, PreviewAnswer, Tool, ToolServer } from "../types/wire.js" */

/** A request that was answered with an error, or not at all. The message is for the person. */
export class RequestFailed extends Error {
  /** @param {ErrorBody} error */
  constructor({ code, message, retryable, details }) {
    super(message);
    this.code = code;
    this.retryable = retryable;
    /** @type {JsonObject} */
    this.details = details ?? {};
  }
}

/** @returns {ErrorBody} */
export function unreachable() {
  return {
    code: "unreachable",
    message: "Steward cannot be reached. Check your connection.",
    retryable: true,
  };
}

/** The API of this origin. Every method raises RequestFailed. */
export class Api {
  #fetch;

  /** @param {{ fetch: typeof globalThis.fetch, csrfToken: string }} parts */
  constructor({ fetch, csrfToken }) {
    this.#fetch = fetch;
    /** For what is sent by other means. */
    this.csrfToken = csrfToken;
    this.knowledge = new KnowledgeApi({
      request: (...request) => this.#request(...request),
      read: (path) => this.#answered(path, { method: "GET" }),
    });
  }

  /** @returns {Promise<About>} */
  about() {
    return this.#request("GET", "/api/about");
  }

  /** @param {string | null} before @returns {Promise<ConversationPage>} */
  conversations(before) {
    return this.#request(
      "GET",
      `/api/conversations${before ? `?before=${encodeURIComponent(before)}` : ""}`,
    );
  }

  /** @param {string} conversationId @param {string} title @returns {Promise<Conversation>} */
  rename(conversationId, title) {
    return this.#request("PATCH", `/api/conversations/${encodeURIComponent(conversationId)}`, {
      title,
    });
  }

  /** @param {string} conversationId @returns {Promise<void>} */
  async remove(conversationId) {
    await this.#request("DELETE", `/api/conversations/${encodeURIComponent(conversationId)}`);
  }

  /** The turns before a position. @param {string} conversationId @param {number} position @returns {Promise<ConversationDetail>} */
  turnsBefore(conversationId, position) {
    const path = `/api/conversations/${encodeURIComponent(conversationId)}`;
    return this.#request("GET", `${path}?before=${position}`);
  }

  /** Shows the version of a question that has this turn. @param {string} conversationId @param {string} turnId @returns {Promise<ConversationDetail>} */
  showVersion(conversationId, turnId) {
    const path = `/api/conversations/${encodeURIComponent(conversationId)}/head`;
    return this.#request("PUT", path, { turn_id: turnId });
  }

  /** @param {string} text @returns {Promise<{ hits: SearchHit[] }>} */
  search(text) {
    return this.#request("GET", `/api/search?q=${encodeURIComponent(text)}`);
  }

  /** Not found: it is not shared. @param {string} conversationId @returns {Promise<Share>} */
  share(conversationId) {
    return this.#request("GET", shareOf(conversationId));
  }

  /** Makes the link, or brings it up to now. @param {string} conversationId @returns {Promise<Share>} */
  makeShare(conversationId) {
    return this.#request("PUT", shareOf(conversationId));
  }

  /** @param {string} conversationId @returns {Promise<void>} */
  async withdrawShare(conversationId) {
    await this.#request("DELETE", shareOf(conversationId));
  }

  /** @param {string} callId @param {JsonObject} args @returns {Promise<PreviewAnswer>} */
  preview(callId, args) {
    return this.#request("POST", `/api/calls/${encodeURIComponent(callId)}/preview`, {
      arguments: args,
    });
  }

  /** @param {string} callId @param {CallDecision} decision @returns {Promise<unknown>} */
  decide(callId, decision) {
    return this.#request("PUT", `/api/calls/${encodeURIComponent(callId)}/decision`, decision);
  }

  /** @param {NamedDecision[]} decisions @returns {Promise<{ results: DecisionResult[] }>} */
  decideAll(decisions) {
    return this.#request("POST", "/api/decisions", { decisions });
  }

  /** @param {string} callId @param {"check" | "retry" | "done" | "leave"} choice @returns {Promise<OutcomeAnswer>} */
  chooseOutcome(callId, choice) {
    return this.#request("PUT", `/api/calls/${encodeURIComponent(callId)}/outcome`, { choice });
  }

  /** All of a result whose event holds only a part. @param {string} callId @returns {Promise<Json>} */
  wholeResult(callId) {
    return this.#request("GET", `/api/calls/${encodeURIComponent(callId)}/result`);
  }

  /** @param {string} callId @param {KeepWish} wish @returns {Promise<KeptCall>} */
  keep(callId, wish) {
    return this.#request("PUT", `/api/calls/${encodeURIComponent(callId)}/kept`, wish);
  }

  /** @param {string} inputId @param {PersonInput} answer @returns {Promise<unknown>} */
  answerInput(inputId, answer) {
    return this.#request("PUT", `/api/inputs/${encodeURIComponent(inputId)}`, answer);
  }

  /** Open questions, oldest first. @returns {Promise<{ approvals: PendingApproval[] }>} */
  approvals() {
    return this.#request("GET", "/api/approvals");
  }

  /** Newest first. @returns {Promise<{ grants: Grant[] }>} */
  grants() {
    return this.#request("GET", "/api/grants");
  }

  /** @param {string} grantId @returns {Promise<void>} */
  async withdrawGrant(grantId) {
    await this.#request("DELETE", `/api/grants/${encodeURIComponent(grantId)}`);
  }

  /** Those on this machine. @returns {Promise<{ accounts: MailboxAccount[] }>} */
  mailboxes() {
    return this.#request("GET", "/api/mailbox");
  }

  /** @param {string} account @returns {Promise<{ folders: MailFolder[] }>} */
  mailFolders(account) {
    return this.#request("GET", `/api/mailbox/folders?${new URLSearchParams({ account })}`);
  }

  /**
   * The newest first.
   *
   * @param {{ account: string, folder: string, text?: string, unread?: boolean, cursor?: string | null }} wanted
   * @returns {Promise<MailEntries>}
   */
  mails({ account, folder, text = "", unread = false, cursor = null }) {
    const query = new URLSearchParams({ account, folder });
    if (text) query.set("text", text);
    if (unread) query.set("unread", "true");
    if (cursor) query.set("cursor", cursor);
    return this.#request("GET", `/api/mailbox/mails?${query}`);
  }

  /** A mail's text from `offset` on. @param {string} account @param {string} id @param {number} offset @returns {Promise<MailRead>} */
  mail(account, id, offset) {
    const query = new URLSearchParams({ account, id, offset: String(offset) });
    return this.#request("GET", `/api/mailbox/mail?${query}`);
  }

  /** @returns {Promise<{ servers: ToolServer[] }>} */
  tools() {
    return this.#request("GET", "/api/tools");
  }

  /** Those that were added, switched off or not. @returns {Promise<{ servers: AddedServer[] }>} */
  servers() {
    return this.#request("GET", "/api/servers");
  }

  /** @param {{ name: string, url: string }} wanted @returns {Promise<AddedServer>} */
  addServer(wanted) {
    return this.#request("POST", "/api/servers", wanted);
  }

  /** @param {string} server @param {boolean} enabled @returns {Promise<AddedServer>} */
  switchServer(server, enabled) {
    return this.#request("PATCH", `/api/servers/${encodeURIComponent(server)}`, { enabled });
  }

  /** @param {string} server @returns {Promise<unknown>} */
  removeServer(server) {
    return this.#request("DELETE", `/api/servers/${encodeURIComponent(server)}`);
  }

  /** @param {string} server @param {IssuerClient} client @returns {Promise<unknown>} */
  setIssuerClient(server, client) {
    return this.#request("PUT", `/api/servers/${encodeURIComponent(server)}/client`, client);
  }

  /** @returns {Promise<{ connections: Connection[] }>} */
  connections() {
    return this.#request("GET", "/api/connections");
  }

  /** @param {string} server @returns {Promise<{ revoked: boolean }>} whether the sign-in service confirmed it */
  disconnect(server) {
    return this.#request("DELETE", `/api/connections/${encodeURIComponent(server)}`);
  }

  /** @param {Pick<Tool, "server" | "tool" | "definition_hash">} tool @returns {Promise<Tool>} */
  accept({ server, tool, definition_hash }) {
    const path = `/api/tools/${encodeURIComponent(server)}/${encodeURIComponent(tool)}/acceptance`;
    return this.#request("PUT", path, { definition_hash });
  }

  /**
   * @param {string} method
   * @param {string} path
   * @param {object} [body]
   * @returns {Promise<any>}
   */
  async #request(method, path, body) {
    /** @type {Record<string, string>} */
    const headers = { Accept: "application/json" };
    if (method !== "GET") headers["X-CSRFToken"] = this.csrfToken;
    if (body) headers["Content-Type"] = "application/json";
    const init = { method, headers, body: body && JSON.stringify(body) };
    return jsonOf(await this.#answered(path, init));
  }

  /** @param {string} path @param {RequestInit} init @returns {Promise<Response>} one that is no error */
  async #answered(path, init) {
    /** @type {Response} */
    let response;
    try {
      response = await this.#fetch(path, init);
    } catch {
      throw new RequestFailed(unreachable());
    }
    if (response.ok) return response;
    throw new RequestFailed((await jsonOf(response))?.error ?? unexplained(response.status));
  }
}

/** @param {string} conversationId */
function shareOf(conversationId) {
  return `/api/conversations/${encodeURIComponent(conversationId)}/share`;
}

/** @param {Response} response @returns {Promise<any>} null when there is none, as from a proxy between us */
async function jsonOf(response) {
  try {
    return await response.json();
  } catch {
    return null;
  }
}

/** @param {number} status @returns {ErrorBody} */
export function unexplained(status) {
  return {
    code: "internal",
    message: `Steward answered with an error (${status}). Try again in a moment.`,
    retryable: status >= 500,
  };
}
