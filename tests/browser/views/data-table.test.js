// @ts-check
import assert from "node:assert/strict";
import { test } from "node:test";
import { openPage } from "../support/page.js";

openPage();
const { changesTable, resultTable } = await import("#js/views/data-table.js");
const { chartView } = await import("#js/views/chart-view.js");

/** @param {number} count */
function result(count, changes = {}) {
  const rows = Array.from({ length: count }, (_, at) => [`Project ${at}`, at]);
  return {
    columns: ["project", "tasks"],
    rows,
    rowCount: count,
    truncated: false,
    warnings: [],
    ...changes,
  };
}

test("a long result shows its first rows and a way to the others", () => {
  const box = resultTable(result(40));
  assert.equal(box.querySelectorAll("tbody tr").length, 8);
  assert.ok(box.textContent?.includes("First 8 of 40 rows."));
  box.querySelector("button")?.click();
  assert.equal(box.querySelectorAll("tbody tr").length, 40);
  assert.ok(box.querySelector("button") === null);
});

test("a short result is shown whole, an empty one says so", () => {
  assert.equal(resultTable(result(10)).querySelectorAll("tbody tr").length, 10);
  assert.ok(resultTable(result(0)).textContent?.includes("No rows."));
});

test("a cut result never looks complete", () => {
  const text = resultTable(result(5, { truncated: true, warnings: ["Slow query."] })).textContent;
  assert.ok(text?.includes("there are more than were fetched"));
  assert.ok(text?.includes("Slow query."));
});

test("cells are text, and nothing is told from an empty text", () => {
  const box = resultTable(result(1, { rows: [["<b>x</b>", null]] }));
  const [first, second] = box.querySelectorAll("td");
  assert.equal(first.textContent, "<b>x</b>");
  assert.equal(second.textContent, "–");
});

test("changes name what was and what will be", () => {
  const change = { item: "Task 42", field: "status", old: "in_progress", new: "done" };
  const table = changesTable([change, { ...change, field: "done_on", old: null }], {
    isDone: false,
  });
  assert.equal(table.querySelector("del")?.textContent, "in_progress");
  assert.equal(table.querySelector("ins")?.textContent, "done");
  assert.ok(table.textContent?.includes("nothing"));
  assert.deepEqual(
    [...table.querySelectorAll("th")].map((head) => head.textContent),
    ["Item", "Field", "Now", "Then"],
  );
});

test("a chart is named for those who do not see it, and its numbers are one button away", () => {
  const chart = chartView({
    type: "bar",
    title: "Bugs",
    labels: ["Minor", "Major"],
    values: [58, 9],
    unit: "bugs",
  });
  assert.equal(chart.querySelectorAll("rect").length, 2);
  assert.match(
    chart.querySelector("svg[role=img]")?.getAttribute("aria-label") ?? "",
    /Highest: Minor, 58 bugs/,
  );
  const table = /** @type {any} */ (chart.querySelector(".table-scroll"));
  assert.equal(table.hidden, true);
  const button = chart.querySelector("button");
  button?.click();
  assert.equal(table.hidden, false);
  assert.equal(button?.getAttribute("aria-pressed"), "true");
  assert.ok(table.textContent.includes("58"));
});
