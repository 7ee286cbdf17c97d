// @ts-check
import assert from "node:assert/strict";
import { test } from "node:test";
import { openPage, until } from "../support/page.js";

openPage();
const { StreamedMarkdown } = await import("#js/views/streamed-markdown.js");

/** Records what is rendered; real rendering is tested in a browser. */
function streamed() {
  const container = document.createElement("div");
  /** @type {{ raw: string, settled: boolean }[]} */
  const rendered = [];
  const markdown = new StreamedMarkdown(container, ({ raw }, { settled }) => {
    rendered.push({ raw: raw.trim(), settled });
    const fragment = document.createDocumentFragment();
    const paragraph = document.createElement("p");
    paragraph.textContent = raw.trim();
    fragment.append(paragraph);
    return fragment;
  });
  return { container, markdown, rendered };
}

test("a finished text is drawn at once", () => {
  const { container, markdown } = streamed();
  markdown.update("One\n\nTwo", true);
  assert.deepEqual(
    [...container.children].map((node) => node.textContent),
    ["One", "Two"],
  );
  assert.equal(container.hasAttribute("data-streaming"), false);
});

test("a growing text is drawn in steps, the last of which is never lost", async () => {
  const { container, markdown, rendered } = streamed();
  let text = "";
  for (let count = 0; count < 100; count += 1) {
    text += "word ";
    markdown.update(text, false);
  }
  await until(() => container.textContent === text.trim());
  assert.ok(rendered.length < 10, `${rendered.length} renders for 100 updates`);
  assert.equal(container.hasAttribute("data-streaming"), true);
});

test("blocks that did not change stay the very same nodes", async () => {
  const { container, markdown, rendered } = streamed();
  markdown.update("One\n\nTwo\n\nThr", false);
  await until(() => container.children.length === 3);
  const [first, second] = container.children;
  markdown.update("One\n\nTwo\n\nThree", true);
  assert.ok(container.children[0] === first);
  assert.ok(container.children[1] === second);
  assert.equal(container.textContent, "OneTwoThree");
  assert.deepEqual(
    rendered.map(({ raw, settled }) => `${raw} ${settled}`),
    ["One true", "Two true", "Thr false", "Three true"],
  );
});

test("a block is drawn once more when it is known to be whole", async () => {
  const { markdown, rendered } = streamed();
  markdown.update("One", false);
  await until(() => rendered.length === 1);
  markdown.update("One\n\nTwo", true);
  assert.deepEqual(
    rendered.map(({ raw, settled }) => `${raw} ${settled}`),
    ["One false", "One true", "Two true"],
  );
});

test("a text that is replaced by another leaves nothing behind", () => {
  const { container, markdown } = streamed();
  markdown.update("Old\n\nwords", true);
  markdown.update("New", true);
  assert.equal(container.textContent, "New");
});
