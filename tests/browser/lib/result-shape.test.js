// @ts-check
import assert from "node:assert/strict";
import { test } from "node:test";
import { cellText, changesOf, isSame } from "#js/lib/result-shape.js";

test("changes are recognised, missing values are nothing", () => {
  const change = { item: "Task 42", field: "status", new: "done" };
  assert.deepEqual(changesOf({ summary: "Done.", changes: [change], repeated: true }), {
    summary: "Done.",
    changes: [{ ...change, old: null }],
    repeated: true,
  });
  assert.equal(changesOf({ summary: "Done." }), null);
});

test("cells read as a person would write them", () => {
  assert.deepEqual([null, true, 3, "x", [1]].map(cellText), ["", "yes", "3", "x", "[1]"]);
});

test("values are the same by what they hold", () => {
  assert.ok(isSame({ a: [1, { b: null }] }, { a: [1, { b: null }] }));
  assert.ok(!isSame({ a: 1 }, { a: 1, b: 2 }));
  assert.ok(!isSame([1], [1, 2]));
  assert.ok(!isSame("1", 1));
});
