// @ts-check
import assert from "node:assert/strict";
import { test } from "node:test";
import { csvOf, markdownOf } from "#js/lib/table-text.js";

/** @import { Json } from "#js/types/wire.js" */

/** The cell as it stands in a file. @param {Json} value */
function cell(value) {
  return csvOf([{ name: "c" }], [[value]])
    .split("\r\n")
    .slice(1, -1)
    .join("\r\n");
}

test("a file begins with what tells spreadsheets its encoding, and ends its lines as RFC 4180 does", () => {
  assert.equal(csvOf([{ name: "a" }, { name: "ü,b" }], [["x", 1]]), '\ufeffa,"ü,b"\r\nx,1\r\n');
});

test("what would break a line or a cell is quoted", () => {
  assert.deepEqual(["a,b", 'say "hi"', "two\nlines", "two\r\nlines", " spaced ", ""].map(cell), [
    '"a,b"',
    '"say ""hi"""',
    '"two\nlines"',
    '"two\r\nlines"',
    " spaced ",
    "",
  ]);
});

test("values that are no texts are written plainly", () => {
  assert.deepEqual([null, true, 1.5, -3, 1e21, [1, "a"], { a: null }].map(cell), [
    "",
    "true",
    "1.5",
    "-3",
    "1e+21",
    '"[1,""a""]"',
    '"{""a"":null}"',
  ]);
});

test("no cell is taken for a formula", () => {
  const attacks = {
    "=1+1": "'=1+1",
    '=HYPERLINK("http://x")': '"\'=HYPERLINK(""http://x"")"',
    "+cmd|' /C calc'!A0": "'+cmd|' /C calc'!A0",
    "-2+3": "'-2+3",
    "@SUM(1)": "'@SUM(1)",
    "\t=1": "'\t=1",
    "\r=1": '"\'\r=1"',
    "\n=1": '"\'\n=1"',
    "＝1+1": "'＝1+1",
    "-": "'-",
  };
  for (const [text, written] of Object.entries(attacks)) assert.equal(cell(text), written);
  assert.ok(csvOf([{ name: "=evil()" }], []).includes("'=evil()"));
});

test("numbers stay numbers, also when they are texts", () => {
  assert.deepEqual(["-12.50", "+3", "-.5", "-1e9"].map(cell), ["-12.50", "+3", "-.5", "-1e9"]);
});

test("markdown keeps its columns whatever is in them", () => {
  const columns = /** @type {const} */ ([
    { name: "a|b", kind: "text" },
    { name: "n", kind: "number" },
  ]);
  assert.equal(
    markdownOf(
      [...columns],
      [
        ["x\ny", 1],
        ["\\|", null],
      ],
    ),
    ["| a\\|b | n |", "| --- | --: |", "| x y | 1 |", "| \\\\\\| |  |"].join("\n"),
  );
});
