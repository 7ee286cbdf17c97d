// @ts-check
import assert from "node:assert/strict";
import { test } from "node:test";
import { callPhase, phaseWords } from "#js/models/call-words.js";
import { openPage, settled } from "../support/page.js";

openPage();
const { letterView } = await import("#js/views/letter-view.js");
const { mailOutcomeView } = await import("#js/views/mail-outcome-view.js");
const { MailReader } = await import("#js/views/mail-reader.js");
const { PreviewView } = await import("#js/views/preview-view.js");

/** @param {string} spec @param {string} [name] */
const address = (spec, name = "") => ({ name, spec });

/** @param {object} [changes] */
function mail(changes = {}) {
  return {
    sender: address("ada@x.test", "Ada"),
    to: [address("lee@y.test")],
    cc: [],
    bcc: [],
    reply_to: null,
    subject: "Plan",
    body: "Dear Lee,\n\nhere it is.\n",
    html: false,
    attachments: [],
    warnings: [],
    ...changes,
  };
}

/** @param {Element} letter @param {string} name */
const row = (letter, name) => letter.querySelector(`dd[data-field="${name}"]`)?.textContent;

test("whoever calls themselves by another address is shown with their own", () => {
  const letter = letterView(mail({ to: [address("evil@z.test", "boss@x.test")] }));
  assert.equal(row(letter, "To"), "boss@x.test evil@z.test");
});

test("all recipients are told, hidden copies as such, and their number when there are many", () => {
  const many = Array.from({ length: 40 }, (_, at) => address(`p${at}@y.test`));
  const letter = letterView(mail({ to: many, bcc: [address("spy@z.test")] }));
  assert.equal(letter.querySelectorAll('dd[data-field="To"] .mail-address').length, 40);
  assert.equal(letter.querySelector('dt[data-field="To"]')?.textContent, "To (40)");
  assert.match(row(letter, "Bcc") ?? "", /spy@z\.test.*do not see/);
  assert.equal(row(letter, "Cc"), undefined);
  assert.equal(row(letter, "Reply-To"), undefined);
});

test("nothing of a mail becomes markup or a link, in no field", () => {
  const markup = '<a href="https://z.test">x</a><img src=x>';
  const named = { name: markup, spec: markup };
  const file = { name: markup, media_type: markup, size: 1 };
  const letter = letterView(
    mail({
      sender: named,
      to: [named],
      cc: [named],
      bcc: [named],
      reply_to: named,
      subject: markup,
      body: markup,
      attachments: [file],
      warnings: [markup],
    }),
  );
  assert.equal(letter.querySelectorAll("a, img, script, iframe").length, 0);
  assert.equal((letter.textContent ?? "").split(markup).length - 1, 15);
});

test("hidden characters are named wherever they stand", () => {
  const letter = letterView(
    mail({
      to: [address("le\u200be@y.test", "L\u202eee")],
      subject: "P\u00adlan",
      body: "a\u2066b",
      attachments: [{ name: "cod\u202efdp.exe", media_type: "x", size: 1 }],
    }),
  );
  assert.equal(letter.querySelectorAll(".hidden-character").length, 5);
});

test("who a warning names is marked in the list, and nobody else", () => {
  const letter = letterView(
    mail({
      to: [address("lee@y.test"), address("slee@y.test"), address("Eve@pa.test")],
      warnings: ["Outside your organisation: lee@y.test.", "Looks like a known one: pa.test."],
    }),
  );
  const marked = [...letter.querySelectorAll("[data-warned] .mail-spec")];
  assert.deepEqual(
    marked.map((node) => node.textContent),
    ["lee@y.test", "Eve@pa.test"],
  );
  assert.match(letter.querySelector(".letter-warnings")?.textContent ?? "", /Look closely/);
});

test("a long text says how long it is, an empty one that it is", () => {
  assert.match(letterView(mail({ body: "x\n".repeat(50) })).textContent ?? "", /50 lines in all/);
  assert.doesNotMatch(letterView(mail()).textContent ?? "", /in all/);
  const empty = letterView(mail({ body: "\n", subject: " ", html: true })).textContent ?? "";
  for (const words of ["no text", "No subject", "formatted version"])
    assert.ok(empty.includes(words));
});

test("what strangers wrote is marked in every field, with where it is from", () => {
  /** @type {import("#js/types/wire.js").Origin} */
  const origin = { kind: "mail", server: "email", trusted: false };
  const untrusted = [
    { text: "lee@y.test", origin },
    { text: "here it is", origin },
  ];
  const letter = letterView(mail(), untrusted);
  assert.equal(letter.querySelectorAll("mark").length, 2);
  assert.match(letter.querySelector(".taint-legend")?.textContent ?? "", /1 From: mail/);
  assert.equal(
    letterView(mail({ to: [], body: "Mine.\n" }), untrusted).querySelector(".taint-legend"),
    null,
  );
});

test("a preview is a letter with a mail and a table without", () => {
  const section = document.createElement("div");
  section.innerHTML = '<h4 data-part="preview-title"></h4><div data-part="changes"></div>';
  const view = new PreviewView(section, false);
  view.show({ preview: { summary: "Send to Lee", changes: [], mail: mail() }, problem: null });
  assert.ok(section.querySelector(".letter"));
  assert.equal(section.querySelector("h4")?.textContent, "The mail");
  const changes = [{ item: "Task 1", field: "status", old: 1, new: 2 }];
  view.show({ preview: { summary: "Set it", changes, mail: null }, problem: null });
  assert.equal(section.querySelector(".letter"), null);
  assert.equal(section.querySelector("h4")?.textContent, "What will change");
});

const RESULT = {
  status: "unknown",
  summary: "",
  message_id: "<b>1</b>@x.test",
  accepted: [],
  rejected: [],
  unknown: ["lee@y.test"],
};

test("an unknown outcome is no done call, and says so", async () => {
  /** @type {any} */
  const end = { state: "succeeded", result: RESULT };
  /** @type {any} */
  const call = { end, questions: [] };
  assert.equal(phaseWords(callPhase(call)).label, "Outcome unknown");
  assert.equal(
    callPhase({ ...call, end: { ...end, result: { ...RESULT, status: "sent" } } }),
    "succeeded",
  );
  const { mailOutcomeOf } = await import("#js/lib/mail-outcome.js");
  const outcome = mailOutcomeOf(RESULT);
  assert.ok(outcome);
  const shown = mailOutcomeView(outcome);
  assert.match(shown.textContent ?? "", /Nobody knows.*lee@y\.testUnknown: may have got it/s);
  assert.match(shown.querySelector("code")?.textContent ?? "", /<b>1<\/b>/);
});

/** @param {object} [changes] */
function read(changes = {}) {
  return {
    id: "m1",
    folder: "INBOX",
    sender: null,
    to: [],
    cc: [],
    reply_to: [],
    subject: "",
    date: null,
    received: "2026-11-21T09:00:00Z",
    flags: [],
    warnings: [],
    text: "one ",
    next_offset: 4,
    links: [],
    attachments: [],
    ...changes,
  };
}

test("a long mail is read on where it ended, and a problem can be tried again", async () => {
  /** @type {number[]} */
  const asked = [];
  let isAway = true;
  const reader = new MailReader(read(), {
    readOn: async (offset) => {
      asked.push(offset);
      if (isAway) throw new Error("Away.");
      return read({ text: "two", next_offset: null });
    },
  });
  const more = /** @type {HTMLButtonElement} */ (reader.element.querySelector("button"));
  more.click();
  await settled();
  assert.equal(reader.element.querySelector(".call-error")?.textContent, "Away.");
  isAway = false;
  more.click();
  await settled();
  assert.equal(reader.element.querySelector(".mail-text")?.textContent, "one two");
  assert.deepEqual([asked, more.hidden], [[4, 4], true]);
});
