// @ts-check
import assert from "node:assert/strict";
import { test } from "node:test";
import { visiblePieces } from "#js/lib/hidden-characters.js";
import { mailAlarm, mailOutcomeOf } from "#js/lib/mail-outcome.js";
import { folderWords, isOutgoing, shortDate, signWords } from "#js/lib/mail-words.js";
import { hashOf, placeOf } from "#js/lib/mailbox-address.js";
import { markedIn, taintedTexts, untrustedOf } from "#js/lib/taint.js";

/** @type {import("#js/types/wire.js").Origin} */
const MAIL = { kind: "mail", server: "email", trusted: false };
/** @type {import("#js/types/wire.js").Origin} */
const WEB = { kind: "web", server: "", trusted: false };

/** @param {string} text */
const hiddenIn = (text) => visiblePieces(text).flatMap(({ hidden }) => hidden || []);

test("characters that nobody sees are found and named", () => {
  assert.deepEqual(hiddenIn("a\u202eb\u202cc"), [
    "right-to-left override, U+202E",
    "end of turned text, U+202C",
  ]);
  for (const hidden of [
    "\u0000",
    "\u007f",
    "\u00ad",
    "\u200b",
    "\u2028",
    "\ufeff",
    "\u{e0041}",
    "\u3164",
    "\ue000",
  ]) {
    assert.equal(hiddenIn(`pay${hidden}pal`).length, 1, escape(hidden));
  }
});

test("what ordinary text is made of is not", () => {
  const ordinary = "Grüße\t– naïve «café»\n\nمرحبا می‌خواهم 👩‍💻 ❤️日本語\r\nend";
  assert.deepEqual(visiblePieces(ordinary), [{ text: ordinary.replace("\r\n", "\n"), hidden: "" }]);
  assert.deepEqual(visiblePieces(""), []);
});

test("a lone carriage return ends a line and hides nothing", () => {
  assert.deepEqual(visiblePieces("seen\rhidden"), [{ text: "seen\nhidden", hidden: "" }]);
});

test("untrusted fragments are found in a text that was made of the arguments", () => {
  const args = { body: "see\r\nfoo bar", to: ["lee@x.test"] };
  const untrusted = untrustedOf(
    taintedTexts(args, [
      { argument: "body", start: 0, end: 8, origin: WEB },
      { argument: "to.0", start: 0, end: 10, origin: MAIL },
    ]),
  );
  assert.deepEqual(markedIn("Hi, see\nfoo bar; lee@x.test and lee@x.test.", untrusted), [
    { text: "Hi, ", origin: null },
    { text: "see\nfoo", origin: WEB },
    { text: " bar; ", origin: null },
    { text: "lee@x.test", origin: MAIL },
    { text: " and ", origin: null },
    { text: "lee@x.test", origin: MAIL },
    { text: ".", origin: null },
  ]);
});

test("of fragments that overlap the longest is marked, and tiny ones nowhere", () => {
  const untrusted = [
    { text: "foo", origin: WEB },
    { text: "foo bar", origin: MAIL },
    { text: "a ", origin: WEB },
    { text: "", origin: WEB },
  ];
  assert.deepEqual(markedIn("a foo bar", untrusted), [
    { text: "a ", origin: null },
    { text: "foo bar", origin: MAIL },
  ]);
  assert.deepEqual(markedIn("", untrusted), []);
});

const OUTCOME = {
  status: "partial",
  summary: "Sent to a@x.test.",
  message_id: "1@x.test",
  accepted: ["a@x.test"],
  rejected: [{ address: "b@x.test", code: 550, reason: "No such mailbox." }],
  unknown: [],
};

test("each recipient's fate is read, those first who did not get it", () => {
  const outcome = mailOutcomeOf({ ...OUTCOME, unknown: ["c@x.test"], replayed: true });
  assert.deepEqual(outcome?.recipients, [
    { address: "b@x.test", fate: "refused", reason: "550: No such mailbox." },
    { address: "c@x.test", fate: "unknown", reason: "" },
    { address: "a@x.test", fate: "accepted", reason: "" },
  ]);
  assert.equal(outcome?.replayed, true);
});

test("what is no mail's outcome is left to others", () => {
  const { message_id: _, ...without } = OUTCOME;
  const others = [
    null,
    "sent",
    [],
    {},
    without,
    { ...OUTCOME, status: "constructor" },
    { ...OUTCOME, rejected: "b" },
  ];
  for (const other of others) assert.equal(mailOutcomeOf(other), null);
});

test("an outcome that is not plainly good is told without being asked for", () => {
  assert.match(mailAlarm({ ...OUTCOME, status: "unknown" }), /^Nobody knows whether/);
  assert.match(mailAlarm(OUTCOME), /refused the others/);
  assert.match(mailAlarm({ ...OUTCOME, status: "draft" }), /Nothing was sent/);
  assert.equal(mailAlarm({ ...OUTCOME, status: "sent" }), "");
  assert.equal(mailAlarm({ rows: [] }), "");
});

test("the address of the page says what is looked at", () => {
  const place = { account: "first run", folder: "A & B#c", mail: "x=1" };
  assert.deepEqual(placeOf(hashOf(place)), place);
  assert.deepEqual(placeOf(""), { account: "", folder: "", mail: "" });
  assert.equal(hashOf({ account: "a", folder: "", mail: "" }), "#account=a");
});

test("folders, dates and signs have words", () => {
  const folder = { name: "[Gmail]/Sent", role: "sent", total: null, unread: null };
  assert.equal(folderWords(folder).words, "Sent");
  assert.equal(folderWords({ ...folder, name: "Plans", role: null }).words, "Plans");
  assert.deepEqual(
    [isOutgoing("drafts"), isOutgoing("inbox"), isOutgoing(null)],
    [true, false, false],
  );
  assert.match(signWords("reply_to_differs"), /another address/);
  assert.equal(signWords("strange_sign"), "strange sign.");
  const now = new Date(2026, 10, 21, 12);
  assert.match(shortDate(new Date(2026, 10, 21, 9, 5).toISOString(), now), /05/);
  assert.doesNotMatch(shortDate(new Date(2026, 9, 1).toISOString(), now), /2026/);
  assert.match(shortDate(new Date(2025, 9, 1).toISOString(), now), /2025/);
});
