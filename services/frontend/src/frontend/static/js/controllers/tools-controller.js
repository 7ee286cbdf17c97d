// @ts-check
/** The tools page: every server with its tools, the acceptance of definitions, and the servers that admins add. */

import { announce } from "../lib/announce.js";
import { fromTemplate, part, setText } from "../lib/dom.js";
import { signInAddress } from "../views/connection-view.js";
import { managedServer } from "../views/managed-server.js";
import { toast } from "../views/toast.js";
import { toolView } from "../views/tool-view.js";

/** @import { App } from "../models/app.js" */
/** @import { AddedServer, Tool, ToolServer } from "../types/wire.js" */

export class ToolsController {
  #element;
  #app;
  /** @type {AddedServer[]} */
  #added = [];

  /** @param {HTMLElement} element @param {App} app */
  constructor(element, app) {
    this.#element = element;
    this.#app = app;
  }

  async connect() {
    if (this.#mayAccept) {
      part(this.#element, "add-form").addEventListener("submit", (event) => {
        event.preventDefault();
        this.#add();
      });
    }
    await this.#show();
  }

  // Internal

  get #mayAccept() {
    return this.#element.dataset.mayAccept === "yes";
  }

  async #show() {
    const note = part(this.#element, "note");
    try {
      if (this.#mayAccept) await this.#readAdded();
      const { servers } = await this.#app.api.tools();
      const shown = [...servers, ...this.#switchedOff()];
      setText(note, shown.length ? "" : "No tool server is configured.");
      part(this.#element, "servers").replaceChildren(
        ...shown.map((server) => this.#serverView(server)),
      );
    } catch (error) {
      setText(note, `The tools cannot be shown. ${error instanceof Error ? error.message : error}`);
    }
  }

  /** Where the operator has not set it up there are none, and nothing can be added. */
  async #readAdded() {
    try {
      this.#added = (await this.#app.api.servers()).servers;
      part(this.#element, "adding").hidden = false;
    } catch {
      this.#added = [];
    }
  }

  /** @returns {ToolServer[]} */
  #switchedOff() {
    return this.#added
      .filter(({ enabled }) => !enabled)
      .map(({ server }) => ({
        server,
        own: false,
        added: true,
        sign_in_needed: false,
        problem: "This server is switched off.",
        tools: [],
      }));
  }

  /** @param {ToolServer} shown */
  #serverView({ server, own, added, sign_in_needed: signInNeeded, problem, tools }) {
    const view = fromTemplate("server-template");
    setText(part(view, "name"), server);
    setText(
      part(view, "origin"),
      own ? "Part of Steward" : added ? "Added here" : "Somebody else's",
    );
    setText(part(view, "problem"), problem ?? "");
    part(view, "problem").hidden = !problem;
    part(view, "sign-in-note").hidden = !signInNeeded;
    part(view, "sign-in", HTMLAnchorElement).href = signInAddress(server);
    const managed = this.#added.find((one) => one.server === server);
    if (managed) part(view, "manage").append(managedServer(managed, this.#port()));
    const port = {
      mayAccept: this.#mayAccept,
      onAccept: (/** @type {Tool} */ tool) => this.#accept(tool),
    };
    part(view, "tools").append(...tools.map((tool) => toolView(tool, port)));
    return view;
  }

  /** @returns {import("../views/managed-server.js").ServerPort} */
  #port() {
    const { api } = this.#app;
    return {
      switch: async (server, enabled) => {
        await api.switchServer(server, enabled);
        announce(`“${server}” is switched ${enabled ? "on" : "off"}.`);
        await this.#show();
      },
      remove: async (server) => {
        await api.removeServer(server);
        announce(`“${server}” is removed.`);
        await this.#show();
      },
      register: (server, client) => api.setIssuerClient(server, client),
    };
  }

  async #add() {
    const [name, url] = ["add-name", "add-url"].map((field) =>
      part(this.#element, field, HTMLInputElement),
    );
    const problem = part(this.#element, "add-problem");
    setText(problem, "");
    try {
      const { server } = await this.#app.api.addServer({
        name: name.value.trim(),
        url: url.value.trim(),
      });
      name.value = url.value = "";
      announce(`“${server}” is added. Look at its tools before you switch them on.`);
      await this.#show();
    } catch (error) {
      setText(problem, `Not added. ${error instanceof Error ? error.message : error}`);
    }
  }

  /** @param {Tool} tool */
  async #accept(tool) {
    const accepted = await this.#app.api.accept(tool);
    toast(`“${accepted.title || accepted.tool}” can be used now.`);
    return accepted;
  }
}
