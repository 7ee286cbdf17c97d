"""Questions to documents and to the web in natural sentences: what is understood, and what is said of it."""

from collections.abc import Mapping
from datetime import date

import pytest

from demo_model.demo.intents import AskDocuments, Intent, ReadPage, SearchWeb
from demo_model.demo.replies import reply
from demo_model.demo.results import CallResult
from demo_model.demo.toolbox import OfferedTool, Toolbox
from demo_model.demo.understanding import understand

TODAY = date(2026, 11, 21)
TOOLS = Toolbox.of(
    [OfferedTool(f"search__{name}") for name in ("kb_search", "web_search", "fetch_page")]
)
HOLIDAY = "How many days of holiday do I get?"
PASSAGES = [
    {"id": "aaaaaaaaaa", "quote": "Working hours\n\nA full week is 38 hours."},
    {
        "id": "bbbbbbbbbb",
        "quote": "Holiday\n\nYou get 28 days of holiday in a calendar\nyear. Up to 5 days can be taken along.",
    },
]


@pytest.mark.parametrize(
    ("text", "intent"),
    [
        (HOLIDAY, AskDocuments(HOLIDAY)),
        ("What does the handbook say about overtime?", AskDocuments("overtime")),
        ("Search our documents for key cards", AskDocuments("key cards")),
        ("What does E1042 mean?", AskDocuments("What does E1042 mean?")),
        ("Search the web for ferry timetables", SearchWeb("ferry timetables")),
        ("Could you please search the internet for “tide tables”?", SearchWeb("tide tables")),
        ("Read https://example.org/a?b=1", ReadPage("https://example.org/a?b=1")),
    ],
)
def test_a_lookup_is_understood(text: str, intent: Intent) -> None:
    assert understand(text) == (intent,)


@pytest.mark.parametrize(
    "text",
    ["How many open bugs are there?", "List tasks of Harbor", "Read my latest mail", "Hello"],
)
def test_other_things_are_no_lookup(text: str) -> None:
    kinds = AskDocuments | SearchWeb | ReadPage
    assert not any(isinstance(one, kinds) for one in understand(text))


def test_the_sentence_that_answers_is_cited() -> None:
    [call] = reply([HOLIDAY], [], TOOLS, TODAY).calls
    assert (call.name, call.arguments) == ("search__kb_search", {"query": HOLIDAY})
    found = _told("kb_search", {"found": True, "passages": PASSAGES})
    said = reply([HOLIDAY], [found], TOOLS, TODAY).text
    assert said == "You get 28 days of holiday in a calendar year.[^bbbbbbbbbb]"


def test_a_heading_that_asks_is_no_answer() -> None:
    question = "What does the handbook say about llamas on the roof?"
    quote = f"{question}\n\nThey may stand there on Fridays only."
    found = _told("kb_search", {"found": True, "passages": [{"id": "cccccccccc", "quote": quote}]})
    said = reply([question], [found], TOOLS, TODAY).text
    assert said == "They may stand there on Fridays only.[^cccccccccc]"


def test_nothing_found_is_said() -> None:
    said = reply([HOLIDAY], [_told("kb_search", {"found": False, "passages": []})], TOOLS, TODAY)
    assert "do not answer that" in said.text


def test_pages_found_and_a_page_read() -> None:
    results = [{"title": "Tides <b>", "url": "https://example.org/"}]
    found = _told("web_search", {"results": results})
    said = reply(["Search the web for tides"], [found], TOOLS, TODAY).text
    assert "1. Tides \\<b>" in said
    assert "https://example.org/" in said
    read = _told("fetch_page", {"title": "Tides", "text": "High\n<i>low</i>"})
    said = reply(["Read https://example.org/"], [read], TOOLS, TODAY).text
    assert "> High\n> \\<i>low" in said


def test_without_a_tool_it_is_said() -> None:
    assert "no tool for documents" in reply([HOLIDAY], [], Toolbox.of([]), TODAY).text


def _told(tool: str, result: Mapping[str, object]) -> CallResult:
    return CallResult(tool, {}, {"status": "succeeded", "result": dict(result)})
