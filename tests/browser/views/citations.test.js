// @ts-check
import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { checkWords } from "#js/lib/knowledge-words.js";
import { RequestFailed } from "#js/models/api.js";
import { openPage, press, settled } from "../support/page.js";

const window = openPage();
const { drawMark } = await import("#js/views/citation-mark.js");
const { SourcePanel } = await import("#js/views/source-panel.js");
const { SourcesView } = await import("#js/views/sources-view.js");

const [A, B] = ["aaaaaaaaaa", "bbbbbbbbbb"];
const MARKUP = window.document.body.innerHTML;
const HIDDEN = "\u202e";

/** @param {object} [changes] */
const passage = (changes = {}) => ({
  id: A,
  document_id: "d1",
  title: "Handbook",
  name: "handbook.pdf",
  page: 3,
  headings: ["Leave", "Holidays"],
  start: 12,
  end: 19,
  quote: "30 days",
  curated: false,
  ...changes,
});

const opened = (/** @type {object} */ changes = {}) => ({
  passage: passage(changes),
  document: {
    id: "d1",
    name: "handbook.pdf",
    uploaded_by_name: "Lee",
    uploaded_at: "2026-11-21T09:00:00Z",
  },
  text: `😀 You get 30 days off. <b>${HIDDEN}`,
  text_start: 2,
  whole: false,
  page_image: false,
});

beforeEach(() => {
  window.document.body.innerHTML = MARKUP;
});

/** @param {any} state */
function mark(state) {
  const node = document.createElement("sup");
  node.dataset.passage = A;
  document.body.append(node);
  drawMark(node, { number: 1, passage: passage(), support: null, isLast: false, ...state });
  return node;
}

/** @param {Element | null | undefined} node */
const words = (node) => node?.textContent?.replace(/\s+/g, " ").trim();

test("a mark is a button with its number, and says where it leads", () => {
  assert.equal(words(mark({}).querySelector("button")), "Source 1: Handbook, page 3, Holidays.");
});

test("support is said in words and by a sign, not by colour alone", () => {
  for (const [support, said, sign] of [
    ["supported", /Supported: The source says this/, "check"],
    ["partly", /Partly supported: .* only a part/, "half"],
    ["not_found", /Not found: The source does not say this/, "alert"],
  ]) {
    const node = mark({ support, isLast: true });
    assert.match(words(node) ?? "", /** @type {RegExp} */ (said));
    assert.ok(node.querySelector(`[data-icon="${sign}"]`), String(sign));
  }
});

test("the sign of a sentence stands at its last mark only", () => {
  const node = mark({ support: "partly", isLast: false });
  assert.equal(node.querySelector(".icon"), null);
  assert.match(words(node) ?? "", /Partly supported/);
});

test("a mark without a passage stays quiet text, and says so once it was checked", () => {
  const node = mark({ number: null, passage: null });
  assert.equal(words(node), `[^${A}]`);
  assert.equal(node.querySelector("button"), null);
  drawMark(node, { number: null, passage: null, support: "not_found", isLast: true });
  const sign = node.querySelector('[role="img"]');
  assert.equal(sign?.getAttribute("aria-label"), "Not found: there is no such source.");
});

test("the button stays the same while more becomes known of it", () => {
  const node = mark({ passage: null });
  const button = node.querySelector("button");
  button?.focus();
  drawMark(node, { number: 1, passage: passage(), support: "supported", isLast: true });
  assert.ok(node.querySelector("button") === button);
  assert.ok(document.activeElement === button);
});

test("a curated answer says that it is one", () => {
  assert.match(
    words(mark({ passage: passage({ curated: true }) })) ?? "",
    /Answer by your organisation: Handbook/,
  );
});

test("the sources under an answer are listed with their places and what was found", () => {
  /** @type {string[]} */
  const pressed = [];
  const view = new SourcesView(document.createElement("section"), (id) => pressed.push(id));
  const judged = (/** @type {any} */ ...supports) =>
    supports.map((/** @type {any} */ support) => ({ support }));
  view.update(
    [
      { id: A, number: 1, passage: passage() },
      { id: B, number: 2, passage: null },
    ],
    judged("supported", "partly", "not_found"),
  );
  assert.equal(words(view.element.querySelector("h3")), "2 sources");
  const items = [...view.element.querySelectorAll("li")].map(words);
  assert.deepEqual(items, ["1Handbookpage 3, Holidays", "2Source"]);
  assert.equal(
    words(view.element.querySelector(".sources-check")),
    "Checked 3 sentences: 1 only partly supported, 1 not found in what is cited.",
  );
  view.element.querySelectorAll("button")[1].click();
  assert.deepEqual(pressed, [B]);
  view.update([], []);
  assert.equal(view.element.hidden, true);
  assert.equal(
    checkWords(judged("supported")).words,
    "Checked: the sentence is supported by its source.",
  );
  view.update([{ id: A, number: 1, passage: passage({ curated: true }) }], []);
  assert.equal(words(view.element.querySelector("h3")), "Answer by your organisation");
});

/** @param {(id: string) => Promise<any>} passage @param {() => Promise<any>} [picture] */
function panel(passage, picture = () => Promise.reject(new Error("none"))) {
  const dialog = /** @type {any} */ (document.getElementById("source-panel"));
  const opener = document.createElement("button");
  document.body.append(opener);
  return { dialog, opener, panel: new SourcePanel(dialog, { passage, picture }) };
}

test("a source is opened at the very passage, counted in characters, as text", async () => {
  const { dialog, opener, panel: shown } = panel(async () => opened());
  shown.open({
    ids: [A],
    id: A,
    opener,
    sentence: { words: "You get 30 days.", support: "partly" },
  });
  await settled();
  const text = dialog.querySelector(".source-text");
  assert.equal(text.querySelector("mark").textContent, "30 days");
  assert.match(text.textContent, /<b>right-to-left override, U\+202E/);
  assert.equal(dialog.querySelector("b, script"), null);
  assert.match(
    words(dialog) ?? "",
    /Handbook.*Partly supported.*The answer says: You get 30 days\./,
  );
  assert.match(words(dialog) ?? "", /handbook\.pdf.*page 3, Holidays.*added by Lee/);
  assert.equal(
    dialog.querySelector("a").getAttribute("href"),
    "/api/knowledge/documents/d1/original",
  );
  assert.equal(dialog.querySelector("img"), null);
  assert.ok(document.activeElement === dialog.querySelector("h2"));
});

test("Escape closes it, and the keyboard is back where it was", async () => {
  const { dialog, opener, panel: shown } = panel(async () => opened());
  shown.open({ ids: [A], id: A, opener });
  await settled();
  press(window, dialog, "Escape");
  assert.equal(dialog.open, false);
  assert.ok(document.activeElement === opener);
});

test("a mark that was drawn anew meanwhile gets the keyboard by what it cites", async () => {
  const { dialog, panel: shown } = panel(async () => opened());
  const before = mark({});
  shown.open({ ids: [A], id: A, opener: /** @type {any} */ (before.querySelector("button")) });
  await settled();
  before.remove();
  const after = mark({});
  dialog.close();
  assert.ok(document.activeElement === after.querySelector("button"));
});

test("one goes through the sources in their order; a late answer is not shown", async () => {
  /** @type {((value: any) => void)[]} */
  const answers = [];
  const { dialog, opener, panel: shown } = panel(() => new Promise((r) => answers.push(r)));
  const at = (/** @type {string} */ name) => dialog.querySelector(`[data-part="${name}"]`);
  shown.open({ ids: [A, B], id: A, opener });
  assert.equal(words(at("count")), "Source 1 of 2");
  assert.equal(at("before").disabled, true);
  at("after").click();
  assert.equal(words(at("count")), "Source 2 of 2");
  answers[1](opened({ title: "Second" }));
  await settled();
  answers[0](opened({ title: "First" }));
  await settled();
  assert.equal(words(at("title")), "Second");
});

test("a passage that is gone says so; trouble can be tried again", async () => {
  const gone = new RequestFailed({ code: "not_found", message: "No.", retryable: false });
  const away = new RequestFailed({ code: "unavailable", message: "It is away.", retryable: true });
  const fails = [gone, away];
  const {
    dialog,
    opener,
    panel: shown,
  } = panel(async () => {
    const error = fails.shift();
    if (error) throw error;
    return opened();
  });
  shown.open({ ids: [A], id: A, opener });
  await settled();
  assert.match(
    words(dialog) ?? "",
    /No longer there.*is not there any more, or you may not see it/,
  );
  shown.open({ ids: [A], id: A, opener });
  await settled();
  assert.match(words(dialog) ?? "", /It is away\./);
  dialog.querySelector('[data-part="content"] button').click();
  await settled();
  assert.equal(words(dialog.querySelector("h2")), "Handbook");
});

test("a page's picture is opened at its mark, with the words below it", async () => {
  const picture = { url: "data:image/png;base64,AA==", mark: { top: 0.4, bottom: 0.55 } };
  const fetched = async () => ({ ...opened(), page_image: true });
  const { dialog, opener, panel: shown } = panel(fetched, async () => picture);
  shown.open({ ids: [A], id: A, opener });
  await settled();
  const image = dialog.querySelector("img");
  assert.equal(image.getAttribute("src"), picture.url);
  assert.match(image.alt, /Page 3 with the passage marked/);
  const { top, height } = dialog.querySelector(".source-page-mark").style;
  assert.deepEqual([top, Math.round(Number.parseFloat(height))], ["40%", 15]);
  assert.ok(dialog.querySelector(".source-text mark"));
});

test("a page's picture stands back when it cannot be shown", async () => {
  const { dialog, opener, panel: shown } = panel(async () => ({ ...opened(), page_image: true }));
  shown.open({ ids: [A], id: A, opener });
  await settled();
  assert.equal(dialog.querySelector("img"), null);
  assert.match(words(dialog) ?? "", /picture cannot be shown/);
  assert.ok(dialog.querySelector(".source-text mark"));
});
