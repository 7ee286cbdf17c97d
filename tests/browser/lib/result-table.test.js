// @ts-check
import assert from "node:assert/strict";
import { test } from "node:test";
import { tableOf } from "#js/lib/result-table.js";

/** @import { Json } from "#js/types/wire.js" */

test("a table is recognised by its shape, whoever answers with it", () => {
  /** @type {Json[]} */
  const columns = [
    { name: "project", type: "text", masked: null },
    { name: "account", type: "text", masked: "last4" },
    { name: "tasks", type: "integer" },
  ];
  const rows = [["Bank", "•••1234", 3]];
  const table = tableOf({
    columns,
    rows,
    row_count: 9,
    offset: 5,
    truncated: true,
    elapsed_ms: 2.5,
    hidden_columns: 3,
    warnings: ["cut"],
  });
  assert.deepEqual(table, {
    columns: [
      { name: "project", type: "text", masked: null, kind: "text" },
      { name: "account", type: "text", masked: "last4", kind: "text" },
      { name: "tasks", type: "integer", masked: null, kind: "number" },
    ],
    rows,
    rowCount: 9,
    offset: 5,
    truncated: true,
    elapsedMs: 2.5,
    hiddenColumns: 3,
    warnings: ["cut"],
  });
});

test("what a server leaves out is not made up", () => {
  const table = tableOf({ columns: ["project", "tasks"], rows: [["a", 1]] });
  assert.deepEqual(
    [table?.rowCount, table?.offset, table?.truncated, table?.elapsedMs, table?.hiddenColumns],
    [1, 0, false, null, 0],
  );
});

test("a column is what it holds: dates may be texts, and exact decimals too", () => {
  const cases = /** @type {[string, Json[], string][]} */ ([
    ["text", ["2026-11-21", null, "2026-01-02 10:00:00"], "date"],
    ["text", ["2026-11", "2026-12"], "date"],
    ["text", ["2026-11-21", "soon"], "text"],
    ["text", ["00123", "00456"], "text"],
    ["number", ["12345678901234567.89", 1.5], "number"],
    ["null", [1, 2, null], "number"],
    ["integer", [true, false], "boolean"],
    ["integer", ["many"], "text"],
    ["integer", [null, null], "number"],
    ["timestamp", [], "date"],
    ["json", [[1], { a: 2 }], "text"],
  ]);
  for (const [type, values, kind] of cases) {
    const table = tableOf({ columns: [{ name: "c", type }], rows: values.map((value) => [value]) });
    assert.equal(table?.columns[0].kind, kind, JSON.stringify([type, values]));
  }
});

test("records are rows", () => {
  const columns = [
    { name: "a", type: "text" },
    { name: "b", type: "integer" },
  ];
  const records = [
    { a: "x", b: 1 },
    { a: "y", b: 2 },
  ];
  assert.deepEqual(tableOf({ columns, rows: [], records })?.rows, [
    ["x", 1],
    ["y", 2],
  ]);
});

test("other results are not tables", () => {
  /** @type {Json[]} */
  const others = [
    null,
    "text",
    [],
    {},
    { columns: ["a"] },
    { columns: [1], rows: [] },
    { columns: ["a"], rows: ["x"] },
    { columns: ["a"], rows: [], text: "| a |" },
  ];
  for (const result of others) assert.equal(tableOf(result), null, JSON.stringify(result));
});
