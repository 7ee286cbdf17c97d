// @ts-check
import assert from "node:assert/strict";
import { test } from "node:test";
import { App } from "#js/models/app.js";
import { failure } from "../support/connection.js";
import { openPage, settled, until } from "../support/page.js";

const window = openPage({ template: "tools.html" });
const { ToolsController } = await import("#js/controllers/tools-controller.js");

/** @param {object} [changes] */
function tool(changes = {}) {
  return {
    server: "dbquery",
    tool: "query",
    title: "Run a query",
    description: "Runs one SELECT.",
    read_only: true,
    state: "ready",
    definition_hash: "a".repeat(64),
    definition: { description: "Runs one SELECT." },
    accepted_definition: null,
    ...changes,
  };
}

const CHANGED = tool({
  read_only: false,
  state: "changed",
  definition: { description: "Runs anything." },
  accepted_definition: { description: "Runs one SELECT." },
});

/** @param {any} api @param {{ mayAccept?: boolean }} [options] */
async function shown(api, { mayAccept = true } = {}) {
  const main = /** @type {any} */ (document.querySelector("main"));
  main.dataset.mayAccept = mayAccept ? "yes" : "no";
  main.querySelector('[data-part="servers"]').replaceChildren();
  new ToolsController(main, new App({ api, connection: null, me: "Ada" })).connect();
  await settled();
  return main;
}

/** @param {any[]} tools @param {object} [changes] */
const answering = (tools, changes = {}) => ({
  tools: async () => ({
    servers: [{ server: "dbquery", own: true, problem: null, tools, ...changes }],
  }),
});

test("each tool says what it may do and where it comes from", async () => {
  const main = await shown(answering([tool(), tool({ tool: "set", read_only: false })]));
  const text = main.textContent;
  for (const words of [
    "dbquery",
    "Part of Steward",
    "Run a query",
    "Reads only",
    "Changes things · asks first",
  ]) {
    assert.ok(text.includes(words), words);
  }
});

test("a description flows, its paragraphs and lists stay apart", async () => {
  const description = "Runs one\nSELECT.\n\nRefused:\n- writes\n- several statements";
  const main = await shown(answering([tool({ description })]));
  const text = main.querySelector('[data-part="description"]').textContent;
  assert.equal(text, "Runs one SELECT.\n\nRefused:\n- writes\n- several statements");
});

test("a server that is down says why", async () => {
  const main = await shown(answering([], { own: false, problem: "It cannot be reached." }));
  assert.ok(main.textContent.includes("It cannot be reached."));
  assert.ok(main.textContent.includes("Somebody else's"));
});

test("a changed tool shows the difference and is accepted by its hash", async () => {
  /** @type {any[]} */
  const accepted = [];
  const main = await shown({
    ...answering([CHANGED]),
    accept: async (/** @type {any} */ asked) => {
      accepted.push(asked.definition_hash);
      return tool();
    },
  });
  assert.equal(main.querySelector("del").textContent, '−   "description": "Runs one SELECT."\n');
  assert.equal(main.querySelector("ins").textContent, '+   "description": "Runs anything."\n');
  main.querySelector('[data-part="accept"]').click();
  await until(() => main.querySelector(".changed-tool") === null);
  assert.deepEqual(accepted, ["a".repeat(64)]);
});

test("only owners and administrators get the button", async () => {
  const main = await shown(answering([CHANGED]), { mayAccept: false });
  assert.equal(main.querySelector('[data-part="accept"]').hidden, true);
  assert.ok(main.textContent.includes("An owner or administrator can look at it"));
});

test("an acceptance that fails is told and can be tried again", async () => {
  const accept = () => Promise.reject(failure("conflict", "It has changed once more."));
  const main = await shown({ ...answering([CHANGED]), accept });
  const button = main.querySelector('[data-part="accept"]');
  button.click();
  await settled();
  assert.ok(main.textContent.includes("Not accepted. It has changed once more."));
  assert.equal(button.disabled, false);
});

test("a list that cannot be had is told in a sentence", async () => {
  const main = await shown({
    tools: () => Promise.reject(failure("unavailable", "The assistant is away.")),
  });
  assert.ok(main.textContent.includes("The tools cannot be shown. The assistant is away."));
});

test("a tool that nobody has looked at shows its whole definition before it is switched on", async () => {
  const fresh = tool({ state: "new", read_only: false });
  const main = await shown({ ...answering([fresh]), accept: async () => tool() });
  assert.ok(main.textContent.includes("nobody has looked at it yet"));
  assert.match(main.querySelector(".diff").textContent, /Runs one SELECT\./);
  assert.equal(main.querySelector('[data-part="accept"]').textContent, "Switch it on");
  main.querySelector('[data-part="accept"]').click();
  await until(() => main.querySelector(".changed-tool") === null);
});

test("admins add servers, switch them and remove them after a question", async () => {
  /** @type {any[]} */
  const done = [];
  const added = { server: "notes", url: "https://notes.example/mcp", enabled: false };
  const api = {
    ...answering([]),
    servers: async () => ({ servers: [added] }),
    addServer: async (/** @type {any} */ wanted) => {
      done.push(wanted);
      return added;
    },
    switchServer: async (/** @type {any} */ ...change) => done.push(change),
    removeServer: async (/** @type {any} */ server) => done.push(server),
  };
  const main = await shown(api);
  assert.equal(main.querySelector('[data-part="adding"]').hidden, false);
  assert.ok(main.textContent.includes("This server is switched off."));
  main.querySelector('[data-part="add-name"]').value = "notes";
  main.querySelector('[data-part="add-url"]').value = added.url;
  main.querySelector('[data-part="add-form"]').dispatchEvent(new window.Event("submit"));
  await settled();
  main.querySelector('[data-part="switch"]').click();
  await settled();
  main.querySelector('[data-part="remove"]').click();
  /** @type {any} */ (document.getElementById("confirm-dialog")).close("yes");
  await settled();
  assert.deepEqual(done, [{ name: "notes", url: added.url }, ["notes", true], "notes"]);
});
