// @ts-check
import assert from "node:assert/strict";
import { test } from "node:test";
import { MessageSearch } from "#js/models/message-search.js";
import { settled } from "../support/page.js";

/** A search whose pauses end and whose answers come when the test says so. */
function searching() {
  /** @type {(() => void)[]} */
  const pauses = [];
  /** @type {Record<string, { resolve: (answer: any) => void, reject: (error: Error) => void }>} */
  const asked = {};
  const search = new MessageSearch({
    find: (text) =>
      new Promise((resolve, reject) => {
        asked[text] = { resolve, reject };
      }),
    onChange: () => {},
    later: (task) => pauses.push(task),
  });
  const endPauses = () => {
    for (const end of pauses.splice(0)) end();
  };
  return { search, asked, endPauses };
}

const HITS = [/** @type {any} */ ({ turn_id: "turn-1" })];

test("nothing is asked while somebody types, and the last words only after it", () => {
  const { search, asked, endPauses } = searching();
  for (const typed of ["re", "rel", "rele", "rel"]) search.look(typed);
  endPauses();
  assert.deepEqual(Object.keys(asked), ["rel"]);
  assert.equal(search.state, "searching");
});

test("an answer that comes after a later question is not shown", async () => {
  const { search, asked, endPauses } = searching();
  search.look("first");
  endPauses();
  search.look("second");
  endPauses();
  asked.second.resolve({ hits: [] });
  asked.first.resolve({ hits: HITS });
  await settled();
  assert.equal(search.state, "done");
  assert.deepEqual(search.hits, []);
});

test("a failure that comes too late is not told either", async () => {
  const { search, asked, endPauses } = searching();
  search.look("first");
  endPauses();
  search.look("");
  asked.first.reject(new Error("Away."));
  await settled();
  assert.equal(search.state, "idle");
});

test("what was found stays until there is something new", async () => {
  const { search, asked, endPauses } = searching();
  search.look("first");
  endPauses();
  asked.first.resolve({ hits: HITS });
  await settled();
  search.look("first more");
  assert.deepEqual(search.hits, HITS);
  search.look("f");
  assert.deepEqual([search.state, search.hits], ["short", []]);
});

test("blanks around it and the same again ask nothing", () => {
  const { search, asked, endPauses } = searching();
  search.look("word");
  search.look(" word ");
  endPauses();
  assert.deepEqual(Object.keys(asked), ["word"]);
});
