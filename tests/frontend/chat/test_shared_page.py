"""The page that a share link opens, as anybody meets it."""

from typing import Any

import pytest
from support.fake_orchestrator import FakeOrchestrator
from support.frontend_site import Browser

from frontend.app import Application

TOKEN = "Zm9yLWFueWJvZHktd2hvLWhhcy1pdA"
SHARED = {
    "title": "Plans <b>",
    "shared_at": "2026-11-21T09:30:00Z",
    "messages": [
        {"role": "person", "text": "What is <i>open</i>?", "at": "2026-11-21T09:29:00Z"},
        {"role": "assistant", "text": "**Two** <script>", "at": "2026-11-21T09:29:30Z"},
    ],
}


def test_anybody_reads_what_is_shared_as_text_and_as_nobody(
    visitor: Browser, orchestrator: FakeOrchestrator
) -> None:
    orchestrator.shared[TOKEN] = SHARED

    answer = visitor.get(f"/shared/{TOKEN}")

    assert answer.status_code == 200
    assert "Plans &lt;b&gt;" in answer.text
    assert "What is &lt;i&gt;open&lt;/i&gt;?" in answer.text
    assert "**Two** &lt;script&gt;" in answer.text
    assert "21 November 2026, 09:30 UTC" in answer.text
    caller = orchestrator.received[-1].caller
    assert (caller.subject, caller.tenant, caller.roles) == ("visitor", "visitors", {"visitor"})


def test_what_an_answer_cites_is_listed_without_its_words(
    visitor: Browser, orchestrator: FakeOrchestrator
) -> None:
    passage = {
        "id": "aaaaaaaaaa",
        "document_id": "d1",
        "title": "Handbook <b>",
        "page": 3,
        "headings": ["Leave", "Holidays & more"],
        "start": 0,
        "end": 9,
        "quote": "The words of the passage",
        "curated": True,
    }
    answer = {"role": "assistant", "text": "30.[^aaaaaaaaaa]", "at": SHARED["shared_at"]}
    messages = [SHARED["messages"][0], {**answer, "passages": [passage]}]
    orchestrator.shared[TOKEN] = {**SHARED, "messages": messages}

    page = visitor.get(f"/shared/{TOKEN}").text

    assert "1 source" in page
    assert "Handbook &lt;b&gt;" in page
    assert "page 3, Holidays &amp; more" in page
    assert "Answer by your organisation" in page
    assert 'href="/knowledge#passage=aaaaaaaaaa"' in page
    assert "The words of the passage" not in page


def test_the_reader_who_is_signed_in_stays_out_of_it(
    owner: Browser, orchestrator: FakeOrchestrator
) -> None:
    orchestrator.shared[TOKEN] = SHARED

    page = owner.get(f"/shared/{TOKEN}")

    assert orchestrator.received[-1].caller.subject == "visitor"
    assert "Ada" not in page.text
    assert "csrf" not in page.text


@pytest.mark.parametrize("token", [TOKEN, "withdrawn-or-never-made"])
def test_the_page_leaves_no_traces(
    visitor: Browser, orchestrator: FakeOrchestrator, token: str
) -> None:
    orchestrator.shared[TOKEN] = SHARED

    headers = visitor.get(f"/shared/{token}").headers

    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["X-Robots-Tag"] == "noindex, nofollow"
    assert headers["Cache-Control"] == "no-store"
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert "connect-src" not in headers["Content-Security-Policy"]
    assert "Set-Cookie" not in headers


def test_an_unknown_link_is_told_in_words(visitor: Browser) -> None:
    answer = visitor.get("/shared/withdrawn-or-never-made")

    assert answer.status_code == 404
    assert "There is no shared conversation" in answer.text


@pytest.mark.parametrize("answered", [{}, {**SHARED, "messages": "none"}])
def test_what_is_no_conversation_is_not_shown(
    visitor: Browser, orchestrator: FakeOrchestrator, answered: dict[str, Any]
) -> None:
    orchestrator.shared[TOKEN] = answered

    assert visitor.get(f"/shared/{TOKEN}").status_code == 502


def test_who_tries_links_without_end_has_to_wait(
    application: Application, visitor: Browser
) -> None:
    most = application.parts.settings.shared_reads_a_minute

    answers = [visitor.get(f"/shared/guess-{number}") for number in range(most + 1)]

    assert {answer.status_code for answer in answers[:most]} == {404}
    assert answers[-1].status_code == 429
    assert int(answers[-1].headers["Retry-After"]) >= 1
    assert "Try again in" in answers[-1].text
