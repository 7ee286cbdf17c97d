// @ts-check
import assert from "node:assert/strict";
import { after, beforeEach, test } from "node:test";
import { App } from "#js/models/app.js";
import { ApprovalInbox } from "#js/models/approval-inbox.js";
import { failure } from "../support/connection.js";
import { asked, proposed } from "../support/events.js";
import { openPage, settled } from "../support/page.js";

const window = openPage({ template: "approvals.html" });
document.body.insertAdjacentHTML(
  "beforeend",
  '<a data-controller="approvals-badge">Approvals<span data-part="count" hidden></span></a>',
);
const { ApprovalsController } = await import("#js/controllers/approvals-controller.js");
const { ApprovalsBadgeController } = await import("#js/controllers/approvals-badge-controller.js");

const main = /** @type {any} */ (document.querySelector("main"));
const badge = /** @type {any} */ (document.querySelector('[data-controller="approvals-badge"]'));

/** @type {any[]} */
let open = [];
/** @type {any[]} */
let decisions = [];
/** @type {() => Promise<any>} */
let answer = async () => ({});

// The cards' clocks would keep Node running.
after(() => window.happyDOM.abort());

beforeEach(() => {
  open = [];
  decisions = [];
  answer = async () => ({});
  main.querySelector('[data-part="approvals"]').replaceChildren();
});

/** @param {string} callId @param {Record<string, unknown>} [changes] */
function pending(callId, changes = {}) {
  return {
    call: { n: 2, first: 2, ...proposed({ call_id: callId }) },
    needed: { n: 3, first: 3, ...asked({ call_id: callId }) },
    turn_id: "turn-1",
    conversation_id: "conversation-1",
    requested_by: "Grace",
    mine: true,
    may_decide: true,
    created_at: new Date().toISOString(),
    ...changes,
  };
}

/** @param {any} [api] */
async function shown(api = {}) {
  const app = new App({
    api: /** @type {any} */ ({
      approvals: async () => ({ approvals: open }),
      decide: (/** @type {any[]} */ ...decision) => {
        decisions.push(decision);
        return answer();
      },
      ...api,
    }),
    connection: null,
    me: "Ada",
  });
  const never = { set: () => null, clear: () => {} };
  app.inbox = new ApprovalInbox({ fetch: () => app.api.approvals(), later: never });
  new ApprovalsBadgeController(badge, app).connect();
  new ApprovalsController(main, app).connect();
  await settled();
  return app;
}

const note = () => main.querySelector('[data-part="note"]').textContent;
const cards = () => [...main.querySelectorAll(".approval")];
const count = () => badge.querySelector('[data-part="count"]');

test("an empty inbox says so, and the link has no number", async () => {
  await shown();
  assert.equal(note(), "Nothing waits for a yes.");
  assert.equal(count().hidden, true);
});

test("questions say who asked; only what this person may decide has buttons and counts", async () => {
  open = [
    pending("call-1"),
    pending("call-2", { may_decide: false }),
    pending("call-3", { mine: false, conversation_id: null }),
  ];
  await shown();
  const heads = [...main.querySelectorAll(".inbox-head")].map((head) => ({
    who: head.querySelector('[data-part="who"]').textContent,
    link: head.querySelector("a").hidden ? null : head.querySelector("a").getAttribute("href"),
  }));
  assert.deepEqual(heads, [
    { who: "You asked just now.", link: "/c/conversation-1" },
    { who: "You asked just now.", link: "/c/conversation-1" },
    { who: "Grace asked just now.", link: null },
  ]);
  assert.deepEqual(
    cards().map((card) => card.querySelector('[data-part="foot"]').hidden),
    [false, true, false],
  );
  assert.deepEqual(
    cards().map((card) => card.querySelector('[data-part="eyebrow"]').textContent),
    ["Steward asks for your yes", "A second person must say yes", "Grace needs your yes"],
  );
  assert.equal(count().textContent, "2 wait for you");
});

test("a decision goes to the server, its line takes the card's place, and the number is asked for again", async () => {
  open = [pending("call-1"), pending("call-2")];
  await shown();
  open = [pending("call-2")];
  cards()[0].querySelector('[data-part="approve"]').click();
  await settled();
  await settled();
  assert.deepEqual(decisions, [["call-1", { decision: "approve" }]]);
  assert.equal(cards().length, 1);
  assert.equal(document.activeElement?.textContent, "Set a task's status: Approved.");
  assert.equal(count().textContent, "1 waits for you");
});

test("a decision that came too late says why", async () => {
  open = [pending("call-1")];
  await shown();
  answer = () => Promise.reject(failure("conflict", "Grace was first."));
  cards()[0].querySelector('[data-part="reject"]').click();
  await settled();
  assert.match(cards()[0].textContent, /Grace was first\./);
});

test("a card somebody writes in stays, one that was decided elsewhere goes", async () => {
  open = [pending("call-1"), pending("call-2")];
  const app = await shown();
  const [, kept] = cards();
  open = [pending("call-2"), pending("call-3")];
  await app.inbox.refresh();
  assert.equal(cards().length, 2);
  assert.ok(cards()[0] === kept);
});

test("what cannot be had is told; what is there already stays", async () => {
  open = [pending("call-1")];
  let isAway = false;
  const app = await shown({
    approvals: async () => {
      if (isAway) throw failure("unavailable", "The assistant is away.");
      return { approvals: open };
    },
  });
  isAway = true;
  await app.inbox.refresh();
  assert.match(note(), /cannot be shown\. The assistant is away\./);
  assert.equal(cards().length, 1);
  assert.equal(count().textContent, "1 waits for you");
});
