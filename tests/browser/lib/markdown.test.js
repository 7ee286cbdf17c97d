// @ts-check
import assert from "node:assert/strict";
import { test } from "node:test";
import { openPage } from "../support/page.js";

openPage();
const { blocksOf, blockToHtml } = await import("#js/lib/markdown.js");

/** The parser's HTML, which the sanitiser then gets; tests/browser/test_markdown.py tests both in a browser. @param {string} markdown */
function html(markdown) {
  return blocksOf(markdown).map(blockToHtml).join("");
}

test("markup inside the text is shown, not parsed", () => {
  const shown = html('Hi <img src=x onerror="alert(1)"> there\n\n<script>alert(1)</script>');
  assert.doesNotMatch(shown, /<img|<script/);
  assert.match(shown, /&#60;img src=x onerror=&#34;alert\(1\)&#34;&#62;/);
});

test("a line break is the one tag that is taken over", () => {
  assert.match(html("| a |\n|---|\n| one<br>two |"), /one<br>two/);
});

test("an image becomes a link", () => {
  const shown = html("![A kitten](https://example.com/k.png)");
  assert.match(
    shown,
    /<a data-image="" href="https:&#47;&#47;example|<a data-image="" href="https:\/\/example.com\/k.png">A kitten<\/a>/,
  );
  assert.doesNotMatch(shown, /<img/);
});

test("an image cannot break out of its link", () => {
  const shown = html('![x" onload="alert(1)](https://example.com/"onmouseover="alert(1))');
  assert.doesNotMatch(shown, /"[^"]*" on\w+="/);
});

test("headings of an answer begin below the page's own", () => {
  assert.equal(html("# One").trim(), "<h3>One</h3>");
  assert.equal(html("### Three").trim(), "<h4>Three</h4>");
  assert.equal(html("###### Six").trim(), "<h6>Six</h6>");
});

test("blocks keep their source, so that unchanged ones are recognised", () => {
  const blocks = blocksOf("One\n\n```sql\nSELECT 1\n```\n\nTwo");
  assert.deepEqual(
    blocks.map(({ raw }) => raw.trim()),
    ["One", "```sql\nSELECT 1\n```", "Two"],
  );
});

test("link definitions are used and take no place of their own", () => {
  assert.match(
    html("See [docs].\n\n[docs]: https://example.com/docs"),
    /href="https:\/\/example.com\/docs"/,
  );
});

test("task lists show their boxes as text", () => {
  assert.match(html("- [x] done\n- [ ] open"), /☑ done[\s\S]*☐ open/);
});
