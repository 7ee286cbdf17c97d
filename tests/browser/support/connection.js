// @ts-check
/** A connection whose other end is the test: requests are recorded and answered as told. */

import { RequestFailed } from "#js/models/api.js";

export class FakeConnection extends EventTarget {
  isOpen = true;
  /** @type {{ event: string, payload: any }[]} */
  requests = [];
  /** @type {Record<string, (payload: any) => unknown>} */
  answers = {};

  open() {}

  /** @param {string} event @param {any} payload */
  async request(event, payload) {
    this.requests.push({ event, payload });
    if (!this.isOpen) throw failure("unreachable", "Not connected.", true);
    return (await this.answers[event]?.(payload)) ?? { ok: true };
  }

  /** @param {string} event */
  sent(event) {
    return this.requests.filter((request) => request.event === event).map(({ payload }) => payload);
  }

  /** What the server sends by itself. @param {string} name @param {object} [detail] */
  receive(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }
}

/** @param {string} code @param {string} message @param {boolean} [retryable] @param {import("#js/types/wire.js").JsonObject} [details] */
export function failure(code, message, retryable = false, details = {}) {
  return new RequestFailed({ code, message, retryable, details });
}
