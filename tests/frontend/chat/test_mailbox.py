"""The mailbox page's looks: passed on to the orchestrator with their query, and nothing else is."""

import pytest
from support.fake_orchestrator import FakeOrchestrator
from support.frontend_site import Browser, json_of

LOOKS = {
    "mailbox": {},
    "mailbox/folders": {"account": "first-run"},
    "mailbox/mails": {
        "account": "first-run",
        "folder": "Sent & kept",
        "text": "50 % & más",
        "unread": "true",
        "cursor": "a=b",
    },
    "mailbox/mail": {"account": "first-run", "id": "INBOX/1?x#y", "offset": "40000"},
}


@pytest.mark.parametrize("path", LOOKS)
def test_a_look_reaches_the_orchestrator_as_it_is_and_so_does_the_answer(
    owner: Browser, orchestrator: FakeOrchestrator, path: str
) -> None:
    orchestrator.answers["GET", f"/v1/{path}"] = (200, {"accounts": [], "said": "more"})

    answer = owner.get(f"/api/{path}", query_string=LOOKS[path])

    assert (answer.status_code, answer.json) == (200, {"accounts": [], "said": "more"})
    assert orchestrator.last("GET", f"/v1/{path}").query == LOOKS[path]


def test_why_there_is_nothing_to_see_is_passed_on(
    owner: Browser, orchestrator: FakeOrchestrator
) -> None:
    error = {"code": "no_mailbox", "message": "There is no such mailbox.", "retryable": False}
    orchestrator.answers["GET", "/v1/mailbox/folders"] = (404, {"error": error})
    answer = owner.get("/api/mailbox/folders?account=office")
    assert (answer.status_code, json_of(answer)["error"]) == (404, error)


@pytest.mark.parametrize("path", ["mailbox/send", "mailbox/mail/m1", "mailbox/folders/.."])
def test_nothing_else_of_a_mailbox_is_reached(
    owner: Browser, orchestrator: FakeOrchestrator, path: str
) -> None:
    assert owner.get(f"/api/{path}").status_code == 404
    assert orchestrator.received == []


def test_a_mailbox_is_only_looked_into(owner: Browser, orchestrator: FakeOrchestrator) -> None:
    for method in ("POST", "PUT", "DELETE"):
        assert owner.call(method, "/api/mailbox/mail", {}).status_code == 405
    assert orchestrator.received == []


def test_nobody_looks_without_signing_in(visitor: Browser, orchestrator: FakeOrchestrator) -> None:
    assert visitor.get("/mailbox").status_code == 302
    assert {visitor.get(f"/api/{path}").status_code for path in LOOKS} == {401}
    assert orchestrator.received == []


def test_the_page_is_there_and_its_link_waits_for_a_mailbox(owner: Browser) -> None:
    page = owner.get("/mailbox").text
    assert 'data-controller="mailbox"' in page
    assert 'data-controller="mailbox-link" aria-current="page" hidden>' in page
    assert 'href="/mailbox" data-controller="mailbox-link" hidden>' in owner.get("/").text
