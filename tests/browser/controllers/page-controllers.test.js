// @ts-check
import assert from "node:assert/strict";
import { test } from "node:test";
import { App } from "#js/models/app.js";
import { FakeConnection, failure } from "../support/connection.js";
import { openPage, press, settled } from "../support/page.js";

const window = openPage();
window.matchMedia = globalThis.matchMedia = /** @type {any} */ (
  () => ({ matches: true, addEventListener() {} })
);
const { ConnectionController } = await import("#js/controllers/connection-controller.js");
const { DemoBannerController } = await import("#js/controllers/demo-banner-controller.js");
const { DrawerController } = await import("#js/controllers/drawer-controller.js");
const { ThemeController } = await import("#js/controllers/theme-controller.js");

/** @param {any} [api] */
function parts(api = {}) {
  const connection = new FakeConnection();
  return {
    connection,
    app: new App({ api, connection: /** @type {any} */ (connection), me: "Ada" }),
  };
}

/** @param {string} name @returns {any} */
const elementOf = (name) => document.querySelector(`[data-controller="${name}"]`);

test("a short break goes unmentioned, a longer one is told until it is over", (context) => {
  context.mock.timers.enable({ apis: ["setTimeout"] });
  window.setTimeout = globalThis.setTimeout;
  window.clearTimeout = globalThis.clearTimeout;
  const { app, connection } = parts();
  const pill = elementOf("connection");
  new ConnectionController(pill, app).connect();
  connection.receive("open");
  connection.receive("closed");
  context.mock.timers.tick(1000);
  connection.receive("open");
  context.mock.timers.tick(5000);
  assert.equal(pill.textContent, "");
  connection.receive("closed");
  context.mock.timers.tick(1200);
  assert.equal(pill.textContent, "Reconnecting…");
  connection.receive("open");
  assert.equal(pill.textContent, "");
});

test("whoever is signed out leaves for the sign-in page, others stay", async () => {
  const table = /** @type {[(connection: FakeConnection) => void, any, string[]][]} */ ([
    [(connection) => connection.receive("signed_out"), null, ["/sign-in"]],
    [(connection) => connection.receive("tenant_switched"), null, ["/"]],
    [
      (connection) => connection.receive("refused"),
      failure("not_signed_in", "Sign in."),
      ["/sign-in"],
    ],
    [(connection) => connection.receive("refused"), failure("unavailable", "Away."), []],
  ]);
  for (const [happens, error, expected] of table) {
    const { app, connection } = parts({
      about: () => (error ? Promise.reject(error) : Promise.resolve({})),
    });
    /** @type {string[]} */
    const left = [];
    new ConnectionController(elementOf("connection"), app, (/** @type {string} */ address) =>
      left.push(address),
    ).connect();
    happens(connection);
    await settled();
    assert.deepEqual(left, expected);
  }
});

test("a broken relay is told until events come again", () => {
  const { app, connection } = parts();
  const pill = elementOf("connection");
  new ConnectionController(pill, app).connect();
  connection.receive("relay_lost", { turn_id: "turn-1", message: "The assistant is restarting." });
  assert.equal(pill.textContent, "The assistant is restarting.");
  connection.receive("events", { turnId: "turn-1", events: [] });
  assert.equal(pill.textContent, "");
});

test("the demo note shows while the demo model answers, until it is dismissed", async () => {
  const banner = elementOf("demo-banner");
  for (const [is_demo, hidden] of [
    [false, true],
    [true, false],
  ]) {
    await new DemoBannerController(
      banner,
      parts({ about: async () => ({ is_demo }) }).app,
    ).connect();
    assert.equal(banner.hidden, hidden);
  }
  for (const name of ["OPENAI_API_KEY", "OPENAI_BASE_URL", "STEWARD_MODEL"])
    assert.ok(banner.textContent.includes(name));
  banner.querySelector('[data-part="dismiss"]').click();
  assert.equal(banner.hidden, true);
  await new DemoBannerController(
    banner,
    parts({ about: async () => ({ is_demo: true }) }).app,
  ).connect();
  assert.equal(banner.hidden, true, "also after a reload");
});

test("the drawer takes the keyboard and gives it back", () => {
  const { app } = parts();
  new DrawerController(elementOf("drawer"), app).connect();
  const opener = /** @type {any} */ (document.querySelector("[data-drawer-opener]"));
  const main = /** @type {any} */ (document.querySelector("main"));
  opener.click();
  assert.equal(opener.getAttribute("aria-expanded"), "true");
  assert.equal(main.inert, true);
  assert.ok(elementOf("drawer").contains(document.activeElement));
  press(window, document.activeElement, "Escape");
  assert.equal(main.inert, false);
  assert.ok(document.activeElement === opener);
});

test("opening a conversation closes the drawer", () => {
  const { app } = parts();
  new DrawerController(elementOf("drawer"), app).connect();
  app.tell("find", {});
  assert.ok(elementOf("drawer").hasAttribute("data-open"));
  app.tell("opened", { conversationId: "conversation-1" });
  assert.ok(!elementOf("drawer").hasAttribute("data-open"));
});

test("a theme is kept on this device, the system's is none", () => {
  const { app } = parts();
  new ThemeController(elementOf("theme"), app).connect();
  const choose = (/** @type {string} */ value) => {
    const radio = elementOf("theme").querySelector(`[value=${value}]`);
    radio.checked = true;
    radio.dispatchEvent(new window.Event("change"));
  };
  choose("dark");
  assert.equal(document.documentElement.dataset.theme, "dark");
  assert.equal(window.localStorage.getItem("steward.theme"), "dark");
  choose("system");
  assert.equal(document.documentElement.dataset.theme, undefined);
  assert.equal(window.localStorage.getItem("steward.theme"), null);
});
