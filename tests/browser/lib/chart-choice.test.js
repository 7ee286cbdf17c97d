// @ts-check
import assert from "node:assert/strict";
import { test } from "node:test";
import { chartOf } from "#js/lib/chart-choice.js";
import { tableOf } from "#js/lib/result-table.js";

/** @import { Json } from "#js/types/wire.js" */

/** @param {string[]} names @param {...Json[]} rows */
function chart(names, ...rows) {
  const table = tableOf({ columns: names.map((name) => ({ name, type: "" })), rows });
  assert.ok(table);
  return chartOf(table.columns, table.rows);
}

test("names and numbers are bars", () => {
  const data = chart(["project", "tasks"], ["Bank", 3], ["Port", 5]);
  assert.deepEqual(data, {
    type: "bar",
    of: null,
    by: "project",
    labels: ["Bank", "Port"],
    at: null,
    series: [{ name: "tasks", values: [3, 5] }],
    first: [0],
  });
});

test("times and numbers are lines, from the earliest on", () => {
  const data = chart(["month", "tasks"], ["2026-03", 3], ["2026-01", 5], [null, 1]);
  assert.equal(data?.type, "line");
  assert.deepEqual(data?.series[0].values, [5, 3]);
  assert.equal(data?.at?.[1], Date.UTC(2026, 2, 1));
  assert.ok(data?.labels[0].includes("2026"));
});

test("years are times, not values", () => {
  const data = chart(["year", "tasks"], [2026, 3], [2025, 5]);
  assert.deepEqual(
    [data?.type, data?.labels, data?.series[0].values],
    ["line", ["2025", "2026"], [5, 3]],
  );
});

test("keys and masked numbers are not drawn", () => {
  assert.equal(chart(["id", "name"], [1, "Ada"], [2, "Grace"]), null);
  assert.deepEqual(
    chart(["id", "name", "hours"], [1, "Ada", 5], [2, "Grace", 6])?.series.map(({ name }) => name),
    ["hours"],
  );
  const columns = /** @type {const} */ ([
    { name: "name", type: "text", masked: null, kind: "text" },
    { name: "pay", type: "number", masked: "hash", kind: "number" },
  ]);
  assert.equal(
    chartOf(
      [...columns],
      [
        ["Ada", 1],
        ["Grace", 2],
      ],
    ),
    null,
  );
});

test("one row, and no number at all, are not worth a chart", () => {
  assert.equal(chart(["project", "tasks"], ["Bank", 3]), null);
  assert.equal(chart(["project", "status"], ["Bank", "open"], ["Port", "done"]), null);
});

test("several numbers are offered, and drawn together when they are of one size", () => {
  const data = chart(["day", "opened", "fixed", "budget"], ["a", 3, 4, 9000], ["b", 5, 2, 8000]);
  assert.deepEqual(
    data?.series.map(({ name }) => name),
    ["opened", "fixed", "budget"],
  );
  assert.deepEqual(data?.first, [0, 1]);
});

test("two columns that name the rows together become series", () => {
  const data = chart(
    ["project", "status", "tasks"],
    ["Bank", "open", 3],
    ["Bank", "done", 4],
    ["Port", "open", 5],
  );
  assert.deepEqual(
    [data?.of, data?.by, data?.labels],
    ["tasks", "project and status", ["Bank", "Port"]],
  );
  assert.deepEqual(data?.series, [
    { name: "open", values: [3, 5] },
    { name: "done", values: [4, null] },
  ]);
});

test("rows without a name are counted", () => {
  assert.deepEqual(chart(["hours"], [5], [6])?.labels, ["1", "2"]);
});

test("exact decimals that come as texts are drawn", () => {
  const columns = /** @type {const} */ ([
    { name: "name", type: "text", masked: null, kind: "text" },
    { name: "sum", type: "number", masked: null, kind: "number" },
  ]);
  assert.deepEqual(
    chartOf(
      [...columns],
      [
        ["a", "1.10"],
        ["b", null],
      ],
    )?.series[0].values,
    [1.1, null],
  );
});
