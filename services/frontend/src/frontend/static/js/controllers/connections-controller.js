// @ts-check
/** The page of the person's sign-ins at tool servers of others. */

import { announce } from "../lib/announce.js";
import { part, setText } from "../lib/dom.js";
import { confirmed } from "../views/confirm-dialog.js";
import { connectionView } from "../views/connection-view.js";

/** @import { App } from "../models/app.js" */
/** @import { Connection } from "../types/wire.js" */

export class ConnectionsController {
  #element;
  #app;

  /** @param {HTMLElement} element @param {App} app */
  constructor(element, app) {
    this.#element = element;
    this.#app = app;
  }

  async connect() {
    await this.#show();
    // The sign-in happens in another tab; whoever comes back from there sees what came of it.
    document.addEventListener("visibilitychange", () => {
      if (document.visibilityState === "visible") this.#show();
    });
  }

  // Internal

  async #show() {
    const note = part(this.#element, "note");
    try {
      const { connections } = await this.#app.api.connections();
      setText(note, connections.length ? "" : "No server here wants anybody to sign in.");
      part(this.#element, "connections").replaceChildren(
        ...connections.map((one) =>
          connectionView(one, { onDisconnect: (it) => this.#disconnect(it) }),
        ),
      );
    } catch (error) {
      const reason = error instanceof Error ? error.message : error;
      setText(note, `The connections cannot be shown. ${reason}`);
    }
  }

  /** @param {Connection} connection @returns {Promise<boolean>} whether the person meant it */
  async #disconnect({ server }) {
    const isMeant = await confirmed({
      title: `Disconnect from “${server}”?`,
      text: "Steward's access is withdrawn at the sign-in service and forgotten here. What was done stays done.",
      yes: "Disconnect",
    });
    if (!isMeant) return false;
    const { revoked } = await this.#app.api.disconnect(server);
    const elsewhere = "The service did not confirm it: withdraw the access there, too.";
    announce(revoked ? "Disconnected." : `Disconnected here. ${elsewhere}`);
    await this.#show();
    if (!revoked) setText(part(this.#element, "note"), `Disconnected here. ${elsewhere}`);
    return true;
  }
}
