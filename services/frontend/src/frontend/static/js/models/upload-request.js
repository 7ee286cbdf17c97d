// @ts-check
/** Sends a file and tells how far it is, which `fetch` cannot. */

import { RequestFailed, unexplained, unreachable } from "./api.js";

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
 * @param {() => XMLHttpRequest} [makeRequest]
 * @returns {Promise<any>} the answer's JSON; rejects with RequestFailed
 */
export function sendFile(
  { path, file, csrfToken, onProgress, signal },
  makeRequest = () => new XMLHttpRequest(),
) {
  return new Promise((resolve, reject) => {
    const request = makeRequest();
    const lost = () => reject(new RequestFailed(unreachable()));
    request.open("PUT", path);
    request.setRequestHeader("Accept", "application/json");
    request.setRequestHeader("Content-Type", "application/octet-stream");
    request.setRequestHeader("X-CSRFToken", csrfToken);
    request.responseType = "json";
    request.upload.addEventListener("progress", ({ loaded }) => onProgress(loaded));
    request.addEventListener("error", lost);
    request.addEventListener("abort", lost);
    request.addEventListener("load", () => {
      const { status, response } = request;
      if (status >= 200 && status < 300 && response) resolve(response);
      else reject(new RequestFailed(response?.error ?? unexplained(status)));
    });
    signal.addEventListener("abort", () => request.abort());
    request.send(file);
  });
}
