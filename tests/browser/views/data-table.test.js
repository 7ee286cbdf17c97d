// @ts-check
import assert from "node:assert/strict";
import { test } from "node:test";
import { openPage } from "../support/page.js";

openPage();
const { changesTable } = await import("#js/views/data-table.js");
const { chartView } = await import("#js/views/chart-view.js");

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
    at: null,
    series: [{ name: "", values: [58, 9] }],
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
