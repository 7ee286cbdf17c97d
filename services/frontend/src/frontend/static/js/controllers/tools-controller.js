// @ts-check
/** The tools page: every server with its tools, and the acceptance of changed definitions. */

import { fromTemplate, part, setText } from "../lib/dom.js";
import { toast } from "../views/toast.js";
import { toolView } from "../views/tool-view.js";

/** @import { App } from "../models/app.js" */
/** @import { Tool, ToolServer } from "../types/wire.js" */

export class ToolsController {
  #element;
  #app;

  /** @param {HTMLElement} element @param {App} app */
  constructor(element, app) {
    this.#element = element;
    this.#app = app;
  }

  async connect() {
    const note = part(this.#element, "note");
    try {
      const { servers } = await this.#app.api.tools();
      setText(note, servers.length ? "" : "No tool server is configured.");
      part(this.#element, "servers").append(...servers.map((server) => this.#serverView(server)));
    } catch (error) {
      setText(note, `The tools cannot be shown. ${error instanceof Error ? error.message : error}`);
    }
  }

  // Internal

  /** @param {ToolServer} server */
  #serverView({ server, own, problem, tools }) {
    const view = fromTemplate("server-template");
    setText(part(view, "name"), server);
    setText(part(view, "origin"), own ? "Part of Steward" : "Somebody else's");
    setText(part(view, "problem"), problem ?? "");
    part(view, "problem").hidden = !problem;
    const port = {
      mayAccept: this.#element.dataset.mayAccept === "yes",
      onAccept: (/** @type {Tool} */ tool) => this.#accept(tool),
    };
    part(view, "tools").append(...tools.map((tool) => toolView(tool, port)));
    return view;
  }

  /** @param {Tool} tool */
  async #accept(tool) {
    const accepted = await this.#app.api.accept(tool);
    toast(`“${accepted.title || accepted.tool}” can be used again.`);
    return accepted;
  }
}
