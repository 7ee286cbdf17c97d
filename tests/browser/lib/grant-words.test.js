// @ts-check
import assert from "node:assert/strict";
import { test } from "node:test";
import { patternWords, valueWords } from "#js/lib/grant-words.js";

test("a pattern is told in words, with its unset fields as null or left out", () => {
  const unset = { equals: null, one_of: null, starts_with: null, anything: null };
  const table = /** @type {[any, string][]} */ ([
    [{ equals: "done" }, "exactly “done”"],
    [{ ...unset, equals: 42 }, "exactly 42"],
    [{ equals: null }, "exactly empty"],
    [{ ...unset, anything: true }, "any value"],
    [{ ...unset, starts_with: "team-" }, "anything that begins with “team-”"],
    [{ ...unset, one_of: ["a", 1, false] }, "one of “a”, 1, no"],
  ]);
  for (const [pattern, words] of table) assert.equal(patternWords(pattern), words);
});

test("a long value is shortened between characters", () => {
  assert.equal(valueWords("😀".repeat(100)), `“${"😀".repeat(80)}…”`);
});
