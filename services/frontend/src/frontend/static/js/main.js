// @ts-check
/** Finds `[data-controller]` elements and connects one class to each; builds what they share. */

import { Api } from "./models/api.js";
import { App } from "./models/app.js";
import { Connection } from "./models/connection.js";

/** @typedef {{ connect(): void }} Controller */
/** @typedef {new (element: HTMLElement, app: App) => Controller} ControllerClass */

/** Fetched only where the page has use for them. @type {Record<string, () => Promise<ControllerClass>>} */
const CONTROLLERS = {
  approvals: async () =>
    (await import("./controllers/approvals-controller.js")).ApprovalsController,
  "approvals-badge": async () =>
    (await import("./controllers/approvals-badge-controller.js")).ApprovalsBadgeController,
  chat: async () => (await import("./controllers/chat-controller.js")).ChatController,
  composer: async () => (await import("./controllers/composer-controller.js")).ComposerController,
  connection: async () =>
    (await import("./controllers/connection-controller.js")).ConnectionController,
  "conversation-list": async () =>
    (await import("./controllers/conversation-list-controller.js")).ConversationListController,
  "conversation-menu": async () =>
    (await import("./controllers/conversation-menu-controller.js")).ConversationMenuController,
  connections: async () =>
    (await import("./controllers/connections-controller.js")).ConnectionsController,
  "demo-banner": async () =>
    (await import("./controllers/demo-banner-controller.js")).DemoBannerController,
  drawer: async () => (await import("./controllers/drawer-controller.js")).DrawerController,
  grants: async () => (await import("./controllers/grants-controller.js")).GrantsController,
  knowledge: async () =>
    (await import("./controllers/knowledge-controller.js")).KnowledgeController,
  "knowledge-link": async () =>
    (await import("./controllers/optional-link-controller.js")).KnowledgeLinkController,
  mailbox: async () => (await import("./controllers/mailbox-controller.js")).MailboxController,
  "mailbox-link": async () =>
    (await import("./controllers/optional-link-controller.js")).MailboxLinkController,
  "copy-field": async () =>
    (await import("./controllers/copy-field-controller.js")).CopyFieldController,
  "person-menu": async () =>
    (await import("./controllers/person-menu-controller.js")).PersonMenuController,
  theme: async () => (await import("./controllers/theme-controller.js")).ThemeController,
  tools: async () => (await import("./controllers/tools-controller.js")).ToolsController,
};

/** Listeners before speakers: what these two tell when they connect must be heard. */
const LAST = ["chat", "connection"];

async function start() {
  const elements = [...document.querySelectorAll("[data-controller]")].filter(
    (node) => node instanceof HTMLElement,
  );
  const app = await makeApp(elements.some((node) => node.dataset.controller === "connection"));
  const ready = await Promise.all(
    elements.map(async (node) => ({ node, kind: await classOf(node) })),
  );
  ready.sort((one, other) => rank(one.node) - rank(other.node));
  for (const { node, kind } of ready) new kind(node, app).connect();
  document.documentElement.dataset.ready = "";
}

/** @param {boolean} isLive whether the page shows what happens as it happens */
async function makeApp(isLive) {
  const csrfToken =
    document.querySelector('meta[name="csrf-token"]')?.getAttribute("content") ?? "";
  const me = document.querySelector("[data-person-name]")?.getAttribute("data-person-name") ?? "";
  const api = new Api({ fetch: (...request) => fetch(...request), csrfToken });
  return new App({ api, connection: isLive ? await makeConnection() : null, me });
}

async function makeConnection() {
  const { io } = await import("./vendor.js");
  const socket = io({
    path: "/socket.io",
    transports: ["websocket"],
    autoConnect: false,
    reconnectionDelay: 500,
    reconnectionDelayMax: 10_000,
  });
  return new Connection(socket);
}

/** @param {HTMLElement} node */
function classOf({ dataset }) {
  const load = CONTROLLERS[dataset.controller ?? ""];
  if (!load) throw new Error(`no controller "${dataset.controller}"`);
  return load();
}

/** @param {HTMLElement} node */
function rank({ dataset }) {
  return LAST.indexOf(dataset.controller ?? "");
}

start();
