// @ts-check
import assert from "node:assert/strict";
import { test } from "node:test";
import { Api } from "#js/models/api.js";

/** @param {() => Response | Promise<Response>} answer */
function api(answer) {
  /** @type {{ path: string, init: RequestInit }[]} */
  const requests = [];
  const fetch = async (/** @type {any} */ path, /** @type {any} */ init) => {
    requests.push({ path, init });
    return answer();
  };
  return { api: new Api({ fetch, csrfToken: "token" }), requests };
}

test("a change carries the CSRF token, a read does not need it", async () => {
  const { api: client, requests } = api(() => Response.json({ title: "New" }));
  await client.rename("a b", "New");
  await client.conversations("cursor=1");
  const [change, read] = requests;
  assert.equal(change.path, "/api/conversations/a%20b");
  assert.equal(change.init.method, "PATCH");
  assert.equal(new Headers(change.init.headers).get("X-CSRFToken"), "token");
  assert.equal(change.init.body, '{"title":"New"}');
  assert.equal(read.path, "/api/conversations?before=cursor%3D1");
  assert.equal(new Headers(read.init.headers).get("X-CSRFToken"), null);
});

test("the API's errors arrive with code and message", async () => {
  const error = { code: "not_found", message: "There is no such call.", retryable: false };
  const { api: client } = api(() => Response.json({ error }, { status: 404 }));
  await assert.rejects(client.preview("call-1", {}), {
    code: "not_found",
    message: "There is no such call.",
  });
});

test("an error page of something in between is told without its text", async () => {
  const { api: client } = api(() => new Response("<h1>Bad gateway</h1>", { status: 502 }));
  await assert.rejects(client.about(), {
    message: "Steward answered with an error (502). Try again in a moment.",
    retryable: true,
  });
});

test("no network is told as such", async () => {
  const { api: client } = api(() => {
    throw new TypeError("Failed to fetch");
  });
  await assert.rejects(client.tools(), { code: "unreachable", retryable: true });
});

test("an empty answer is fine where none is expected", async () => {
  const { api: client, requests } = api(() => new Response(null, { status: 204 }));
  await client.remove("conversation-1");
  assert.equal(requests[0].init.method, "DELETE");
});
