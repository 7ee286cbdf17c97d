// @ts-check
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";

const STATIC = new URL("../../services/frontend/src/frontend/static/", import.meta.url);
const VENDOR = new URL("vendor/", STATIC);
/** @type {Record<string, string>} */
const LOCK = JSON.parse(readFileSync(new URL("vendor.lock", VENDOR), "utf8"));

/** @param {URL} folder @returns {string[]} */
function filesIn(folder) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) =>
      `${entry.parentPath}/${entry.name}`.slice(folder.pathname.length).replace(/^\//, ""),
    );
}

test("the vendored files are those that were fetched", () => {
  assert.deepEqual(
    filesIn(VENDOR)
      .filter((name) => name !== "vendor.lock")
      .sort(),
    Object.keys(LOCK).sort(),
  );
  for (const [name, hash] of Object.entries(LOCK)) {
    const content = readFileSync(new URL(name, VENDOR));
    assert.equal(createHash("sha256").update(content).digest("hex"), hash, name);
  }
});

test("every vendored library brings its licence", () => {
  for (const folder of new Set(Object.keys(LOCK).map((name) => name.split("/")[0]))) {
    assert.ok(`${folder}/LICENSE` in LOCK, folder);
  }
});

test("the vendored files the page names exist", () => {
  const source = readFileSync(new URL("js/vendor.js", STATIC), "utf8");
  for (const [, path] of source.matchAll(/from "\.\.\/vendor\/([^"]+)"/g))
    assert.ok(path in LOCK, path);
  const folder = /HIGHLIGHT = "\.\.\/vendor\/([^"]+)"/.exec(source)?.[1];
  assert.ok(`${folder}/core.min.js` in LOCK);
});

test("every language the highlighter names can be fetched", () => {
  const source = readFileSync(new URL("js/lib/highlight.js", STATIC), "utf8");
  const names = /"(bash c [a-z ]+)"/.exec(source)?.[1].split(" ") ?? [];
  assert.ok(names.length > 20);
  for (const name of names) {
    assert.ok(
      Object.keys(LOCK).some((file) => file.endsWith(`/languages/${name}.min.js`)),
      name,
    );
  }
});

test("only the sanitised door makes markup of text", () => {
  const ways =
    /innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|createContextualFragment|setHTML/;
  const js = new URL("js/", STATIC);
  const offenders = filesIn(js).filter((name) => {
    return name !== "lib/markdown.js" && ways.test(readFileSync(new URL(name, js), "utf8"));
  });
  assert.deepEqual(offenders, []);
});
