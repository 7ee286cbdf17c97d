// @ts-check
import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { App } from "#js/models/app.js";
import { openPage, settled, until, write } from "../support/page.js";

const window = openPage({ template: "knowledge.html", path: "/knowledge" });
const { KnowledgeController } = await import("#js/controllers/knowledge-controller.js");
const { KnowledgeLinkController } = await import("#js/controllers/optional-link-controller.js");

const MARKUP = window.document.body.innerHTML;
const ABOUT = {
  available: true,
  editor: true,
  document_bytes: 50 * 1024 ** 2,
  kinds: [".md", ".pdf"],
  open_gaps: 2,
};
const HANDBOOK = {
  id: "c1",
  name: "Handbook",
  description: "Rules.",
  documents: 2,
  access: ["everybody"],
  editable: true,
  model: "m",
};
const READ_ONLY = { ...HANDBOOK, id: "c2", name: "Board", editable: false };
const GAP = {
  id: "g1",
  question: "May I work from <b>abroad</b>?",
  asked: 3,
  first_asked_at: "2026-11-01T09:00:00Z",
  last_asked_at: "2026-11-20T09:00:00Z",
  state: "open",
  answer_id: "",
};

/** @param {string} id @param {object} [changes] */
const entry = (id, changes = {}) => ({
  id,
  collection_id: "c1",
  name: `${id}.md`,
  title: "",
  media_type: "text/markdown",
  octets: 4_000,
  state: "ready",
  progress: 1,
  reason: "",
  warnings: [],
  pages: null,
  chunks: 3,
  uploaded_by_name: "Lee",
  uploaded_at: "2026-11-20T09:00:00Z",
  access: [],
  curated: false,
  editable: true,
  ...changes,
});

/** @type {any[]} */
let asked;
/** @type {any} */
let toasts;

beforeEach(() => {
  window.location.hash = "";
  window.document.body.innerHTML = `${MARKUP}<div id="toasts"></div><div id="polite-announcer"></div>`;
  toasts = document.getElementById("toasts");
  asked = [];
});

/** @param {object} [changes] */
function answering(changes = {}) {
  return {
    about: async () => ABOUT,
    collections: async () => ({ collections: [HANDBOOK, READ_ONLY] }),
    documents: async (/** @type {any} */ wanted) => {
      asked.push(wanted);
      return wanted.cursor
        ? { documents: [entry("old")], next_cursor: null }
        : { documents: [entry("new")], next_cursor: "next" };
    },
    gaps: async () => ({ gaps: [GAP] }),
    ...changes,
  };
}

/** @param {any} knowledge */
async function shown(knowledge) {
  const main = /** @type {any} */ (document.querySelector("main"));
  main.dataset.me = "person:ada";
  main.dataset.roles = "owner";
  const api = /** @type {any} */ ({ knowledge, csrfToken: "token" });
  await new KnowledgeController(main, new App({ api, connection: null, me: "Ada" })).connect();
  await settled();
  return main;
}

/** @param {Element} root @param {string} name @returns {any} */
const partOf = (root, name) => root.querySelector(`[data-part="${name}"]`);
/** @param {Element} main */
const names = (main) =>
  [...main.querySelectorAll(".document-name")].map(({ textContent }) => textContent);
/** @param {Element | null} node */
const words = (node) => node?.textContent?.replace(/\s+/g, " ").trim() ?? "";
/** What the browser says of a dragged file. @param {string} type @param {File[]} files */
function dragged(type, files) {
  const event = new window.Event(type, { cancelable: true });
  Object.assign(event, { dataTransfer: { types: ["Files"], files } });
  window.dispatchEvent(event);
  return event;
}

test("documents are listed, the older ones after the newer ones", async () => {
  const main = await shown(answering());
  assert.deepEqual(names(main), ["new.md"]);
  assert.match(words(main.querySelector(".document")), /4 kB.*added .* by Lee.*Everybody/);
  partOf(main, "more").click();
  await settled();
  assert.deepEqual(names(main), ["new.md", "old.md"]);
  assert.equal(asked[1].cursor, "next");
  assert.equal(partOf(main, "more").hidden, true);
});

test("what is allowed is told before anything is chosen", async () => {
  const main = await shown(answering());
  assert.equal(words(partOf(main, "limits")), "MD and PDF, up to 50 MB each.");
  assert.equal(partOf(main, "files").accept, ".md,.pdf");
});

test("a collection is opened by its address; one that is only read takes nothing", async () => {
  window.location.hash = "#collection=c2";
  const main = await shown(answering());
  assert.equal(asked[0].collection, "c2");
  assert.equal(words(partOf(main, "collection-name")), "Board");
  assert.equal(partOf(main, "upload-place").hidden, true);
  assert.equal(partOf(main, "read-only").hidden, false);
  assert.equal(partOf(main, "collection-actions").hidden, true);
  dragged("drop", [new File(["x"], "a.md")]);
  assert.match(words(toasts), /not add to it/);
  assert.equal(main.querySelectorAll(".upload").length, 0);
});

test("a search by name is for that name, and says when nothing is found", async () => {
  const main = await shown(
    answering({
      documents: async (/** @type {any} */ wanted) => {
        asked.push(wanted);
        return { documents: wanted.name ? [] : [entry("new")], next_cursor: null };
      },
    }),
  );
  partOf(main, "search").value = " plan ";
  partOf(main, "search-form").dispatchEvent(new window.Event("submit", { cancelable: true }));
  await settled();
  assert.equal(asked.at(-1).name, "plan");
  assert.match(words(partOf(main, "empty")), /No document here has “plan” in its name/);
});

test("an empty collection says what to do", async () => {
  const empty = { documents: async () => ({ documents: [], next_cursor: null }) };
  const main = await shown(answering(empty));
  assert.match(words(partOf(main, "empty")), /No documents yet.*Drop files here/);
});

test("a dragged file shows where it would go, and what is refused is told with its reason", async () => {
  window.location.hash = "#collection=c1";
  const main = await shown(answering());
  dragged("dragenter", []);
  assert.equal(partOf(main, "drop-target").hidden, false);
  assert.match(words(partOf(main, "drop-target")), /Drop to add to “Handbook”/);
  dragged("dragleave", []);
  assert.equal(partOf(main, "drop-target").hidden, true);
  const over = dragged("dragover", []);
  assert.equal(over.defaultPrevented, true);
  dragged("drop", [new File(["x"], "a.exe"), new File([], "b.md")]);
  const rows = [...main.querySelectorAll(".upload")].map(words);
  assert.match(rows[0], /a\.exe.*Not added\. Files of this kind cannot be read/);
  assert.match(rows[1], /b\.md.*Not added\. The file is empty/);
  main.querySelector(".upload button").click();
  assert.equal(main.querySelectorAll(".upload").length, 1);
});

test("work on a document is looked at until it is done, and its end is told", async () => {
  const states = [
    entry("a", { state: "parsing", progress: 0.2 }),
    entry("a", { state: "embedding", progress: 0.5 }),
    entry("a", { state: "failed", reason: "It is encrypted." }),
  ];
  const main = await shown(
    answering({
      documents: async () => ({ documents: [states.shift()], next_cursor: null }),
    }),
  );
  assert.match(words(main.querySelector(".document")), /Reading, 20 %/);
  await until(() => words(main.querySelector(".document")).includes("Making it findable, 50 %"));
  await until(() => words(main.querySelector(".document")).includes("It is encrypted."));
  assert.match(words(document.getElementById("polite-announcer")), /a\.md could not be read/);
});

test("a document is deleted after a yes in words", async () => {
  /** @type {string[]} */
  const removed = [];
  const main = await shown(
    answering({ removeDocument: async (/** @type {string} */ id) => removed.push(id) }),
  );
  const dialog = /** @type {any} */ (document.getElementById("confirm-dialog"));
  main.querySelector('[aria-label="Delete: new.md"]').click();
  assert.match(words(dialog), /“new\.md” will be gone for everybody/);
  dialog.close("no");
  await settled();
  assert.deepEqual(removed, []);
  main.querySelector('[aria-label="Delete: new.md"]').click();
  dialog.close("yes");
  await settled();
  assert.deepEqual(removed, ["new"]);
  assert.deepEqual(names(main), []);
});

test("who may see a document is chosen; a refusal is told in the dialog", async () => {
  /** @type {any[]} */
  const wanted = [];
  const main = await shown(
    answering({
      changeAccess: async (/** @type {string} */ id, /** @type {string[]} */ access) => {
        wanted.push(access);
        if (wanted.length === 1) throw new Error("Not wider than its collection.");
        return entry(id, { access });
      },
    }),
  );
  main.querySelector('[aria-label="Who may see it: new.md"]').click();
  const dialog = /** @type {any} */ (document.querySelector(".form-dialog"));
  const save = () =>
    dialog.querySelector("form").dispatchEvent(new window.Event("submit", { cancelable: true }));
  const radios = dialog.querySelectorAll('[type="radio"]');
  radios[1].checked = true;
  save();
  await settled();
  assert.match(words(dialog), /Choose at least one role/);
  const member = [...dialog.querySelectorAll("label")].find((it) => words(it) === "Members");
  member.querySelector("input").checked = true;
  save();
  await settled();
  assert.match(words(dialog), /Not wider than its collection\./);
  radios[2].checked = true;
  save();
  await settled();
  assert.deepEqual(wanted, [["role:member", "person:ada"], ["person:ada"]]);
  assert.match(words(main.querySelector(".document-readers")), /Only you/);
});

test("questions without an answer are for editors, and are answered or dismissed", async () => {
  /** @type {any[]} */
  const settledGaps = [];
  window.location.hash = "#gaps";
  const main = await shown(
    answering({
      gaps: async () => ({ gaps: [GAP, { ...GAP, id: "g2", asked: 1 }] }),
      answerGap: async (/** @type {string} */ id, /** @type {object} */ written) =>
        settledGaps.push([id, written]),
      dismissGap: async (/** @type {string} */ id) => settledGaps.push([id]),
    }),
  );
  assert.equal(partOf(main, "documents-panel").hidden, true);
  assert.equal(words(partOf(main, "gaps-count")), "2");
  const [first] = main.querySelectorAll(".gap");
  assert.match(words(first), /May I work from <b>abroad<\/b>\?Asked 3 times/);
  first.querySelector(".primary").click();
  write(window, first.querySelector("textarea"), "Up to **30 days**.");
  first.querySelector("form").dispatchEvent(new window.Event("submit", { cancelable: true }));
  await settled();
  assert.deepEqual(settledGaps[0], [
    "g1",
    { question: GAP.question, answer: "Up to **30 days**." },
  ]);
  assert.equal(words(partOf(main, "gaps-count")), "1");
  main.querySelectorAll(".gap button")[1].click();
  await settled();
  assert.deepEqual(settledGaps[1], ["g2"]);
  assert.match(words(partOf(main, "gaps-note")), /No open questions/);
});

test("who is no editor sees no questions of others", async () => {
  window.location.hash = "#gaps";
  const main = await shown(answering({ about: async () => ({ ...ABOUT, editor: false }) }));
  assert.equal(partOf(main, "gaps-panel").hidden, true);
  assert.equal(partOf(main, "tabs").hidden, true);
  assert.equal(partOf(main, "make").hidden, true);
});

test("without a knowledge base the page says so, and there is no link", async () => {
  const none = { about: async () => ({ ...ABOUT, available: false }) };
  const main = await shown(none);
  assert.match(words(partOf(main, "note")), /There is no knowledge base here/);
  for (const [about, hidden] of /** @type {const} */ ([
    [async () => ABOUT, false],
    [none.about, true],
    [() => Promise.reject(new Error("Away.")), true],
  ])) {
    const link = document.createElement("a");
    link.hidden = true;
    const api = /** @type {any} */ ({ knowledge: { about } });
    await new KnowledgeLinkController(link, new App({ api, connection: null, me: "" })).connect();
    assert.equal(link.hidden, hidden);
  }
});
