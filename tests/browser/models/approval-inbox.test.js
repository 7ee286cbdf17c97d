// @ts-check
import assert from "node:assert/strict";
import { test } from "node:test";
import { ApprovalInbox, ASK_EVERY_MS } from "#js/models/approval-inbox.js";
import { openPage, settled } from "../support/page.js";

const window = openPage();

function inbox() {
  const world = {
    asked: 0,
    isVisible: true,
    answer: async () => ({ approvals: /** @type {any[]} */ ([]) }),
    /** @type {{ task: () => void, ms: number }[]} */
    timers: [],
    /** @type {any[]} */
    heard: [],
  };
  const made = new ApprovalInbox({
    fetch: () => {
      world.asked += 1;
      return world.answer();
    },
    isVisible: () => world.isVisible,
    later: {
      set: (task, ms) => {
        const timer = { task, ms };
        world.timers.push(timer);
        return timer;
      },
      clear: (timer) => {
        world.timers = world.timers.filter((other) => other !== timer);
      },
    },
  });
  const pass = async () => {
    world.timers.shift()?.task();
    await settled();
  };
  return { world, made, pass };
}

test("it asks at once, then every 30 seconds, for all who listen together", async () => {
  const { world, made, pass } = inbox();
  made.hear((news) => world.heard.push(news));
  await settled();
  made.hear((news) => world.heard.push(news));
  assert.equal(world.asked, 1);
  assert.equal(world.heard.length, 2, "who comes later is told what is known");
  assert.deepEqual(
    world.timers.map(({ ms }) => ms),
    [ASK_EVERY_MS],
  );
  await pass();
  assert.equal(world.asked, 2);
  assert.equal(world.heard.length, 4);
});

test("a page nobody looks at asks nothing until somebody does", async () => {
  const { world, made, pass } = inbox();
  made.hear(() => {});
  await settled();
  world.isVisible = false;
  await pass();
  document.dispatchEvent(new window.Event("visibilitychange"));
  await settled();
  assert.equal(world.asked, 1);
  world.isVisible = true;
  document.dispatchEvent(new window.Event("visibilitychange"));
  await settled();
  assert.equal(world.asked, 2);
});

test("looking again before it is due asks nothing", async () => {
  const { world, made } = inbox();
  made.hear(() => {});
  await settled();
  document.dispatchEvent(new window.Event("visibilitychange"));
  await settled();
  assert.equal(world.asked, 1);
});

test("after a decision it asks at once, and an older answer does not count any more", async () => {
  const { world, made } = inbox();
  made.hear((news) => world.heard.push(news));
  await settled();
  /** @type {((answer: any) => void)[]} */
  const answers = [];
  world.answer = () => new Promise((resolve) => answers.push(resolve));
  made.refresh();
  made.refresh();
  answers[1]({ approvals: ["new"] });
  await settled();
  answers[0]({ approvals: ["old"] });
  await settled();
  assert.deepEqual(world.heard.at(-1), { approvals: ["new"], problem: "" });
  assert.equal(world.timers.length, 1);
});

test("what could not be had is told with its reason, and asked for again", async () => {
  const { world, made } = inbox();
  world.answer = () => Promise.reject(new Error("Away."));
  made.hear((news) => world.heard.push(news));
  await settled();
  assert.deepEqual(world.heard, [{ approvals: null, problem: "Away." }]);
  assert.equal(world.timers.length, 1);
});
