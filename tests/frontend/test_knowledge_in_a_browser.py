"""Documents and citations in a real browser: files dropped on the page, sources opened by keyboard, also on a phone."""

import struct
import zlib
from collections.abc import Generator
from pathlib import Path
from typing import Any

import axe_core_python
import pytest
from playwright.sync_api import Browser, Locator, Page, Route, expect
from support.fake_orchestrator import FakeFile, FakeTurn
from support.frontend_site import Site
from support.own_pages import AT, DESKTOP, PHONE, Json, have_turn, own_page

pytestmark = pytest.mark.browser

CONVERSATION, TURN = "conversation-1", "turn-1"
FIRST, SECOND, CURATED, UNKNOWN = "aaaaaaaaaa", "bbbbbbbbbb", "cccccccccc", "zzzzzzzzzz"

ANSWER = (
    f"You get **30 days** of holiday a year.[^{FIRST}][^{SECOND}]\n\n"
    f"* Ask your lead two weeks ahead.[^{SECOND}]\n"
    f"* In 2019 there were 40 days.[^{FIRST}]\n\n"
    f"From abroad you may work for a month.[^{CURATED}] "
    f"Everybody gets a car.[^{UNKNOWN}]\n\n"
    f"The mark looks like `[^{FIRST}]`."
)


def passage(passage_id: str, **changes: Any) -> Json:
    return {
        "id": passage_id,
        "document_id": "d1",
        "title": "Holiday handbook",
        "name": "holiday-handbook.pdf",
        "page": 3,
        "headings": ["Leave", "Holidays"],
        "start": 12,
        "end": 42,
        "quote": "Every employee gets 30 days.",
        "curated": False,
        **changes,
    }


PASSAGES = [
    passage(FIRST),
    passage(
        SECOND, title="", name="a-policy-with-a-rather-long-name-that-wraps-2026.md", page=None
    ),
    passage(CURATED, title="May I work from abroad?", page=None, headings=[], curated=True),
]


def sentence(begin: str, end: str, support: str) -> Json:
    start = ANSWER.index(begin)
    return {
        "start": start,
        "end": ANSWER.index(end, start) + len(end),
        "passages": [],
        "support": support,
        "judged_by": "words",
    }


CHECKED: Json = {
    "kind": "citations_checked",
    "passages": PASSAGES,
    "sentences": [
        sentence("You get", f"[^{SECOND}]", "supported"),
        sentence("Ask your", f"[^{SECOND}]", "partly"),
        sentence("In 2019", f"[^{FIRST}]", "not_found"),
        sentence("From abroad", f"[^{CURATED}]", "supported"),
        sentence("Everybody", f"[^{UNKNOWN}]", "not_found"),
    ],
}
ASKED: list[Json] = [
    {
        "kind": "turn_started",
        "turn_id": TURN,
        "conversation_id": CONVERSATION,
        "client_id": "client-1",
        "question": "How many days of holiday do I get?",
        "title": "Holidays",
        "model": "demo",
        "at": AT,
    },
    {
        "kind": "call_proposed",
        "call_id": "call-1",
        "server": "search",
        "tool": "kb_search",
        "title": "Search the documents",
        "arguments": {"query": "days of holiday"},
        "read_only": True,
        "repeatable": True,
        "verdict": "run",
        "rule": "reads_run",
        "reason": "It only reads.",
    },
    {
        "kind": "call_finished",
        "call_id": "call-1",
        "state": "succeeded",
        "duration_ms": 24,
        "rows": None,
        "result": {"found": True, "passages": [{**it, "document": it["title"]} for it in PASSAGES]},
        "truncated": False,
        "error": None,
    },
]


def document(document_id: str, **changes: Any) -> Json:
    return {
        "id": document_id,
        "collection_id": "c1",
        "name": f"{document_id}.pdf",
        "title": "",
        "media_type": "application/pdf",
        "octets": 240_000,
        "state": "ready",
        "progress": 1.0,
        "reason": "",
        "warnings": [],
        "pages": 12,
        "chunks": 30,
        "uploaded_by_name": "Lee Partner",
        "uploaded_at": AT,
        "access": [],
        "curated": False,
        "editable": True,
        **changes,
    }


TEXT = (
    "\U0001f600 The years before.\n" * 60
    + "Every employee gets 30 days of paid holiday in a year.\n"
    + "<img src=x onerror=alert(1)> \u202e What follows.\n" * 60
)
SPOT = TEXT.index("Every employee")
HANDBOOK = {
    "id": "c1",
    "name": "Handbook",
    "description": "What holds for everybody who works here.",
    "documents": 3,
    "access": ["everybody"],
    "editable": True,
    "model": "builtin",
}
KNOWLEDGE: dict[str, Json] = {
    "": {
        "available": True,
        "editor": True,
        "document_bytes": 50 * 1024 * 1024,
        "kinds": [".pdf", ".docx", ".txt", ".md", ".csv", ".html"],
        "open_gaps": 2,
    },
    "/collections": {
        "collections": [
            {**HANDBOOK, "id": "own", "name": "My documents", "documents": 0, "description": ""},
            HANDBOOK,
            {**HANDBOOK, "id": "c2", "name": "Board papers", "editable": False, "documents": 1},
        ]
    },
    "/documents": {
        "documents": [
            document("travel-policy-with-a-long-name-that-does-not-fit-on-a-phone"),
            document("scan", state="failed", reason="It has pictures of pages and no text.", pages=None),
            document("plan", state="embedding", progress=0.4, warnings=["Hidden text was left out."]),
            document("answer", title="May I work from abroad?", curated=True, access=["role:member"]),
        ],
        "next_cursor": "more",
    },
    "/gaps": {
        "gaps": [
            {
                "id": f"g{number}",
                "question": question,
                "asked": number,
                "first_asked_at": AT,
                "last_asked_at": AT,
                "state": "open",
                "answer_id": "",
            }
            for number, question in enumerate(
                ["Who waters the <b>plants</b>?", "May I bring my dog to the office in the north?"], 1
            )
        ]
    },
}  # fmt: skip


at_both_widths = pytest.mark.parametrize(
    "page", [DESKTOP, PHONE], ids=["desktop", "phone"], indirect=True
)


@pytest.fixture
def page(request: pytest.FixtureRequest, chromium: Browser, site: Site) -> Generator[Page]:
    """The owner's browser."""
    with own_page(
        chromium, site, getattr(request, "param", DESKTOP), reduced_motion="reduce"
    ) as page:
        for path, answer in KNOWLEDGE.items():
            site.orchestrator.answers["GET", f"/v1/knowledge{path}"] = (200, answer)
        yield page


def open_answer(page: Page, site: Site, events: list[Json], *, is_over: bool = True) -> FakeTurn:
    state = "answered" if is_over else "running"
    turn = have_turn(site, CONVERSATION, TURN, events, title="Holidays", state=state)
    page.goto(f"{site.url}/c/{CONVERSATION}")
    return turn


def have_passages(site: Site) -> None:
    spot = {"start": SPOT + 1_000, "end": SPOT + 1_054}
    shown: Json = {
        "document": document("d1", name="holiday-handbook.pdf"),
        "text": TEXT,
        "text_start": 1_000,
        "whole": False,
        "page_image": False,
    }
    for one in PASSAGES:
        path = f"/v1/knowledge/passages/{one['id']}"
        answer = {**shown, "passage": {**one, **spot}, "page_image": one["page"] is not None}
        site.orchestrator.answers["GET", path] = (200, answer)
        site.orchestrator.downloads[f"{path}/page.png"] = FakeFile(
            png(500, 650), "image/png", "inline", {"X-Passage-Mark": "0.8500 0.9000"}
        )


def png(width: int, height: int) -> bytes:
    """A grey picture."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        checked = kind + content
        return struct.pack(">I", len(content)) + checked + struct.pack(">I", zlib.crc32(checked))

    rows = (b"\0" + b"\xdd" * width) * height
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    body = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def answer_of(page: Page) -> Locator:
    return page.locator(".answer")


def scrolls_sideways(page: Page) -> bool:
    return page.evaluate(
        "document.documentElement.scrollWidth > document.documentElement.clientWidth"
    )


def axe_problems(page: Page) -> list[str]:
    """What axe-core finds, evaluated outside the page's CSP, once nothing is loaded any more: that is dimmed."""
    expect(page.locator(".documents[aria-busy]")).to_have_count(0)
    page.evaluate((Path(axe_core_python.__file__).parent / "axe.min.js").read_text())
    found = page.evaluate("axe.run()")["violations"]
    return [f"{it['id']}: {[node['html'][:150] for node in it['nodes']]}" for it in found]


def drop(page: Page, *files: tuple[str, str]) -> None:
    """What a person does with files from the desktop."""
    carried = page.evaluate_handle(
        """files => {
          const carried = new DataTransfer();
          for (const [name, text] of files) carried.items.add(new File([text], name));
          return carried;
        }""",
        [list(file) for file in files],
    )
    for event in ("dragenter", "dragover", "drop"):
        page.dispatch_event("main", event, {"dataTransfer": carried})


def test_marks_become_numbered_buttons_while_the_answer_is_written(page: Page, site: Site) -> None:
    turn = open_answer(page, site, ASKED, is_over=False)
    turn.say(f"You get 30 days.[^{FIRST}] Ask ahead.[^{UNKNOWN}] Soon.[^{SECOND[:4]}")
    answer = answer_of(page)
    button = answer.get_by_role("button")
    expect(button).to_have_count(1)
    expect(button).to_contain_text("Source 1")
    expect(answer).to_contain_text(f"Ask ahead.[^{UNKNOWN}] Soon.")
    page.evaluate("window.before = document.querySelector('.cite-button')")
    turn.say(f"{SECOND[4:]}]\n\nMore.")
    expect(button).to_have_count(2)
    expect(button.nth(1)).to_contain_text("Source 2")
    turn.write({**CHECKED, "sentences": []})
    turn.finish()
    expect(page.get_by_role("heading", name="2 sources")).to_be_visible()


@at_both_widths
def test_support_is_shown_and_a_source_opened_by_keyboard_at_its_passage(
    page: Page, site: Site
) -> None:
    have_passages(site)
    open_answer(page, site, [*ASKED, {"kind": "text_finished", "text": ANSWER}, CHECKED])
    answer = answer_of(page)
    marks = answer.get_by_role("button")
    expect(marks).to_have_count(5)
    expect(marks.nth(0)).to_have_accessible_name(
        "Source 1 : Holiday handbook, page 3, Holidays. Supported: The source says this."
    )
    expect(marks.nth(2)).to_contain_text("Partly supported: The source says only a part of this.")
    expect(marks.nth(3)).to_contain_text("Not found: The source does not say this.")
    expect(marks.nth(4)).to_contain_text("Answer by your organisation")
    expect(answer.get_by_role("img", name="Not found: there is no such source.")).to_be_visible()
    expect(answer.locator("code")).to_have_text(f"[^{FIRST}]")
    sources = page.get_by_role("region", name="Sources of this answer")
    expect(sources.get_by_role("heading")).to_have_text("3 sources")
    expect(sources).to_contain_text("1 only partly supported, 2 not found in what is cited.")

    marks.nth(1).focus()
    box = marks.nth(1).locator(".cite-words").bounding_box()
    assert box is not None
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= page.evaluate("innerWidth")
    assert box["width"] > 100
    marks.nth(2).focus()
    page.keyboard.press("Enter")
    panel = page.get_by_role("dialog")
    expect(panel.get_by_role("heading")).to_be_focused()
    expect(panel).to_contain_text("Source 2 of 3")
    expect(panel).to_contain_text("The answer says: Ask your lead two weeks ahead.")
    expect(panel.locator("mark")).to_have_text(TEXT[SPOT : SPOT + 54])
    expect(panel.locator("mark")).to_be_in_viewport()
    expect(panel.locator(".source-text")).to_contain_text("<img src=x onerror=alert(1)>")
    expect(panel.locator(".source-text .hidden-character").first).to_contain_text("U+202E")
    assert axe_problems(page) == []
    assert not scrolls_sideways(page)

    panel.get_by_role("button", name="Source before").press("Enter")
    expect(panel.get_by_role("heading")).to_have_text("Holiday handbook")
    marked = panel.locator(".source-page-mark")
    expect(marked).to_be_in_viewport(ratio=0.9)
    expect(panel.get_by_role("img")).not_to_have_js_property("naturalWidth", 0)
    panel.get_by_role("button", name="Larger").press("Enter")
    expect(marked).to_be_in_viewport()
    expect(panel.locator("mark")).to_have_count(1)
    assert axe_problems(page) == []
    page.keyboard.press("Escape")
    expect(panel).to_have_count(0)
    expect(marks.nth(2)).to_be_focused()


def test_a_passage_that_is_gone_says_so(page: Page, site: Site) -> None:
    open_answer(page, site, [*ASKED, {"kind": "text_finished", "text": ANSWER}, CHECKED])
    page.get_by_role("region", name="Sources of this answer").get_by_role("button").first.click()
    panel = page.get_by_role("dialog")
    expect(panel).to_contain_text("is not there any more, or you may not see it")


@at_both_widths
def test_files_are_dropped_anywhere_and_each_says_what_becomes_of_it(
    page: Page, site: Site
) -> None:
    page.goto(f"{site.url}/grants")
    page.get_by_role("link", name="Documents").click()
    page.get_by_role("link", name="Handbook").click()
    expect(page.get_by_role("heading", name="Handbook")).to_be_visible()
    rows = page.locator(".document")
    expect(rows).to_have_count(4)
    expect(rows.nth(1)).to_contain_text("It has pictures of pages and no text.")
    expect(rows.nth(2)).to_contain_text("Making it findable, 40 %")
    assert axe_problems(page) == []
    assert not scrolls_sideways(page)

    lost: list[Route] = []

    def cut(route: Route) -> None:
        lost.append(route)
        route.abort()

    page.route("**/api/knowledge/documents?name=notes.md*", cut)
    added: Json = {"document": document("new", name="notes.md", state="queued"), "duplicate": False}
    site.orchestrator.answers["PUT", "/v1/knowledge/documents"] = (202, added)
    drop(page, ("notes.md", "# Notes"), ("virus.exe", "x"))
    uploads = page.get_by_role("list", name="On their way").get_by_role("listitem")
    expect(uploads.nth(0)).to_contain_text("The file is kept here, nothing is lost.")
    expect(uploads.nth(1)).to_contain_text("Not added. Files of this kind cannot be read.")
    assert len(lost) == 1
    assert axe_problems(page) == []

    page.unroute("**/api/knowledge/documents?name=notes.md*")
    uploads.nth(0).get_by_role("button", name="Try again").press("Enter")
    expect(rows.first).to_contain_text("notes.md")
    expect(rows.first).to_contain_text("Waiting to be read")
    sent = site.orchestrator.last("PUT", "/v1/knowledge/documents")
    assert (sent.octets, sent.query["collection"]) == (b"# Notes", "c1")

    site.orchestrator.answers["PUT", "/v1/knowledge/documents"] = (
        202,
        {**added, "duplicate": True},
    )
    drop(page, ("again.md", "# Notes"))
    expect(uploads.nth(1)).to_contain_text("The same file is there already, as “notes.md”.")


@at_both_widths
def test_an_editor_answers_what_nobody_could(page: Page, site: Site) -> None:
    site.orchestrator.answers["POST", "/v1/knowledge/gaps/g2/answer"] = (200, document("answer"))
    page.goto(f"{site.url}/knowledge")
    page.get_by_role("link", name="Questions without an answer").click()
    gaps = page.locator(".gap")
    expect(gaps).to_have_count(2)
    expect(gaps.first).to_contain_text("Who waters the <b>plants</b>?")
    gaps.nth(1).get_by_role("button", name="Write an answer").click()
    page.get_by_label("Answer", exact=True).fill("Yes, **on a lead**.\n\n<script>alert(1)</script>")
    preview = page.get_by_role("region", name="Preview")
    expect(preview.locator("strong")).to_have_text("on a lead")
    expect(preview).to_contain_text("<script>alert(1)</script>")
    assert axe_problems(page) == []
    assert not scrolls_sideways(page)
    page.get_by_role("button", name="Save the answer").click()
    expect(gaps).to_have_count(1)
    written = site.orchestrator.last("POST", "/v1/knowledge/gaps/g2/answer").body
    assert written["answer"].startswith("Yes, **on a lead**.")


def test_a_shared_answer_lists_what_it_cites_and_leads_there(page: Page, site: Site) -> None:
    have_passages(site)
    answer = {"role": "assistant", "text": ANSWER, "at": AT, "passages": PASSAGES[::-1]}
    shared = {"title": "Holidays", "shared_at": AT, "messages": [answer]}
    site.orchestrator.shared["token"] = shared
    page.goto(f"{site.url}/shared/token")
    sources = page.get_by_role("region", name="Sources of this answer").get_by_role("link")
    expect(sources).to_have_count(3)
    expect(sources.first).to_contain_text("1Holiday handbookpage 3, Holidays")
    expect(answer_of(page).get_by_role("button")).to_have_count(5)
    answer_of(page).get_by_role("button").nth(4).click()
    expect(sources.nth(2)).to_be_focused()
    assert axe_problems(page) == []
    with page.context.expect_page() as opened:
        sources.nth(2).press("Enter")
    panel = opened.value.get_by_role("dialog")
    expect(panel.get_by_role("heading")).to_have_text("May I work from abroad?")
    expect(panel).to_contain_text("Answer by your organisation")
