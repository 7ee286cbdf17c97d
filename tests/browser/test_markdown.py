"""The one sanitised door, in a real browser under the page's content security policy: what answers can never do."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Dialog, Page, Request, Route

pytestmark = pytest.mark.browser

STATIC = Path(__file__).parents[2] / "services/frontend/src/frontend/static"
ORIGIN = "http://steward.test"
POLICY = "default-src 'self'; object-src 'none'; base-uri 'none'"
SHELL = "<!doctype html><main></main>"
TYPES = {".js": "text/javascript", ".mjs": "text/javascript"}

SHOW = """async (markdown) => {
  const { StreamedMarkdown } = await import("/static/js/views/streamed-markdown.js");
  const main = document.querySelector("main");
  main.replaceChildren();
  new StreamedMarkdown(main).update(markdown, true);
  return main.innerHTML;
}"""


class AnswerPage:
    """Shows answers, and knows what else the browser asked for."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.fetched_elsewhere: list[str] = []
        self.dialogs: list[str] = []
        page.on("dialog", self._dismiss)
        page.on("request", self._note)
        page.route("**/*", _serve)
        page.goto(f"{ORIGIN}/")

    def _dismiss(self, dialog: Dialog) -> None:
        self.dialogs.append(dialog.message)
        dialog.dismiss()

    def _note(self, request: Request) -> None:
        if not request.url.startswith(ORIGIN):
            self.fetched_elsewhere.append(request.url)

    def show(self, markdown: str) -> str:
        """The HTML that is in the page then."""
        return self.page.evaluate(SHOW, markdown)


def _serve(route: Route, request: Request) -> None:
    path = request.url.removeprefix(f"{ORIGIN}/")
    if path == "":
        headers = {"Content-Security-Policy": POLICY}
        route.fulfill(body=SHELL, content_type="text/html", headers=headers)
        return
    file = STATIC / path.removeprefix("static/")
    if request.url.startswith(f"{ORIGIN}/static/") and file.is_file():
        route.fulfill(path=file, content_type=TYPES.get(file.suffix))
    else:
        route.abort()


@pytest.fixture(scope="module")
def answers(chromium: Browser) -> Iterator[AnswerPage]:
    page = chromium.new_page()
    yield AnswerPage(page)
    page.close()


ATTACKS = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<svg onload=alert(1)><use href='data:image/svg+xml,<svg/>'></use></svg>",
    "<iframe src='javascript:alert(1)'></iframe>",
    "<a href='javascript:alert(1)'>x</a>",
    "[x](javascript:alert(1))",
    "[x](JaVaScRiPt:alert(1))",
    "[x](java&#10;script:alert(1))",
    "[x](data:text/html,<script>alert(1)</script>)",
    "[x](vbscript:alert(1))",
    '![x" onerror="alert(1)](https://elsewhere.test/a.png)',
    '[x](https://elsewhere.test/"onmouseover="alert(1))',
    "<style>main{display:none}</style>",
    '<p style="position:fixed;inset:0">cover</p>',
    "<form action='https://elsewhere.test'><input name=password></form>",
    "<math><mtext><table><mglyph><style><img src=x onerror=alert(1)>",
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>",
    '```html"onload="alert(1)\n<img src=x onerror=alert(1)>\n```',
    '```chart\n{"type":"bar","title":"<img src=x onerror=alert(1)>","labels":["<b>"],"values":[1]}\n```',
    "| <img src=x onerror=alert(1)> |\n|---|\n| <script>alert(1)</script> |",
    "<base href='https://elsewhere.test/'>",
    "<meta http-equiv='refresh' content='0;url=https://elsewhere.test'>",
]


DANGEROUS = [
    ":is(script, style, iframe, object, embed, form, input, img, base, meta, link, math)",
    "svg:not(.icon, [role=img])",
    "[style]",
    "a:is([href^='javascript' i], [href^='data' i], [href^='vbscript' i])",
]
HAS_HANDLER = """[...document.querySelectorAll("main *")].some((element) =>
  [...element.attributes].some((attribute) => attribute.name.startsWith("on")))"""


@pytest.mark.parametrize("attack", ATTACKS)
def test_an_answer_runs_nothing_fetches_nothing_and_adds_no_dangerous_markup(
    answers: AnswerPage, attack: str
) -> None:
    answers.show(attack)
    for dangerous in DANGEROUS:
        assert answers.page.locator(f"main {dangerous}").count() == 0, dangerous
    assert answers.page.evaluate(HAS_HANDLER) is False
    assert answers.dialogs == []
    assert answers.fetched_elsewhere == []


def test_an_image_is_a_link_that_says_where_it_leads(answers: AnswerPage) -> None:
    answers.show("![A kitten](https://elsewhere.test/kitten.png)")
    link = answers.page.get_by_role("link", name="A kitten")
    assert link.get_attribute("href") == "https://elsewhere.test/kitten.png"
    assert "on elsewhere.test, not loaded" in answers.page.inner_text("main")
    assert answers.fetched_elsewhere == []


def test_an_image_shows_its_whole_address(answers: AnswerPage) -> None:
    address = "https://elsewhere.test/kitten.png?told=everything"
    answers.show(f"![A kitten]({address})")
    assert answers.page.get_by_text(address).is_visible()


def test_a_link_to_elsewhere_says_where_it_leads(answers: AnswerPage) -> None:
    answers.show("[docs](https://elsewhere.test/docs) and [here](/tools)")
    assert answers.page.get_by_role("link", name="docs (leads to elsewhere.test)").is_visible()
    assert answers.page.locator("a.external").count() == 1


def test_an_address_that_is_written_out_is_not_said_twice(answers: AnswerPage) -> None:
    answers.show("Sent to ada@example.org.")
    assert answers.page.get_by_role("link", name="ada@example.org", exact=True).is_visible()


@pytest.mark.parametrize(
    ("text", "is_misleading"),
    [
        ("bank.test", True),
        ("https://bank.test/login", True),
        ("elsewhere.test", False),
        ("https://www.elsewhere.test/docs", False),
        ("our docs", False),
    ],
)
def test_a_link_that_calls_itself_another_address_is_marked(
    answers: AnswerPage, text: str, is_misleading: bool
) -> None:
    answers.show(f"[{text}](https://elsewhere.test/docs)")
    assert answers.page.locator("a[data-misleading]").count() == int(is_misleading)


def test_a_link_to_elsewhere_opens_apart_and_tells_nothing_about_us(answers: AnswerPage) -> None:
    answers.show("[docs](https://elsewhere.test/docs) and [here](/tools)")
    outside = answers.page.get_by_role("link", name="docs")
    assert outside.get_attribute("target") == "_blank"
    assert outside.get_attribute("rel") == "noopener noreferrer nofollow"
    assert answers.page.get_by_role("link", name="here", exact=True).get_attribute("target") is None


def test_ordinary_markdown_is_shown_as_such(answers: AnswerPage) -> None:
    html = answers.show(
        "# Title\n\n**bold** `code`\n\n- one\n- two\n\n| a | b |\n|:--|--:|\n| 1 | 2 |"
    )
    for part in ("<h3>Title</h3>", "<strong>bold</strong>", "<code>code</code>", "<li>one</li>"):
        assert part in html
    assert '<td align="right">2</td>' in html


def test_a_code_block_is_coloured_and_named(answers: AnswerPage) -> None:
    answers.show("```sql\nSELECT 1\n```")
    answers.page.locator("main .hljs-keyword").wait_for()
    assert answers.page.inner_text("main pre") == "SELECT 1"
    assert answers.page.get_by_role("button", name="Copy SQL").is_visible()


def test_a_chart_that_cannot_be_drawn_is_shown_as_what_it_is(answers: AnswerPage) -> None:
    answers.show('```chart\n{"type": "pie"}\n```')
    assert answers.page.inner_text("main pre") == '{"type": "pie"}'
