// @ts-check
import assert from "node:assert/strict";
import { test } from "node:test";
import { inOrder, nextOrder } from "#js/lib/row-order.js";

/** @import { Json } from "#js/types/wire.js" */

/** @param {Json[]} values @param {"number" | "date" | "boolean" | "text"} kind @param {"ascending" | "descending"} direction */
function ordered(values, kind, direction = "ascending") {
  const rows = values.map((value) => [value]);
  return inOrder(rows, 0, kind, direction).map(([value]) => value);
}

test("each kind of column has its own order", () => {
  assert.deepEqual(ordered([10, 9, -1, 2.5], "number"), [-1, 2.5, 9, 10]);
  assert.deepEqual(ordered(["10.50", 9, "2"], "number"), ["2", 9, "10.50"]);
  assert.deepEqual(ordered(["Zebra", "apple", "Änne", "task 10", "task 9"], "text"), [
    "Änne",
    "apple",
    "task 9",
    "task 10",
    "Zebra",
  ]);
  assert.deepEqual(ordered([true, false], "boolean"), [false, true]);
  assert.deepEqual(
    ordered(["2026-11-21T01:00:00+02:00", "2026-11-21", "2026-11-20T23:30:00Z"], "date"),
    ["2026-11-21T01:00:00+02:00", "2026-11-20T23:30:00Z", "2026-11-21"],
  );
});

test("what has no value is last in both directions", () => {
  assert.deepEqual(ordered([null, 2, null, 1], "number"), [1, 2, null, null]);
  assert.deepEqual(ordered([null, 2, null, 1], "number", "descending"), [2, 1, null, null]);
});

test("equal rows stay as they came, and the rows themselves are left alone", () => {
  const rows = [
    ["b", 1],
    ["a", 1],
    ["c", 0],
  ];
  assert.deepEqual(inOrder(rows, 1, "number", "descending"), [rows[0], rows[1], rows[2]]);
  assert.deepEqual(inOrder(rows, 1, "number", "ascending"), [rows[2], rows[0], rows[1]]);
  assert.equal(rows[0][0], "b");
});

test("a third click gives the rows as they came; another column begins anew", () => {
  const first = nextOrder(null, 1);
  const second = nextOrder(first, 1);
  assert.deepEqual(first, { column: 1, direction: "ascending" });
  assert.deepEqual(second, { column: 1, direction: "descending" });
  assert.equal(nextOrder(second, 1), null);
  assert.deepEqual(nextOrder(second, 0), { column: 0, direction: "ascending" });
});
