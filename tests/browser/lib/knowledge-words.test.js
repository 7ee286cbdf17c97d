// @ts-check
import assert from "node:assert/strict";
import { test } from "node:test";
import { collectionHash, knowledgePlace } from "#js/lib/knowledge-address.js";
import {
  accessWords,
  audienceOf,
  limitsWords,
  placeWords,
  refusal,
  stateWords,
  titleOf,
} from "#js/lib/knowledge-words.js";

const LIMITS = { maxBytes: 50 * 1024 ** 2, kinds: [".pdf", ".md", ".csv"] };
const ME = "person:ada";

test("what may be uploaded is said before it is tried", () => {
  assert.equal(limitsWords(LIMITS), "PDF, MD, and CSV, up to 50 MB each");
  assert.equal(limitsWords({ ...LIMITS, kinds: [] }), "Files up to 50 MB each");
});

test("a file that cannot be taken is refused with its reason", () => {
  const size = 10;
  assert.equal(refusal({ name: "Plan.PDF", size }, LIMITS), "");
  assert.match(
    refusal({ name: "plan.exe", size }, LIMITS),
    /kind cannot be read\. PDF, MD, and CSV/,
  );
  assert.match(refusal({ name: "plan", size }, LIMITS), /kind cannot be read/);
  assert.equal(refusal({ name: "plan.md", size: 0 }, LIMITS), "The file is empty.");
  assert.match(
    refusal({ name: "plan.md", size: 61_000_000 }, LIMITS),
    /61\.0 MB, and 50 MB is the most/,
  );
  assert.equal(refusal({ name: "plan.md", size: LIMITS.maxBytes }, LIMITS), "");
  assert.equal(refusal({ name: "plan.exe", size }, { ...LIMITS, kinds: [] }), "");
});

test("who may see something is said in words", () => {
  const cases = /** @type {[string[], string[], string][]} */ ([
    [["everybody"], [], "Everybody"],
    [[], ["everybody"], "Everybody"],
    [[], ["role:admin"], "Admins"],
    [[ME], ["everybody"], "Only you"],
    [["role:member", ME], [], "Members, you"],
    [["role:staff_lead", "person:lee"], [], "Staff leads, one person"],
    [["person:lee", "person:kim"], [], "2 people"],
  ]);
  for (const [access, inherited, words] of cases)
    assert.equal(accessWords(access, { me: ME, inherited }), words);
  assert.deepEqual(
    [[], ["everybody"], [ME], ["role:admin", ME], ["person:lee"]].map((it) => audienceOf(it, ME)),
    ["everybody", "everybody", "me", "roles", "roles"],
  );
});

test("where a document stands is said in words", () => {
  assert.equal(stateWords({ state: "parsing", progress: 0.256 }), "Reading, 26 %");
  assert.equal(stateWords({ state: "queued", progress: 0 }), "Waiting to be read");
  assert.equal(stateWords({ state: "failed", progress: 0 }), "Could not be read");
});

test("where a passage stands is said as far as it is known", () => {
  const place = { page: 3, headings: ["Leave", "Holidays"], title: "Handbook" };
  assert.equal(placeWords(place), "page 3, Holidays");
  assert.equal(placeWords({ ...place, title: "Holidays" }), "page 3");
  assert.equal(placeWords({ page: null, headings: [], title: "" }), "");
  assert.equal(titleOf({ title: "", name: "plan.md" }), "plan.md");
  assert.equal(titleOf({ title: "", name: "" }), "A document");
});

test("the address says which part of the page is shown", () => {
  assert.deepEqual(knowledgePlace(""), {
    tab: "documents",
    collection: "",
    document: "",
    passage: "",
  });
  assert.equal(knowledgePlace("#gaps").tab, "gaps");
  assert.equal(knowledgePlace(collectionHash("a&b=c")).collection, "a&b=c");
  assert.equal(knowledgePlace(collectionHash("")).collection, "");
  assert.equal(knowledgePlace("#passage=aaaaaaaaaa").passage, "aaaaaaaaaa");
});
