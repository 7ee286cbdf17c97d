// @ts-check
import assert from "node:assert/strict";
import { test } from "node:test";
import { plain, SentenceBuffer } from "#js/lib/sentences.js";

/**
 * Reads a text letter by letter, as it would stream.
 *
 * @param {string} text
 */
function spoken(text) {
  const buffer = new SentenceBuffer();
  const heard = [];
  for (let length = 1; length <= text.length; length += 1)
    heard.push(...buffer.read(text.slice(0, length)));
  heard.push(...buffer.read(text, { finished: true }));
  return heard;
}

test("each sentence is spoken once, when it is whole", () => {
  const buffer = new SentenceBuffer();
  assert.deepEqual(buffer.read("It is noon"), []);
  assert.deepEqual(buffer.read("It is noon. And"), ["It is noon."]);
  assert.deepEqual(buffer.read("It is noon. And sunny"), []);
  assert.deepEqual(buffer.read("It is noon. And sunny", { finished: true }), ["And sunny"]);
});

test("a number is not cut at its point", () => {
  assert.deepEqual(spoken("It costs 3.50 euros. Fine."), ["It costs 3.50 euros.", "Fine."]);
});

test("letters or all at once, the same sentences are heard", () => {
  const text = "One. Two! Three?\n\n- Four\n- Five";
  assert.deepEqual(spoken(text), ["One.", "Two!", "Three?", "Four", "Five"]);
  assert.deepEqual(new SentenceBuffer().read(text, { finished: true }), spoken(text));
});

test("marks of markdown are not spoken", () => {
  assert.equal(
    plain("**Bold** and `code` and [a link](https://example.com)."),
    "Bold and code and a link.",
  );
  assert.deepEqual(spoken("## A title\n\n> Quoted."), ["A title", "Quoted."]);
});

test("names with underscores keep them", () => {
  assert.equal(plain("The field task_id_of is set."), "The field task_id_of is set.");
});

test("code, charts and tables are named, not read out", () => {
  assert.deepEqual(spoken("Look:\n```sql\nSELECT 1. FROM t\n```\nDone."), [
    "Look:",
    "Code block.",
    "Done.",
  ]);
  assert.deepEqual(spoken('```chart\n{"type":"bar"}\n```\n'), ["Chart."]);
  assert.deepEqual(spoken("| a | b |\n|---|---|\n| 1. | 2 |\n\nThat is all."), [
    "Table.",
    "That is all.",
  ]);
});

test("a very long run without an end is spoken in parts", () => {
  const parts = spoken("word ".repeat(300));
  assert.ok(parts.length > 2);
  assert.equal(parts.join(" "), "word ".repeat(300).trim());
});
