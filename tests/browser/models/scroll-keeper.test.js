// @ts-check
import assert from "node:assert/strict";
import { test } from "node:test";
import { openPage } from "../support/page.js";

const window = openPage();
/** @type {(() => void)[]} */
const observers = [];
const globals = /** @type {any} */ (globalThis);
globals.ResizeObserver = class {
  /** @param {() => void} notify */
  constructor(notify) {
    observers.push(notify);
  }
  observe() {}
};
const { ScrollKeeper } = await import("#js/models/scroll-keeper.js");

/** A scroller 100 high, whose content can be made to grow. */
function scroller() {
  const element = /** @type {any} */ (document.createElement("div"));
  const content = document.createElement("div");
  element.append(content);
  let top = 0;
  let height = 100;
  Object.defineProperties(element, {
    clientHeight: { value: 100 },
    scrollHeight: { get: () => height },
    scrollTop: {
      get: () => top,
      set: (value) => {
        top = Math.max(0, Math.min(value, height - 100));
      },
    },
  });
  const keeper = new ScrollKeeper(element, content, () => {});
  const grown = /** @type {() => void} */ (observers.at(-1));
  return {
    keeper,
    content,
    top: () => top,
    resize: (/** @type {number} */ pixels) => {
      height = pixels;
      element.scrollTop = top;
      grown();
    },
    scrollTo: (/** @type {number} */ pixels) => {
      element.scrollTop = pixels;
      element.dispatchEvent(new window.Event("scroll"));
    },
  };
}

test("the end stays in view while the content grows", () => {
  const { top, resize } = scroller();
  resize(300);
  resize(500);
  assert.equal(top(), 400);
});

test("the smallest step up lets the person read, however much comes", () => {
  const { keeper, top, resize, scrollTo } = scroller();
  resize(500);
  scrollTo(397);
  resize(900);
  assert.equal(keeper.isFollowing, false);
  assert.equal(top(), 397);
});

test("scrolling down near the end follows again", () => {
  const { keeper, top, resize, scrollTo } = scroller();
  resize(500);
  scrollTo(100);
  scrollTo(200);
  assert.equal(keeper.isFollowing, false);
  scrollTo(380);
  resize(600);
  assert.equal(keeper.isFollowing, true);
  assert.equal(top(), 500);
});

test("content that shrinks does not count as scrolling up", () => {
  const { keeper, resize, scrollTo } = scroller();
  resize(500);
  resize(300);
  scrollTo(200);
  assert.equal(keeper.isFollowing, true);
});

test("what the person unfolds stays where it is", () => {
  const { keeper, content, top, resize } = scroller();
  resize(500);
  const summary = document.createElement("summary");
  content.append(summary);
  summary.click();
  resize(900);
  assert.equal(top(), 400);
  assert.equal(keeper.isFollowing, false);
  keeper.toLatest();
  assert.equal(top(), 800);
});
