// @ts-check
import assert from "node:assert/strict";
import { test } from "node:test";
import { fileName, queryName } from "#js/lib/names.js";

const DAY = new Date(2026, 10, 3);

test("files are named by what they hold and the day", () => {
  assert.equal(fileName("Query the database", DAY, "csv"), "query-the-database-2026-11-03.csv");
  assert.equal(fileName("../../Ünïcode\\..", DAY, "csv"), "unicode-2026-11-03.csv");
  assert.equal(fileName("查询", DAY, "csv"), "result-2026-11-03.csv");
});

test("a name can be made from every title", () => {
  const names = {
    "Open tasks by project": "open_tasks_by_project",
    "  Größte Kunden (2026) ": "gro_te_kunden_2026",
    "2026 budget": "query_2026_budget",
    Ok: "query_ok",
    "": "",
    " ": "",
  };
  for (const [title, name] of Object.entries(names)) assert.equal(queryName(title), name);
  for (const title of ["x".repeat(200), "a ".repeat(60), "Открытые задачи", "!!", "12", "é"])
    assert.match(queryName(title), /^[a-z][a-z0-9_]{2,40}$/, title);
  assert.notEqual(queryName("Открытые"), queryName("Закрытые"));
});
