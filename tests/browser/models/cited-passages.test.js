// @ts-check
import assert from "node:assert/strict";
import { test } from "node:test";
import { CitedPassages } from "#js/models/cited-passages.js";
import { applyEvents, newTurn } from "#js/models/turn.js";
import { callFinished, numbered, proposed, started } from "../support/events.js";

const ID = "aaaaaaaaaa";
const FOUND = { id: ID, document: "Handbook", page: 3, headings: ["Leave"], quote: "30 days" };

/** @param {unknown} result @param {object} [changes] */
function turnWith(result, changes = {}) {
  const events = numbered(
    started(),
    proposed({ read_only: true }),
    callFinished("succeeded", { result, ...changes }),
  );
  return applyEvents(newTurn("turn-1"), events).turn;
}

test("passages that a call has found are known before anything is checked", () => {
  const cited = new CitedPassages();
  cited.learn(turnWith({ found: true, passages: [FOUND, { id: 7 }, "bbbbbbbbbb"] }));
  assert.equal(cited.mayBe(ID), true);
  assert.equal(cited.get(ID)?.title, "Handbook");
  assert.equal(cited.get(ID)?.page, 3);
  assert.equal(cited.mayBe("bbbbbbbbbb"), false);
  cited.learn(turnWith({ found: true, passages: [], truncated: true }, { truncated: true }));
  assert.equal(cited.mayBe("bbbbbbbbbb"), false);
  cited.clear();
  assert.equal(cited.mayBe(ID), false);
});

test("where a result was too long for the page, any mark may be one", () => {
  const cited = new CitedPassages();
  cited.learn(turnWith('{"passages": [', { truncated: true, whole_bytes: 90_000 }));
  assert.equal(cited.mayBe(ID), true);
  assert.equal(cited.get(ID), null);
});

test("what the check says of a passage counts", () => {
  const cited = new CitedPassages();
  const passage = { ...FOUND, title: "Handbook 2026" };
  const checked = { kind: "citations_checked", passages: [passage], sentences: [] };
  const { turn } = applyEvents(
    newTurn("turn-1"),
    numbered(started(), /** @type {any} */ (checked)),
  );
  cited.learn(turn);
  assert.equal(cited.get(ID)?.title, "Handbook 2026");
});
