"""The page's JSON calls, and what becomes of them at the orchestrator."""

from typing import Any

import pytest
from support.fake_orchestrator import FakeFile, FakeOrchestrator
from support.frontend_site import Browser, json_of

from frontend.accounts.queries import find_owner
from frontend.app import Application

CONVERSATION = "conversation-1"


def owner_id(application: Application) -> str:
    with application.parts.database.transaction() as session:
        owner = find_owner(session)
    assert owner is not None
    return owner.person_id


def have_conversation(fake: FakeOrchestrator, person_id: str) -> dict[str, Any]:
    conversation = {
        "conversation_id": CONVERSATION,
        "title": "Plans",
        "created_at": "2026-11-21T09:00:00Z",
        "updated_at": "2026-11-21T09:00:00Z",
        "temporary": False,
    }
    fake.conversations[CONVERSATION] = (person_id, conversation)
    return conversation


def test_calls_are_made_in_the_persons_name(
    application: Application, owner: Browser, orchestrator: FakeOrchestrator
) -> None:
    orchestrator.answers["GET", "/v1/about"] = (200, {"model": "demo", "is_demo": True})

    assert owner.get("/api/about").json == {"model": "demo", "is_demo": True}

    request = orchestrator.last("GET", "/v1/about")
    assert request.caller.subject == owner_id(application)
    assert request.caller.roles == {"owner"}
    assert request.caller.scopes == {"chat"}
    assert len(request.request_id) == 32


def test_conversations_are_listed_read_renamed_and_deleted(
    application: Application, owner: Browser, orchestrator: FakeOrchestrator
) -> None:
    conversation = have_conversation(orchestrator, owner_id(application))
    path = f"/api/conversations/{CONVERSATION}"

    assert owner.get("/api/conversations").json == {
        "conversations": [conversation],
        "next_before": None,
    }
    assert json_of(owner.get(path))["title"] == "Plans"
    assert json_of(owner.call("PATCH", path, {"title": "Better plans"}))["title"] == "Better plans"
    assert owner.call("DELETE", path).status_code == 204
    assert owner.get(path).status_code == 404


def test_somebody_elses_conversation_is_like_none(
    owner: Browser, orchestrator: FakeOrchestrator
) -> None:
    have_conversation(orchestrator, "somebody-else")

    theirs = owner.get(f"/api/conversations/{CONVERSATION}")
    nobodys = owner.get("/api/conversations/conversation-2")

    assert (theirs.status_code, theirs.json) == (nobodys.status_code, nobodys.json)
    assert theirs.status_code == 404


@pytest.mark.parametrize("status", [404, 409, 422, 429, 500, 502, 503])
def test_errors_of_the_orchestrator_are_passed_on(
    owner: Browser, orchestrator: FakeOrchestrator, status: int
) -> None:
    error = {
        "error": {
            "code": "conflict",
            "message": "Too late.",
            "retryable": True,
            "details": {"winner": "Ada"},
        }
    }
    orchestrator.answers["POST", "/v1/calls/call-1/preview"] = (status, error)

    answer = owner.call("POST", "/api/calls/call-1/preview", {"arguments": {}})

    assert (answer.status_code, answer.json) == (status, error)


def test_a_person_is_not_signed_out_because_the_orchestrator_does_not_believe_us(
    owner: Browser, orchestrator: FakeOrchestrator
) -> None:
    error = {"error": {"code": "not_signed_in", "message": "Who?", "retryable": False}}
    orchestrator.answers["GET", "/v1/about"] = (401, error)

    answer = owner.get("/api/about")

    assert answer.status_code == 503
    assert json_of(answer)["error"]["code"] == "unavailable"


def test_while_the_orchestrator_is_away_the_page_opens_and_calls_say_so(
    application: Application, owner: Browser, orchestrator: FakeOrchestrator
) -> None:
    assert application.parts.settings.orchestrator_url is not None
    orchestrator.stop()
    try:
        assert owner.get("/").status_code == 200
        assert owner.get("/ready").status_code == 200
        answer = owner.get("/api/about")
    finally:
        orchestrator.start()

    assert answer.status_code == 503
    assert json_of(answer)["error"] == {
        "code": "unavailable",
        "message": "The assistant cannot be reached right now. Try again in a moment.",
        "retryable": True,
    }


def test_connections_are_kept_and_a_closed_one_is_replaced(
    owner: Browser, orchestrator: FakeOrchestrator
) -> None:
    orchestrator.answers["GET", "/v1/about"] = (200, {})
    for _ in range(3):
        assert owner.get("/api/about").status_code == 200
    assert len({request.connection for request in orchestrator.received}) == 1

    orchestrator.close_connections()

    assert owner.get("/api/about").status_code == 200


def test_earlier_turns_are_asked_for_by_their_position(
    application: Application, owner: Browser, orchestrator: FakeOrchestrator
) -> None:
    have_conversation(orchestrator, owner_id(application))

    owner.get(f"/api/conversations/{CONVERSATION}?before=51")

    assert orchestrator.last("GET", f"/v1/conversations/{CONVERSATION}").query == {"before": "51"}


def test_another_version_is_shown_as_the_orchestrator_answers_it(
    application: Application, owner: Browser, orchestrator: FakeOrchestrator
) -> None:
    have_conversation(orchestrator, owner_id(application))
    turn = {"turn_id": "turn-2", "versions": ["turn-1", "turn-2"]}
    orchestrator.versions["turn-2"] = [turn]
    path = f"/api/conversations/{CONVERSATION}/head"

    assert json_of(owner.call("PUT", path, {"turn_id": "turn-2"}))["turns"] == [turn]
    assert owner.call("PUT", path, {"turn_id": "turn-9"}).status_code == 404


def test_messages_are_searched_with_whatever_was_typed(
    owner: Browser, orchestrator: FakeOrchestrator
) -> None:
    orchestrator.found.append({"conversation_id": CONVERSATION, "turn_id": "turn-1"})

    answer = owner.get("/api/search", query_string={"q": "a & b = ü?"})

    assert json_of(answer)["hits"] == orchestrator.found
    assert orchestrator.last("GET", "/v1/search").query == {"q": "a & b = ü?", "limit": "20"}


def test_an_export_is_a_file_under_its_name(
    application: Application, owner: Browser, orchestrator: FakeOrchestrator
) -> None:
    have_conversation(orchestrator, owner_id(application))
    content, disposition = "# Pläne\n".encode(), 'attachment; filename="plans.md"'
    orchestrator.files["markdown"] = FakeFile(content, "text/markdown; charset=utf-8", disposition)
    path = f"/api/conversations/{CONVERSATION}/export"

    file = owner.get(f"{path}?format=markdown")

    assert (file.data, file.headers["Content-Disposition"]) == (content, disposition)
    assert file.headers["Content-Type"] == "text/markdown; charset=utf-8"
    assert file.headers["X-Content-Type-Options"] == "nosniff"
    refused = owner.get(f"{path}?format=exe")
    assert (refused.status_code, json_of(refused)["error"]["code"]) == (422, "invalid_input")


def test_the_whole_of_a_large_result_is_a_file(
    owner: Browser, orchestrator: FakeOrchestrator
) -> None:
    orchestrator.answers["GET", "/v1/calls/call-1/result"] = (200, {"rows": [[1], [2]]})

    file = owner.get("/api/calls/call-1/result")

    assert json_of(file) == {"rows": [[1], [2]]}
    assert file.headers["Content-Disposition"].startswith("attachment")
    assert owner.get("/api/calls/call-2/result").status_code == 404


def test_a_call_is_kept_under_the_name_that_was_asked_for(
    owner: Browser, orchestrator: FakeOrchestrator
) -> None:
    kept = {"call_id": "call-1", "name": "open_tasks", "text": "Kept."}
    taken = {"error": {"code": "conflict", "message": "Taken.", "retryable": False}}
    orchestrator.answers["PUT", "/v1/calls/call-1/kept"] = (200, kept)
    orchestrator.answers["PUT", "/v1/calls/call-2/kept"] = (409, taken)
    wish = {"name": "open_tasks", "title": "Open tasks"}

    answer = owner.call("PUT", "/api/calls/call-1/kept", wish)
    refused = owner.call("PUT", "/api/calls/call-2/kept", wish)

    assert (answer.status_code, answer.json) == (200, kept)
    assert orchestrator.last("PUT", "/v1/calls/call-1/kept").body == wish
    assert (refused.status_code, refused.json) == (409, taken)


def test_a_conversation_is_shared_and_the_link_withdrawn(
    application: Application, owner: Browser, orchestrator: FakeOrchestrator
) -> None:
    have_conversation(orchestrator, owner_id(application))
    path = f"/api/conversations/{CONVERSATION}/share"

    assert owner.get(path).status_code == 404
    made = owner.call("PUT", path)
    assert json_of(made)["token"] == f"token-of-{CONVERSATION}"
    assert owner.get(path).json == made.json
    assert owner.call("DELETE", path).status_code == 204
    assert owner.get(path).status_code == 404


@pytest.mark.parametrize("body", [None, [], "text", 1])
def test_what_is_no_object_is_refused(owner: Browser, body: Any) -> None:
    answer = owner.call("PATCH", f"/api/conversations/{CONVERSATION}", body)

    assert answer.status_code == 422
    assert json_of(answer)["error"]["code"] == "invalid_input"


def test_an_id_cannot_lead_to_another_address(
    owner: Browser, orchestrator: FakeOrchestrator
) -> None:
    owner.get("/api/conversations/..%2F..%2Fadmin%3Fx=1")

    assert [request.path for request in orchestrator.received] in (
        [],
        ["/v1/conversations/..%2F..%2Fadmin%3Fx%3D1"],
    )


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/conversations"),
        ("GET", "/api/about"),
        ("GET", "/api/tools"),
        ("GET", "/api/search?q=plans"),
        ("GET", "/api/conversations/c-1/export?format=json"),
        ("GET", "/api/conversations/c-1/share"),
        ("PUT", "/api/conversations/c-1/share"),
        ("DELETE", "/api/conversations/c-1/share"),
        ("PUT", "/api/conversations/c-1/head"),
        ("PATCH", "/api/conversations/c-1"),
        ("PUT", "/api/calls/call-1/kept"),
        ("PUT", "/api/tools/dbquery/query/acceptance"),
    ],
)
def test_who_is_signed_out_gets_nothing(
    visitor: Browser, orchestrator: FakeOrchestrator, method: str, path: str
) -> None:
    answer = visitor.call(method, path, {})

    assert answer.status_code == 401
    assert json_of(answer)["error"]["code"] == "not_signed_in"
    assert orchestrator.received == []


@pytest.mark.parametrize("path", ["head", "share"])
def test_what_changes_something_needs_the_pages_token(
    owner: Browser, orchestrator: FakeOrchestrator, path: str
) -> None:
    answer = owner.client.put(f"/api/conversations/{CONVERSATION}/{path}", json={})

    assert answer.status_code == 403
    assert orchestrator.received == []


def test_the_page_of_any_conversation_opens(owner: Browser) -> None:
    page = owner.get("/c/whatever-this-is")

    assert page.status_code == 200
    assert 'data-controller="chat"' in page.text


def test_the_public_keys_are_public_only(browser: Browser) -> None:
    (key,) = json_of(browser.get("/.well-known/jwks.json"))["keys"]

    assert key["kty"] == "OKP"
    assert "d" not in key
