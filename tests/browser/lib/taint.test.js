// @ts-check
import assert from "node:assert/strict";
import { test } from "node:test";
import { originWords, taintedTexts } from "#js/lib/taint.js";

/** @import { Origin } from "#js/types/wire.js" */

/** @type {Origin} */
const MAIL = { kind: "mail", server: "email", trusted: false };

/** @param {string} argument @param {number} start @param {number} end */
const mark = (argument, start, end) => ({ argument, start, end, origin: MAIL });

/** @param {any} args @param {any[]} marks */
function cut(args, marks) {
  return taintedTexts(args, marks).map(({ path, fragments }) => [
    path,
    fragments.map(({ text, origin }) => (origin ? `[${text}]` : text)).join(""),
  ]);
}

test("positions count characters as the server does, not UTF-16 units", () => {
  assert.deepEqual(cut({ body: "a 😀 bad end" }, [mark("body", 4, 7)]), [
    ["body", "a 😀 [bad] end"],
  ]);
});

test("a path leads into lists and objects, and other values are marked in their JSON", () => {
  const args = { to: ["a@x", "b@y"], deep: { list: [{ name: "evil" }] }, count: 123 };
  assert.deepEqual(
    cut(args, [mark("to.1", 0, 3), mark("deep.list.0.name", 1, 2), mark("count", 0, 3)]),
    [
      ["to.1", "[b@y]"],
      ["deep.list.0.name", "e[v]il"],
      ["count", "[123]"],
    ],
  );
});

test("several marks of a text, in whatever order, overlapping or too long, lose and repeat nothing", () => {
  const marks = [mark("t", 6, 99), mark("t", 0, 2), mark("t", 1, 4)];
  assert.deepEqual(cut({ t: "abcdefgh" }, marks), [["t", "[ab][cd]ef[gh]"]]);
});

test("a path that leads nowhere is still named", () => {
  assert.deepEqual(cut({ t: "x" }, [mark("gone.0", 0, 3)]), [["gone.0", ""]]);
});

test("an origin is told in words", () => {
  assert.equal(originWords(MAIL), "mail, through server “email”");
  assert.equal(originWords({ kind: "web", server: "", trusted: false }), "the web");
});
