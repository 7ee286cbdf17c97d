// @ts-check
import assert from "node:assert/strict";
import { test } from "node:test";
import { tableOf } from "#js/lib/result-table.js";
import { openPage, settled } from "../support/page.js";
import { tasksByProject } from "../support/results.js";

/** @import { Json, JsonObject } from "#js/types/wire.js" */

const window = openPage();
const { ResultPanel } = await import("#js/views/result-panel.js");

/** @type {{ name: string, text: Promise<string> }[]} files the page handed out */
const files = [];
URL.createObjectURL = (/** @type {any} */ blob) => {
  files.push({ name: "", text: blob.text() });
  return "blob:file";
};
URL.revokeObjectURL = () => {};
window.HTMLAnchorElement.prototype.click = function click() {
  files[files.length - 1].name = this.download;
};

/** @param {JsonObject} result @param {(() => Promise<Json>) | null} [whole] */
function panel(result, whole = null) {
  const table = tableOf(result);
  assert.ok(table);
  const shown = new ResultPanel(table, { title: "Query", whole }).element;
  document.body.replaceChildren(shown);
  return shown;
}

/** @param {Element} shown @param {string} words */
function button(shown, words) {
  const found = [...shown.querySelectorAll("button")].find(
    (one) => (one.getAttribute("aria-label") ?? one.textContent) === words && !one.hidden,
  );
  return /** @type {HTMLButtonElement} */ (found);
}

/** @param {Element} shown @param {number} column */
function cells(shown, column) {
  return [...shown.querySelectorAll("tbody tr")].map((row) => row.children[column].textContent);
}

test("a click on a head puts the rows in order, a second turns it round, a third takes it back", () => {
  const result = tasksByProject(0, {
    rows: [
      ["Port", 10],
      ["Bank", 9],
      ["Claims", null],
    ],
  });
  const shown = panel(result);
  const states = [1, 2, 3].map(() => {
    button(shown, "tasks").click();
    const head = shown.querySelectorAll("th")[1];
    return [head.getAttribute("aria-sort"), cells(shown, 0).join(" ")];
  });
  assert.deepEqual(states, [
    ["ascending", "Bank Port Claims"],
    ["descending", "Port Bank Claims"],
    ["none", "Port Bank Claims"],
  ]);
});

test("thousands of rows are drawn a few hundred at a time", () => {
  const shown = panel(tasksByProject(5000));
  assert.equal(shown.querySelectorAll("tbody tr").length, 100);
  assert.match(shown.textContent ?? "", /100 of 5.000 rows are shown\./);
  button(shown, "Show 400 more").click();
  assert.equal(shown.querySelectorAll("tbody tr").length, 500);
  button(shown, "project").click();
  assert.equal(shown.querySelectorAll("tbody tr").length, 100);
  assert.equal(cells(shown, 0)[2], "Project 3");
});

test("what is cut, hidden or masked never looks complete", () => {
  const shown = panel(
    tasksByProject(2, {
      columns: [
        { name: "project", type: "text", masked: null },
        { name: "account", type: "text", masked: "last4" },
      ],
      offset: 10,
      truncated: true,
      hidden_columns: 3,
      warnings: ["Slow query."],
    }),
  );
  for (const words of [
    "Rows 11 to 12.",
    "There are more rows than were fetched.",
    "3 columns are hidden by policy.",
    "Slow query.",
    "Took 3 ms.",
  ])
    assert.ok(shown.textContent?.includes(words), words);
  assert.equal(shown.querySelectorAll("th")[1].textContent, "accountmasked: last4");
});

test("cells are text, nothing is told from an empty text, and a long text unfolds", () => {
  const long = "word ".repeat(100);
  const shown = panel(
    tasksByProject(0, {
      columns: ["a"],
      rows: [["<b>x</b>"], [null], [""], [long]],
    }),
  );
  assert.deepEqual(cells(shown, 0).slice(0, 3), ["<b>x</b>", "null", ""]);
  assert.ok(shown.querySelector(".null"));
  assert.ok(cells(shown, 0)[3]?.includes(long));
  assert.ok(shown.querySelector("td .clipped"));
  button(shown, "Show all").click();
  assert.equal(shown.querySelector("td .clipped"), null);
  assert.equal(button(shown, "Show less").getAttribute("aria-expanded"), "true");
});

test("an empty table says so and offers no chart", () => {
  const shown = panel(tasksByProject(0));
  assert.ok(shown.textContent?.includes("No rows."));
  assert.equal(/** @type {any} */ (shown.querySelector(".segments")).hidden, true);
});

test("numbers are drawn as what suits them, in the order of the table, and can be drawn otherwise", () => {
  const shown = panel(tasksByProject(3));
  button(shown, "tasks").click();
  button(shown, "tasks").click();
  button(shown, "Chart").click();
  assert.equal(shown.querySelectorAll("rect.bar").length, 3);
  assert.match(
    shown.querySelector("svg[role=img]")?.getAttribute("aria-label") ?? "",
    /^Bar chart: tasks by project\. 3 values\. Highest: Project 3, tasks, 20\./,
  );
  assert.equal(shown.querySelector("rect title")?.textContent, "Project 3, tasks, 20");
  button(shown, "Lines").click();
  assert.equal(shown.querySelectorAll("polyline").length, 1);
  assert.equal(button(shown, "Lines").getAttribute("aria-pressed"), "true");
  button(shown, "Table").click();
  assert.equal(shown.querySelectorAll("tbody tr").length, 3);
});

test("numbers are taken into the chart and out of it, but never the last one", () => {
  const columns = ["project", "open", "budget"];
  const rows = [
    ["Bank", 1, 9000],
    ["Port", 2, 8000],
  ];
  const shown = panel(tasksByProject(0, { columns, rows }));
  button(shown, "Chart").click();
  assert.equal(shown.querySelectorAll("rect.bar").length, 2);
  button(shown, "open").click();
  assert.equal(shown.querySelectorAll("rect.bar").length, 2);
  button(shown, "budget").click();
  assert.equal(shown.querySelectorAll("rect.bar").length, 4);
  button(shown, "open").click();
  assert.equal(shown.querySelectorAll("rect.bar").length, 2);
  assert.match(shown.textContent ?? "", /budget by project/);
});

test("more bars than can be told apart are not drawn, and it is said", () => {
  const shown = panel(tasksByProject(100));
  button(shown, "Chart").click();
  assert.equal(shown.querySelectorAll("rect.bar").length, 30);
  assert.ok(shown.textContent?.includes("The first 30 of 100 are drawn."));
});

test("the table is taken home in its order, under its title and the day", async () => {
  const shown = panel(tasksByProject(2));
  button(shown, "tasks").click();
  button(shown, "tasks").click();
  button(shown, "Download as CSV").click();
  await settled();
  const file = files[files.length - 1];
  assert.match(file.name, /^query-\d{4}-\d\d-\d\d\.csv$/);
  assert.ok((await file.text).endsWith("project,tasks\r\nProject 2,10\r\nProject 1,0\r\n"));
});

test("of a large table the file has all rows, and the page can have them too", async () => {
  let asked = 0;
  const whole = async () => {
    asked += 1;
    return tasksByProject(3);
  };
  const shown = panel(tasksByProject(1, { row_count: 3, truncated: true }), whole);
  assert.ok(shown.textContent?.includes("The first 1 of 3 rows are here."));
  assert.ok(!shown.textContent?.includes("than were fetched"));
  button(shown, "Download as CSV").click();
  await settled();
  assert.ok((await files[files.length - 1].text).includes("Project 3"));
  button(shown, "Load all").click();
  await settled();
  assert.equal(shown.querySelectorAll("tbody tr").length, 3);
  assert.ok(!shown.textContent?.includes("are here"));
  assert.equal(button(shown, "Chart").closest(".segments")?.hasAttribute("hidden"), false);
  button(shown, "Download as CSV").click();
  await settled();
  assert.equal(asked, 2);
});

test("rows that cannot be fetched are said to be missing", async () => {
  const whole = () => Promise.reject(new Error("It is gone."));
  const shown = panel(tasksByProject(1, { row_count: 3, truncated: true }), whole);
  const count = files.length;
  button(shown, "Download as CSV").click();
  await settled();
  assert.equal(files.length, count);
  assert.ok(shown.textContent?.includes("It is gone."));
  assert.equal(button(shown, "Load all").disabled, false);
});
