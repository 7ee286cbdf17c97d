// @ts-check
import assert from "node:assert/strict";
import { test } from "node:test";
import { App } from "#js/models/app.js";
import { openPage, settled } from "../support/page.js";

openPage({ template: "connections.html" });
const { ConnectionsController } = await import("#js/controllers/connections-controller.js");

/** @param {object} [changes] */
function connection(changes = {}) {
  return {
    server: "notes",
    url: "https://notes.example/mcp",
    state: "active",
    issuer: "https://login.notes.example",
    scopes: ["notes:read", "notes:write"],
    expires_at: "2026-11-21T10:00:00Z",
    renews: true,
    problem: "",
    connected_at: "2026-11-20T10:00:00Z",
    last_used_at: null,
    ...changes,
  };
}

/** @param {any} api */
async function shown(api) {
  const main = /** @type {any} */ (document.querySelector("main"));
  main.querySelector('[data-part="connections"]').replaceChildren();
  new ConnectionsController(main, new App({ api, connection: null, me: "Ada" })).connect();
  await settled();
  return main;
}

/** @param {...any} connections */
const answering = (...connections) => ({ connections: async () => ({ connections }) });

test("a connection says with whom, for what, and for how long", async () => {
  const text = (await shown(answering(connection()))).textContent;
  for (const words of [
    "notes",
    "https://login.notes.example",
    "notes:read, notes:write",
    "renewed by itself",
    "Works",
    "not yet",
  ])
    assert.ok(text.includes(words), words);
});

test("one that has ended says so and leads to the sign-in", async () => {
  const ended = connection({ state: "ended", problem: "The sign-in has ended.", expires_at: null });
  const main = await shown(answering(ended));
  assert.ok(main.textContent.includes("The sign-in has ended."));
  assert.ok(main.textContent.includes("Sign in again"));
  const link = main.querySelector('[data-part="sign-in"]');
  assert.equal(link.getAttribute("href"), "/connections/notes/sign-in");
  assert.equal(link.getAttribute("rel"), "noopener");
});

test("disconnecting is asked about, done, and told honestly", async () => {
  /** @type {string[]} */
  const ended = [];
  const api = {
    ...answering(connection()),
    disconnect: async (/** @type {string} */ server) => {
      ended.push(server);
      return { revoked: false };
    },
  };
  const main = await shown(api);
  const dialog = /** @type {any} */ (document.getElementById("confirm-dialog"));
  main.querySelector('[data-part="disconnect"]').click();
  dialog.close("no");
  await settled();
  assert.deepEqual(ended, []);
  main.querySelector('[data-part="disconnect"]').click();
  dialog.close("yes");
  await settled();
  assert.deepEqual(ended, ["notes"]);
  assert.ok(main.querySelector('[data-part="note"]').textContent.includes("did not confirm"));
});

test("where nothing can be shown the page says why", async () => {
  const main = await shown({ connections: () => Promise.reject(new Error("Nobody answers.")) });
  assert.ok(main.textContent.includes("Nobody answers."));
});
