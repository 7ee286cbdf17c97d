// @ts-check
/** Sends a file and tells how far it is, which `fetch` cannot. */

import { RequestFailed, unexplained, unreachable } from "./api.js";

/** Without a single octet sent. A network that has gone silently would otherwise be waited for for many minutes. */
const STALLED_MS = 30_000;

/**
 * @typedef {object} Sending
 * @property {string} path
 * @property {Blob} file
 * @property {string} csrfToken
 * @property {(sent: number) => void} onProgress octets, as often as the browser says so
 * @property {AbortSignal} signal calls it off; the promise is then rejected as if the connection had broken
 */

/**
 * @param {Sending} sending
 * @param {object} [parts]
 * @param {() => XMLHttpRequest} [parts.makeRequest]
 * @param {number} [parts.stalledMs]
 * @returns {Promise<any>} the answer's JSON; rejects with RequestFailed
 */
export function sendFile(
  { path, file, csrfToken, onProgress, signal },
  { makeRequest = () => new XMLHttpRequest(), stalledMs = STALLED_MS } = {},
) {
  return new Promise((resolve, reject) => {
    const request = makeRequest();
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    let stalled;
    const waitForMore = () => {
      clearTimeout(stalled);
      stalled = setTimeout(() => request.abort(), stalledMs);
    };
    const lost = () => reject(new RequestFailed(unreachable()));
    request.open("PUT", path);
    request.setRequestHeader("Accept", "application/json");
    request.setRequestHeader("Content-Type", "application/octet-stream");
    request.setRequestHeader("X-CSRFToken", csrfToken);
    request.responseType = "json";
    request.upload.addEventListener("progress", ({ loaded }) => {
      waitForMore();
      onProgress(loaded);
    });
    // Once all is sent, the server may take its time.
    for (const target of [request.upload, request])
      target.addEventListener("loadend", () => clearTimeout(stalled));
    request.addEventListener("error", lost);
    request.addEventListener("abort", lost);
    request.addEventListener("load", () => {
      const { status, response } = request;
      if (status >= 200 && status < 300 && response) resolve(response);
      else reject(new RequestFailed(response?.error ?? unexplained(status)));
    });
    signal.addEventListener("abort", () => request.abort());
    request.send(file);
    waitForMore();
  });
}
