"""Decisions, answers and standing approvals: what the page's calls become at the orchestrator."""

from typing import Any

import pytest
from support.fake_orchestrator import FakeOrchestrator
from support.frontend_site import Browser, Site, json_of

CALL, INPUT, GRANT = "call-1", "input-1", "grant-1"

PASSED_ON = [
    ("PUT", f"calls/{CALL}/decision", {"decision": "approve", "grant": {"lifetime_s": 3600}}),
    ("PUT", f"calls/{CALL}/outcome", {"choice": "check"}),
    ("PUT", f"inputs/{INPUT}", {"action": "accept", "content": {"release": None, "n": 1}}),
    ("POST", "decisions", {"decisions": [{"call_id": CALL, "decision": "reject"}]}),
]


@pytest.mark.parametrize(("method", "path", "body"), PASSED_ON)
def test_what_the_person_says_arrives_unchanged_and_so_does_the_answer(
    owner: Browser, orchestrator: FakeOrchestrator, method: str, path: str, body: dict[str, Any]
) -> None:
    orchestrator.answers[method, f"/v1/{path}"] = (200, {"call_id": CALL, "text": "Not yet."})

    answer = owner.call(method, f"/api/{path}", body)

    assert (answer.status_code, answer.json) == (200, {"call_id": CALL, "text": "Not yet."})
    assert orchestrator.last(method, f"/v1/{path}").body == body


@pytest.mark.parametrize(("method", "path", "body"), PASSED_ON)
@pytest.mark.parametrize("status", [404, 409, 422])
def test_why_it_did_not_count_is_passed_on(
    owner: Browser,
    orchestrator: FakeOrchestrator,
    method: str,
    path: str,
    body: dict[str, Any],
    status: int,
) -> None:
    error = {"error": {"code": "conflict", "message": "Grace was first.", "retryable": False}}
    orchestrator.answers[method, f"/v1/{path}"] = (status, error)

    answer = owner.call(method, f"/api/{path}", body)

    assert (answer.status_code, answer.json) == (status, error)


@pytest.mark.parametrize("name", ["approvals", "grants"])
def test_lists_are_read_in_the_order_of_their_arguments(
    owner: Browser, orchestrator: FakeOrchestrator, name: str
) -> None:
    listed = {name: [{"arguments": {"to": "bob", "body": "Hello", "a": 1}}]}
    orchestrator.answers["GET", f"/v1/{name}"] = (200, listed)

    answer = owner.get(f"/api/{name}")

    assert answer.json == listed
    assert answer.text.index('"to"') < answer.text.index('"body"') < answer.text.index('"a"')


def test_a_standing_approval_is_withdrawn(owner: Browser, orchestrator: FakeOrchestrator) -> None:
    orchestrator.answers["DELETE", f"/v1/grants/{GRANT}"] = (204, {})

    assert owner.call("DELETE", f"/api/grants/{GRANT}").status_code == 204
    assert orchestrator.last("DELETE", f"/v1/grants/{GRANT}").body == {}


@pytest.mark.parametrize(
    ("method", "path"),
    [
        *((method, f"/api/{path}") for method, path, _ in PASSED_ON),
        ("GET", "/api/approvals"),
        ("GET", "/api/grants"),
        ("DELETE", f"/api/grants/{GRANT}"),
    ],
)
def test_who_is_signed_out_decides_nothing(
    visitor: Browser, orchestrator: FakeOrchestrator, method: str, path: str
) -> None:
    answer = visitor.call(method, path, {})

    assert answer.status_code == 401
    assert json_of(answer)["error"]["code"] == "not_signed_in"
    assert orchestrator.received == []


@pytest.mark.parametrize(("method", "path", "body"), PASSED_ON)
def test_another_sites_page_cannot_decide(
    owner: Browser, orchestrator: FakeOrchestrator, method: str, path: str, body: dict[str, Any]
) -> None:
    answer = owner.client.open(f"/api/{path}", method=method, json=body)

    assert answer.status_code == 403
    assert orchestrator.received == []


@pytest.mark.parametrize("name", ["approvals", "grants"])
def test_the_pages_open_for_those_who_are_signed_in(owner: Browser, name: str) -> None:
    page = owner.get(f"/{name}")

    assert page.status_code == 200
    assert f'data-controller="{name}"' in page.text
    assert 'aria-current="page"' in page.text


@pytest.mark.parametrize("name", ["approvals", "grants"])
def test_others_are_sent_to_the_sign_in_page_and_back(visitor: Browser, name: str) -> None:
    answer = visitor.get(f"/{name}")

    assert (answer.status_code, answer.location) == (302, f"/sign-in?next=/{name}")


def test_a_yes_for_longer_goes_over_the_socket_as_it_was_meant(site: Site) -> None:
    wish = {"lifetime_s": 3600, "vary": {"task_id": {"anything": True}}}
    path = f"/v1/calls/{CALL}/decision"
    site.orchestrator.answers["PUT", path] = (200, {"decision": "approved"})

    answer = site.shared_page().ask(
        "decide", {"call_id": CALL, "decision": "approve", "grant": wish}
    )

    assert answer["ok"] is True
    body = {"decision": "approve", "note": "", "grant": wish}
    assert site.orchestrator.last("PUT", path).body == body
