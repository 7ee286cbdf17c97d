// @ts-check
import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { App } from "#js/models/app.js";
import { openPage, settled, until, write } from "../support/page.js";

const window = openPage({ template: "knowledge.html", path: "/knowledge" });
const { droppedFiles } = await import("#js/lib/dropped-files.js");
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
  asked_as: "",
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
  await settled();
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

test("what is shown beyond the first page is looked at, too; what somebody deleted goes", async () => {
  let isDone = false;
  const main = await shown(
    answering({
      documents: async (/** @type {any} */ { cursor }) =>
        cursor
          ? {
              documents: isDone ? [entry("b")] : [entry("b", { state: "parsing" })],
              next_cursor: null,
            }
          : {
              documents: isDone ? [entry("new")] : [entry("new"), entry("x", { state: "queued" })],
              next_cursor: "2",
            },
    }),
  );
  partOf(main, "more").click();
  await settled();
  assert.deepEqual(names(main), ["new.md", "x.md", "b.md"]);
  isDone = true;
  await until(() => !main.querySelector("progress"));
  assert.deepEqual(names(main), ["new.md", "b.md"]);
  assert.match(words(document.getElementById("polite-announcer")), /b\.md is ready/);
});

test("news of one document leave the buttons of others, and its own, where they are", async () => {
  let now = { state: "parsing", progress: 0.1 };
  const other = entry("b", { warnings: ["Hidden text was left out."] });
  const main = await shown(
    answering({
      documents: async () => ({
        documents: [entry("a", now), other],
        next_cursor: null,
      }),
      cancel: async () => {
        now = { state: "cancelled", progress: 0 };
        return entry("a", now);
      },
    }),
  );
  const [first, second] = main.querySelectorAll(".document");
  const stop = first.querySelector('[data-act="stop"]');
  const details = second.querySelector("details");
  details.open = true;
  stop.focus();
  now = { ...now, progress: 0.7 };
  await until(() => words(first).includes("70 %"));
  assert.ok(main.querySelector('[data-act="stop"]') === stop);
  assert.ok(document.activeElement === stop);
  assert.ok(second.querySelector("details") === details && details.open);
  stop.click();
  await settled();
  assert.match(words(main.querySelector(".document")), /Cancelled/);
  assert.ok(document.activeElement === first);
});

test("a collection that is not there says so, and nothing is asked of it", async () => {
  window.location.hash = "#collection=gone";
  const main = await shown(answering());
  assert.equal(words(partOf(main, "collection-name")), "No such collection");
  assert.match(words(partOf(main, "collection-words")), /deleted, or you may not see it/);
  assert.deepEqual(asked, []);
  assert.equal(partOf(main, "upload-place").hidden, true);
  assert.equal(partOf(main, "read-only").hidden, true);
});

test("a choice of roles that is called off leaves what was chosen before", async () => {
  window.location.hash = "#collection=c1";
  const main = await shown(answering());
  const select = partOf(main, "access");
  const choose = (/** @type {string} */ value) => {
    select.value = value;
    select.dispatchEvent(new window.Event("change"));
  };
  assert.equal(partOf(main, "upload-access").hidden, false);
  choose("me");
  choose("roles");
  /** @type {any} */ (document.querySelector(".form-dialog")).close("no");
  await settled();
  assert.equal(select.value, "me");
  window.location.hash = "";
  await shown(answering());
  assert.equal(partOf(main, "upload-access").hidden, true);
});

test("a folder is dropped with all that is in it; what cannot be read is counted and left out", async () => {
  const sent = /** @type {string[]} */ ([]);
  const file = (/** @type {string} */ name) => ({
    name,
    isDirectory: false,
    file: (/** @type {any} */ give) => give(new File(["x"], name)),
  });
  const folder = (/** @type {string} */ name, /** @type {any[]} */ ...entries) => ({
    name,
    isDirectory: true,
    createReader: () => {
      const parts = [entries.slice(0, 1), entries.slice(1)].filter((part) => part.length);
      return { readEntries: (/** @type {any} */ give) => give(parts.shift() ?? []) };
    },
  });
  const inner = folder("inner", file("c.pdf"), file(".DS_Store"));
  const dropped = folder("papers", file("a.md"), file("b.exe"), inner);
  const transfer = {
    items: [{ webkitGetAsEntry: () => dropped }, { webkitGetAsEntry: () => file("d.exe") }],
    files: [new File(["?"], "papers"), new File(["x"], "d.exe")],
  };
  const isWanted = (/** @type {File} */ { name }) => !name.endsWith(".exe");
  const { files, leftOut, isCut } = await droppedFiles(/** @type {any} */ (transfer), isWanted);
  for (const { name } of files) sent.push(name);
  assert.deepEqual(sent, ["d.exe", "a.md", "c.pdf"]);
  assert.deepEqual([leftOut, isCut], [1, false]);
  const huge = folder("huge", ...Array.from({ length: 600 }, (_, at) => file(`${at}.md`)));
  const many = { items: [{ webkitGetAsEntry: () => huge }], files: [] };
  const cut = await droppedFiles(/** @type {any} */ (many), isWanted);
  assert.deepEqual([cut.files.length, cut.isCut], [500, true]);
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

test("an answer is changed from what it says, and is not lost by looking elsewhere", async () => {
  /** @type {any[]} */
  const written = [];
  const answered = { ...GAP, state: "answered", answer_id: "d9", asked_as: "Abroad, may I?" };
  window.location.hash = "#gaps";
  const main = await shown(
    answering({
      gaps: async (/** @type {string} */ state) => ({
        gaps: state === "answered" ? [answered] : [],
      }),
      originalText: async () => "# May I work from abroad?\n\nUp to **30 days**.\n",
      changeAnswer: async (/** @type {string} */ id, /** @type {object} */ wish) => {
        written.push([id, wish]);
        if (written.length === 1) throw new Error("Not now.");
        return entry(id, { curated: true });
      },
    }),
  );
  const state = (/** @type {number} */ at) =>
    partOf(main, "gap-states").querySelectorAll("button")[at].click();
  state(1);
  await settled();
  const gap = main.querySelector(".gap");
  assert.match(words(gap), /Abroad, may I\?.*Looked for: May I work from <b>abroad<\/b>\?/);
  const press = (/** @type {string} */ label) =>
    [...gap.querySelectorAll("button")].find((it) => words(it) === label).click();
  press("Change the answer");
  await settled();
  const [question, answer] = [gap.querySelector("input"), gap.querySelector("textarea")];
  assert.deepEqual(
    [question.value, answer.value],
    ["May I work from abroad?", "Up to **30 days**."],
  );
  write(window, answer, "Up to 40 days.");
  assert.match(words(gap.querySelector(".gap-preview")), /Up to 40 days/);
  state(0);
  await settled();
  assert.equal(main.querySelector(".gap"), null);
  state(1);
  await settled();
  assert.equal(main.querySelector("textarea").value, "Up to 40 days.");
  const leaving = new window.Event("beforeunload", { cancelable: true });
  window.dispatchEvent(leaving);
  assert.equal(leaving.defaultPrevented, true);
  const save = () =>
    gap.querySelector("form").dispatchEvent(new window.Event("submit", { cancelable: true }));
  save();
  await settled();
  assert.match(words(gap), /Not now\./);
  save();
  await settled();
  assert.deepEqual(written[1], [
    "d9",
    { question: "May I work from abroad?", answer: "Up to 40 days." },
  ]);
  assert.equal(gap.querySelector("form"), null);
  assert.match(words(toasts), /Until then the old one is found/);
});

test("a curated answer is changed from the list of documents, too", async () => {
  /** @type {any[]} */
  const written = [];
  const curated = entry("d9", { title: "Abroad?", curated: true });
  const main = await shown(
    answering({
      documents: async () => ({ documents: [curated], next_cursor: null }),
      originalText: async () => "Written by hand.",
      changeAnswer: async (/** @type {string} */ id, /** @type {object} */ wish) => {
        written.push([id, wish]);
        return { ...curated, state: "queued" };
      },
    }),
  );
  assert.match(words(main.querySelector(".document-facts")), /in Handbook/);
  main.querySelector('[data-act="pencil"]').click();
  await settled();
  const dialog = /** @type {any} */ (document.querySelector(".form-dialog"));
  dialog.querySelector("form").dispatchEvent(new window.Event("submit", { cancelable: true }));
  await settled();
  assert.deepEqual(written, [["d9", { question: "Abroad?", answer: "Written by hand." }]]);
  assert.match(words(main.querySelector(".document")), /Waiting to be read/);
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
