// @ts-check
import assert from "node:assert/strict";
import { test } from "node:test";
import { cellText, changesOf, isSame, tableOf } from "#js/lib/result-shape.js";

test("a table is recognised with named columns of either form", () => {
  const rows = [["a", 1]];
  const columns = [
    { name: "project", type: "text" },
    { name: "tasks", type: "integer" },
  ];
  assert.deepEqual(tableOf({ columns, rows, row_count: 9, truncated: true, warnings: ["cut"] }), {
    columns: ["project", "tasks"],
    rows,
    rowCount: 9,
    truncated: true,
    warnings: ["cut"],
  });
  assert.equal(tableOf({ columns: ["project", "tasks"], rows })?.rowCount, 1);
});

test("other results are not tables", () => {
  /** @type {import("#js/types/wire.js").Json[]} */
  const others = [
    null,
    "text",
    [],
    {},
    { columns: ["a"] },
    { columns: [1], rows: [] },
    { columns: ["a"], rows: ["x"] },
  ];
  for (const result of others) {
    assert.equal(tableOf(result), null, JSON.stringify(result));
  }
});

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
