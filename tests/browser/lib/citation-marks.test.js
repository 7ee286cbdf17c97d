// @ts-check
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  marksOf,
  numbersOf,
  sentencesOf,
  sentenceWords,
  withFootnotes,
  withoutBegunMark,
} from "#js/lib/citation-marks.js";

const [A, B, C] = ["aaaaaaaaaa", "bbbbbbbbbb", "cccccccccc"];
const known = (/** @type {string} */ id) => id !== C;

/** @param {string} text @param {string} from @param {string} to @param {"supported" | "partly" | "not_found"} support */
function sentence(text, from, to, support) {
  const start = [...text.slice(0, text.indexOf(from))].length;
  const end = [...text.slice(0, text.indexOf(to) + to.length)].length;
  return { start, end, passages: [], support, judged_by: /** @type {const} */ ("words") };
}

test("marks are found where they cite, and not where they are shown as code", () => {
  const text = `One.[^${A}][^${B}] \`[^${C}]\` Two.[^${A}]\n\n~~~\n[^${C}]\n~~~\n\n\`\`\`md\n[^${C}]`;
  assert.deepEqual(marksOf(text), [A, B, A]);
  assert.deepEqual(marksOf("[^short] [^AAAAAAAAAA] [^aaaaaaaaa1]"), []);
});

test("passages are numbered by their first mark over all texts; an unknown id has no number", () => {
  const numbers = numbersOf([`Look.[^${B}]`, `So.[^${C}] And.[^${A}][^${B}]`], known);
  assert.deepEqual([...numbers], [[B, 1], [A, 2]]); // biome-ignore format: a table
});

test("numbers never change while a text grows", () => {
  const text = `One.[^${B}] Two.[^${C}][^${A}] Three.[^${B}]`;
  for (let length = 0; length <= text.length; length += 1)
    for (const [id, number] of numbersOf([text.slice(0, length)], known))
      assert.equal(number, id === B ? 1 : 2);
});

test("a mark of which only a part has come is not shown", () => {
  const text = `Thirty days.[^${A}]`;
  const shown = new Set();
  for (let length = 13; length < text.length; length += 1)
    shown.add(withoutBegunMark(text.slice(0, length)));
  assert.deepEqual([...shown], ["Thirty days."]);
  assert.equal(withoutBegunMark(text), text);
  assert.equal(withoutBegunMark("See [the"), "See [the");
});

test("each mark belongs to its sentence, counted in characters, and the last of a sentence is known", () => {
  const text = `🌍 One.[^${A}][^${B}] Two.[^${A}] \`[^${B}]\` Three.[^${C}]`;
  const sentences = [
    sentence(text, "🌍", `[^${B}]`, "supported"),
    sentence(text, "Two", `Two.[^${A}]`, "partly"),
    sentence(text, "Three", `[^${C}]`, "not_found"),
  ];
  const found = sentencesOf([A, B, A, C], text, sentences);
  assert.deepEqual(
    found.map((it) => it && [it.sentence.support, it.isLast]),
    [["supported", false], ["supported", true], ["partly", true], ["not_found", true]], // biome-ignore format: a table
  );
  assert.equal(sentenceWords(text, sentences[0]), "🌍 One.");
});

test("a mark of a sentence that was not checked has none", () => {
  const text = `One.[^${A}] Two.[^${B}]`;
  const sentences = [sentence(text, "Two", `[^${B}]`, "supported")];
  assert.deepEqual(
    sentencesOf([A, B], text, sentences).map((it) => it?.sentence.support ?? null),
    [null, "supported"],
  );
});

test("an answer that is copied takes its sources along", () => {
  const numbers = new Map([[A, 1]]);
  assert.equal(
    withFootnotes(`Thirty.[^${A}] No.[^${C}]`, numbers, () => "Handbook, page 3"),
    `Thirty.[1] No.[^${C}]\n\n[1] Handbook, page 3`,
  );
  assert.equal(withFootnotes("Plain.", new Map(), String), "Plain.");
});
