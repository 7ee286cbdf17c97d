// @ts-check
import assert from "node:assert/strict";
import { test } from "node:test";
import { addressOf, conversationIn } from "#js/lib/address.js";
import { pauseMs } from "#js/lib/backoff.js";
import { newId } from "#js/lib/ids.js";
import { lineDiff } from "#js/lib/line-diff.js";
import { Remembered } from "#js/lib/storage.js";
import { dayGroup, durationWords, expiryWords, greeting } from "#js/lib/time-words.js";

test("an id is a version 4 UUID, also where randomUUID is missing", () => {
  const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
  const insecure = { getRandomValues: crypto.getRandomValues.bind(crypto) };
  assert.match(newId(), uuid);
  assert.match(newId(insecure), uuid);
  assert.notEqual(newId(insecure), newId(insecure));
});

test("the address names a conversation, or a new one", () => {
  assert.equal(conversationIn("/c/0b9f7a52-5a0f"), "0b9f7a52-5a0f");
  for (const path of ["/", "/c/", "/c/a/b", "/tools"]) assert.equal(conversationIn(path), null);
  assert.equal(conversationIn(addressOf("abc-1")), "abc-1");
  assert.equal(addressOf(null), "/");
});

test("pauses grow to a bound and never shrink to nothing", () => {
  const longest = [0, 1, 2, 3, 10].map((tries) => pauseMs(tries, () => 1));
  assert.deepEqual(longest, [500, 1000, 2000, 4000, 15_000]);
  assert.equal(
    pauseMs(0, () => 0),
    250,
  );
});

test("times are told in words", () => {
  assert.equal(expiryWords(58 * 60_000 + 5000), "expires in 58 min");
  assert.equal(expiryWords(59_000), "expires in 59 s");
  assert.equal(expiryWords(-1), "expires any moment now");
  assert.equal(expiryWords(5 * 3_600_000), "expires in 5 hours");
  assert.equal(durationWords(41), "41 ms");
  assert.equal(durationWords(2345), "2.3 s");
  assert.equal(durationWords(61_000), "1 min 1 s");
  assert.equal(greeting(new Date(2026, 10, 21, 9)), "Good morning");
  assert.equal(greeting(new Date(2026, 10, 21, 23)), "Good evening");
});

test("days are told by the calendar, not by the hours that passed", () => {
  const now = new Date(2026, 2, 1, 0, 30);
  assert.equal(dayGroup(new Date(2026, 2, 1, 0, 10), now), "Today");
  assert.equal(dayGroup(new Date(2026, 1, 28, 23, 50), now), "Yesterday");
  assert.equal(dayGroup(new Date(2026, 1, 27, 23, 50), now), "Earlier");
});

test("the difference of two texts keeps what they share", () => {
  const kinds = lineDiff("a\nb\nc", "a\nx\nc\nd").map(({ kind, text }) => `${kind} ${text}`);
  assert.deepEqual(kinds, ["same a", "old b", "new x", "same c", "new d"]);
  assert.deepEqual(lineDiff("a", "a"), [{ kind: "same", text: "a" }]);
});

test("storage that is forbidden forgets quietly", () => {
  const forbidden = new Remembered(() => {
    throw new Error("denied");
  });
  forbidden.set("key", "value");
  assert.equal(forbidden.get("key"), null);
});
