// @ts-check
import assert from "node:assert/strict";
import { test } from "node:test";
import { openPage, press } from "../support/page.js";

const window = openPage();
const { CopyFieldController } = await import("#js/controllers/copy-field-controller.js");
const { PersonMenuController } = await import("#js/controllers/person-menu-controller.js");

function openMenu() {
  document.body.innerHTML =
    '<details open><summary>Ada</summary><a href="/account">Account</a></details><button>Else</button>';
  const menu = /** @type {HTMLDetailsElement} */ (document.querySelector("details"));
  new PersonMenuController(menu).connect();
  return menu;
}

test("Escape closes the menu and gives the keyboard back to its opener", () => {
  const menu = openMenu();
  const link = /** @type {HTMLElement} */ (menu.querySelector("a"));
  link.focus();
  press(window, link, "Escape");
  assert.equal(menu.open, false);
  assert.equal(document.activeElement, menu.querySelector("summary"));
});

test("a press elsewhere closes the menu, one within does not", () => {
  const menu = openMenu();
  const pressOn = (/** @type {string} */ name) =>
    document.querySelector(name)?.dispatchEvent(new window.Event("pointerdown", { bubbles: true }));
  pressOn("a");
  assert.equal(menu.open, true);
  pressOn("button");
  assert.equal(menu.open, false);
});

test("a field to be copied gets a button that says what it copies", () => {
  document.body.innerHTML = "<div><label><span>The new key</span><input value='stw'></label></div>";
  const field = /** @type {HTMLInputElement} */ (document.querySelector("input"));
  new CopyFieldController(field).connect();
  assert.equal(
    document.querySelector(".copy-row button")?.getAttribute("aria-label"),
    "Copy: The new key",
  );
});
