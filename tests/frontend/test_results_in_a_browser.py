"""A table of a tool in a real browser: looked at, put in order, taken home, drawn and kept, also on a phone."""

import csv
import io
from collections.abc import Generator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect
from support.frontend_site import Site
from support.own_pages import DESKTOP, PHONE, Json, have_turn, own_page

pytestmark = pytest.mark.browser

CONVERSATION, TURN, CALL = "conversation-1", "turn-1", "call-1"

PROJECTS = [
    ["Mobile banking app", None, "•••1234", "fine, so far", "2026-02-20"],
    ["Claims portal", 10, "•••0815", None, "2026-01-15"],
    ["Harbour logistics", 9, "•••4711", "=1+1", "2026-03-01"],
]
TABLE: Json = {
    "database": "work",
    "query_id": "query-1",
    "columns": [
        {"name": "project", "type": "text", "masked": None},
        {"name": "tasks", "type": "integer", "masked": None},
        {"name": "account", "type": "text", "masked": "last4"},
        {"name": "a rather long name for a note", "type": "text", "masked": None},
        {"name": "started_on", "type": "date", "masked": None},
    ],
    "rows": PROJECTS,
    "row_count": 3,
    "offset": 0,
    "truncated": True,
    "next_cursor": None,
    "elapsed_ms": 3.2,
    "hidden_columns": 3,
    "warnings": [],
}
SQL = "SELECT name AS project, count(*) AS tasks FROM projects WHERE started_on > :since"
EVENTS: list[Json] = [
    {
        "kind": "turn_started",
        "turn_id": TURN,
        "conversation_id": CONVERSATION,
        "client_id": "client-1",
        "question": "How many tasks are open?",
        "title": "Open tasks",
        "model": "demo",
        "at": "2026-11-21T09:00:00Z",
    },
    {
        "kind": "call_proposed",
        "call_id": CALL,
        "server": "dbquery",
        "tool": "query",
        "title": "Query the database",
        "arguments": {"database": "work", "sql": SQL, "params": {"since": "2026-01-01"}},
        "read_only": True,
        "repeatable": True,
        "verdict": "run",
        "rule": "own_reads_run",
        "reason": "Looking something up runs without asking.",
        "keepable": True,
    },
    {
        "kind": "call_finished",
        "call_id": CALL,
        "state": "succeeded",
        "duration_ms": 24,
        "rows": 3,
        "result": TABLE,
        "truncated": True,
        "error": None,
    },
    {"kind": "text_finished", "text": "Ten in the claims portal."},
]


at_both_widths = pytest.mark.parametrize(
    "page", [DESKTOP, PHONE], ids=["desktop", "phone"], indirect=True
)


@pytest.fixture
def page(request: pytest.FixtureRequest, chromium: Browser, site: Site) -> Generator[Page]:
    """The owner's page with a finished answer."""
    have_turn(site, CONVERSATION, TURN, EVENTS, title="Open tasks", state="answered")
    with own_page(chromium, site, getattr(request, "param", DESKTOP)) as page:
        page.goto(f"{site.url}/c/{CONVERSATION}")
        yield page


def opened(page: Page) -> Locator:
    """The call, unfolded by its invitation."""
    call = page.get_by_test_id("tool-call")
    call.get_by_text("3+ rows").click()
    return call


def first_cells(call: Locator) -> list[str]:
    return call.locator("tbody tr td:first-child").all_text_contents()


@at_both_widths
def test_rows_are_looked_at_put_in_order_and_never_look_complete_when_they_are_not(
    page: Page,
) -> None:
    call = opened(page)
    expect(call.get_by_text("There are more rows than were fetched.")).to_be_visible()
    expect(call.get_by_text("3 columns are hidden by policy.")).to_be_visible()
    expect(call.get_by_text("masked: last4")).to_be_visible()
    expect(call.get_by_text("null", exact=True)).to_have_count(2)

    widths = "[...document.querySelectorAll('html, .grid-scroll')].map(it => [it.scrollWidth, it.clientWidth])"
    (page_needs, page_has), (table_needs, table_has) = page.evaluate(widths)
    assert page_needs == page_has, "only the table scrolls sideways"
    assert table_needs > table_has
    assert call.locator("th").first.evaluate("it => getComputedStyle(it).position") == "sticky"

    head = call.get_by_role("columnheader", name="tasks")
    as_they_came = first_cells(call)
    head.get_by_role("button").click()
    expect(head).to_have_attribute("aria-sort", "ascending")
    assert first_cells(call) == ["Harbour logistics", "Claims portal", "Mobile banking app"]
    head.get_by_role("button").press("Enter")
    expect(head).to_have_attribute("aria-sort", "descending")
    assert first_cells(call) == ["Claims portal", "Harbour logistics", "Mobile banking app"]
    head.get_by_role("button").press("Enter")
    assert first_cells(call) == as_they_came


def test_the_table_is_taken_home_as_a_file_that_no_spreadsheet_runs(page: Page) -> None:
    call = opened(page)
    with page.expect_download() as download:
        call.get_by_role("button", name="Download as CSV").click()
    name = download.value.suggested_filename
    assert name.startswith("query-the-database-")
    assert name.endswith(".csv")
    raw = Path(download.value.path()).read_bytes()
    assert raw.startswith(b"\xef\xbb\xbf")
    rows = list(csv.reader(io.StringIO(raw.decode("utf-8-sig"), newline="")))
    assert rows[0] == [column["name"] for column in TABLE["columns"]]
    assert rows[1] == ["Mobile banking app", "", "•••1234", "fine, so far", "2026-02-20"]
    assert rows[3] == ["Harbour logistics", "9", "•••4711", "'=1+1", "2026-03-01"]


TWO_FRAMES = "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"


@at_both_widths
def test_numbers_are_drawn_as_bars_or_lines_with_a_summary_in_words(page: Page) -> None:
    call = opened(page)
    call.get_by_role("button", name="Chart", exact=True).click()
    expect(call.get_by_role("img", name="Bar chart: tasks by project")).to_be_visible()
    expect(call.locator("rect.bar")).to_have_count(2)
    call.get_by_role("button", name="Lines").click()
    drawing = call.get_by_role("img", name="Line chart: tasks by project. 2 values.")
    expect(drawing).to_be_visible()
    page.evaluate(TWO_FRAMES)  # a chart is drawn anew as soon as its room is known
    box, room = drawing.bounding_box(), call.bounding_box()
    assert box is not None
    assert room is not None
    assert box["width"] <= room["width"]
    call.get_by_role("button", name="Table", exact=True).click()
    expect(call.get_by_role("columnheader", name="tasks")).to_be_visible()


def test_a_good_answers_statement_is_shown_kept_and_asked_for_again(page: Page, site: Site) -> None:
    call = opened(page)
    expect(call.locator(".code-block code")).to_have_text(SQL)
    expect(call.locator(".hljs-keyword").first).to_have_text("SELECT")
    expect(call.get_by_role("button", name="Copy SQL")).to_be_visible()
    expect(call.locator(".parameters")).to_contain_text(":since2026-01-01")

    path = f"/v1/calls/{CALL}/kept"
    taken = {"code": "conflict", "message": "There is a query called open_tasks already."}
    site.orchestrator.answers["PUT", path] = (409, {"error": {**taken, "retryable": False}})
    call.get_by_role("button", name="Save query").click()
    call.get_by_label("Title").fill("Open tasks")
    call.get_by_role("button", name="Save", exact=True).click()
    expect(call.get_by_text(taken["message"])).to_be_visible()

    name = "open_tasks_by_project"
    kept = {"call_id": CALL, "name": name, "text": "It takes :since."}
    site.orchestrator.answers["PUT", path] = (200, kept)
    call.get_by_label("Title").fill("Open tasks by project")
    call.get_by_label("Title").press("Enter")
    expect(call.get_by_text(f"Saved as {name}.")).to_be_visible()
    wish = {"name": name, "title": "Open tasks by project"}
    assert site.orchestrator.last("PUT", path).body == wish
    call.get_by_role("button", name=f"Run the saved query {name}.").click()
    expect(page.get_by_placeholder("Ask, or say what to do")).to_have_value(
        f"Run the saved query {name}."
    )
