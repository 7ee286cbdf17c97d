// @ts-check
/** One tool of a server: what it does, what it may do, and whether its definition is the one that was accepted. */

import { fromTemplate, part, setText } from "../lib/dom.js";
import { diffLines } from "./definition-diff.js";

/** @import { Tool } from "../types/wire.js" */

/**
 * @param {Tool} tool
 * @param {{ mayAccept: boolean, onAccept: (tool: Tool) => Promise<Tool> }} port
 * @returns {HTMLElement}
 */
export function toolView(tool, port) {
  const view = fromTemplate("tool-template");
  setText(part(view, "title"), tool.title || tool.tool);
  setText(part(view, "name"), tool.tool);
  setText(part(view, "description"), flowing(tool.description));
  const kind = part(view, "kind");
  setText(kind, tool.read_only ? "Reads only" : "Changes things · asks first");
  kind.dataset.kind = tool.read_only ? "reads" : "changes";
  if (tool.state !== "ready") view.append(toolThatIsOff(tool, tool.state, view, port));
  return view;
}

/** Descriptions are written for a fixed width: only paragraphs and lists keep their breaks. @param {string} text */
function flowing(text) {
  return text.replace(/(?<!\n)\n(?!\s*(\n|[-*•]|\d+[.)]))/g, " ");
}

/** Why it is off, and what to do about it. */
const OFF = {
  changed: {
    why: "This tool is switched off: its definition is not the one that was accepted.",
    summary: "See what changed",
    accept: "Accept the new definition",
  },
  new: {
    why: "This tool is switched off: nobody has looked at it yet. What it says of itself is its server's word.",
    summary: "See its whole definition",
    accept: "Switch it on",
  },
};

/** @param {Tool} tool @param {keyof typeof OFF} state @param {HTMLElement} view @param {Parameters<typeof toolView>[1]} port */
function toolThatIsOff(tool, state, view, port) {
  const box = fromTemplate("changed-tool-template");
  for (const [name, text] of Object.entries(OFF[state])) setText(part(box, name), text);
  part(box, "diff").append(...diffLines(tool.accepted_definition ?? {}, tool.definition));
  setText(
    part(box, "who"),
    port.mayAccept ? "" : "An owner or administrator can look at it and accept it.",
  );
  const accept = part(box, "accept", HTMLButtonElement);
  accept.hidden = !port.mayAccept;
  accept.addEventListener("click", async () => {
    accept.disabled = true;
    try {
      view.replaceWith(toolView(await port.onAccept(tool), port));
    } catch (error) {
      accept.disabled = false;
      setText(
        part(box, "outcome"),
        `Not accepted. ${error instanceof Error ? error.message : error}`,
      );
    }
  });
  return box;
}
