"""The page's calls for documents: passed on as they are, uploads within bounds, files never as pages of ours."""

from typing import Any

import pytest
from support.fake_orchestrator import FakeFile, FakeOrchestrator
from support.frontend_site import Browser, csrf_token, json_of
from werkzeug.test import TestResponse

from frontend.chat.knowledge_api import MAX_DOCUMENT_BYTES

READS = {
    "knowledge": {},
    "knowledge/collections": {},
    "knowledge/documents": {"collection_id": "c&1", "name": "50 % & más", "cursor": "a=b"},
    "knowledge/gaps": {"state": "open"},
    "knowledge/passages/aaaaaaaaaa": {},
}
CHANGES: list[tuple[str, str, Any]] = [
    ("POST", "knowledge/collections", {"name": "Handbook"}),
    ("PATCH", "knowledge/collections/c1", {"name": "Manual"}),
    ("DELETE", "knowledge/collections/c1", None),
    ("PATCH", "knowledge/documents/d1", {"access": []}),
    ("POST", "knowledge/documents/d1/cancel", None),
    ("DELETE", "knowledge/documents/d1", None),
    ("POST", "knowledge/gaps/g1/answer", {"answer": "Thirty days."}),
    ("PUT", "knowledge/answers/d1", {"question": "How long?", "answer": "A month."}),
    ("POST", "knowledge/gaps/g1/dismiss", None),
]
DOCUMENTS = "/v1/knowledge/documents"
OCTETS = "application/octet-stream"


def put(browser: Browser, content: bytes, **options: Any) -> TestResponse:
    """What the page does with a chosen file."""
    token = csrf_token(browser.get("/").text)
    headers = {"X-CSRFToken": token, **options.pop("headers", {})}
    return browser.client.put(
        "/api/knowledge/documents",
        data=content,
        headers=headers,
        **{"content_type": OCTETS, **options},
    )


@pytest.mark.parametrize("path", READS)
def test_a_look_reaches_the_orchestrator_as_it_is_and_so_does_the_answer(
    owner: Browser, orchestrator: FakeOrchestrator, path: str
) -> None:
    orchestrator.answers["GET", f"/v1/{path}"] = (200, {"said": ["this"]})
    answer = owner.get(f"/api/{path}", query_string=READS[path])
    assert (answer.status_code, answer.json) == (200, {"said": ["this"]})
    assert orchestrator.last("GET", f"/v1/{path}").query == READS[path]


@pytest.mark.parametrize(("method", "path", "body"), CHANGES)
def test_a_change_reaches_the_orchestrator_with_the_pages_token_only(
    owner: Browser, orchestrator: FakeOrchestrator, method: str, path: str, body: Any
) -> None:
    orchestrator.answers[method, f"/v1/{path}"] = (200, {"id": "x"})
    refused = owner.client.open(f"/api/{path}", method=method, json=body)
    assert refused.status_code == 403
    assert orchestrator.received == []

    answer = owner.call(method, f"/api/{path}", body)

    assert answer.status_code in {200, 201, 204}
    assert orchestrator.last(method, f"/v1/{path}").body == (body or {})


def test_a_file_is_passed_on_octet_for_octet(
    owner: Browser, orchestrator: FakeOrchestrator
) -> None:
    orchestrator.answers["PUT", DOCUMENTS] = (202, {"document": {"id": "d1"}, "duplicate": False})
    content = bytes(range(256)) * 8_000  # more than other requests may have

    answer = put(
        owner,
        content,
        query_string={"name": "Plan & más.md", "collection": "c1", "access": ["role:a", "role:b"]},
    )

    assert (answer.status_code, json_of(answer)["duplicate"]) == (202, False)
    received = orchestrator.last("PUT", DOCUMENTS)
    assert received.octets == content
    assert received.query["name"] == "Plan & más.md"
    assert received.caller.subject != ""


def test_a_file_without_the_pages_token_is_not_read(
    owner: Browser, orchestrator: FakeOrchestrator
) -> None:
    answer = put(owner, b"x" * 2_000_000, headers={"X-CSRFToken": "another"})
    assert answer.status_code == 403
    assert orchestrator.octets_taken == 0


def test_a_file_beyond_the_limit_is_refused_by_its_length(
    owner: Browser, orchestrator: FakeOrchestrator
) -> None:
    announced = {"CONTENT_LENGTH": str(MAX_DOCUMENT_BYTES + 1)}
    answer = put(owner, b"x", environ_overrides=announced)
    assert answer.status_code == 413
    assert json_of(answer)["error"]["code"] == "limit_exceeded"
    assert "50 MB" in json_of(answer)["error"]["message"]
    assert orchestrator.octets_taken == 0


@pytest.mark.parametrize("kind", ["multipart/form-data; boundary=x", "text/plain", ""])
def test_a_form_is_no_file(owner: Browser, orchestrator: FakeOrchestrator, kind: str) -> None:
    answer = put(owner, b"--x--", content_type=kind)
    assert answer.status_code == 422
    assert "as it is" in json_of(answer)["error"]["message"]
    assert orchestrator.received == []


def test_other_requests_stay_small(owner: Browser, orchestrator: FakeOrchestrator) -> None:
    answer = owner.call("PATCH", "/api/knowledge/documents/d1", {"access": ["x" * 1_100_000]})
    assert answer.status_code == 413
    assert orchestrator.received == []


def test_why_a_file_was_not_taken_is_passed_on(
    owner: Browser, orchestrator: FakeOrchestrator
) -> None:
    error = {"code": "not_allowed", "message": "You may read this.", "retryable": False}
    orchestrator.answers["PUT", DOCUMENTS] = (403, {"error": error})
    answer = put(owner, b"text")
    assert (answer.status_code, json_of(answer)["error"]) == (403, error)


def test_an_original_is_kept_and_never_shown_as_a_page(
    owner: Browser, orchestrator: FakeOrchestrator
) -> None:
    page = b"<script>alert(1)</script>" * 100_000
    disposition = "attachment; filename*=UTF-8''plan.html"
    for said, shown in ((disposition, disposition), ("inline", "attachment")):
        file = FakeFile(page, "text/html", said)
        orchestrator.downloads[f"{DOCUMENTS}/d1/original"] = file
        answer = owner.get("/api/knowledge/documents/d1/original", buffered=True)
        assert (answer.status_code, answer.data) == (200, page)
        assert answer.headers["Content-Disposition"] == shown
        assert "sandbox" in answer.headers["Content-Security-Policy"]
        assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_a_pages_picture_is_a_picture_or_nothing(
    owner: Browser, orchestrator: FakeOrchestrator
) -> None:
    path = "/v1/knowledge/passages/aaaaaaaaaa/page.png"
    orchestrator.downloads[path] = FakeFile(
        b"\x89PNG", "image/png", "inline", {"X-Passage-Mark": "0.1000 0.2000"}
    )
    answer = owner.get("/api/knowledge/passages/aaaaaaaaaa/page.png", buffered=True)
    assert (answer.status_code, answer.mimetype, answer.data) == (200, "image/png", b"\x89PNG")
    assert "Content-Disposition" not in answer.headers
    assert answer.headers["X-Passage-Mark"] == "0.1000 0.2000"
    orchestrator.downloads[path] = FakeFile(b"<svg/>", "image/svg+xml", "inline")
    assert owner.get("/api/knowledge/passages/aaaaaaaaaa/page.png").status_code == 502


@pytest.mark.parametrize(
    "path", ["knowledge/secrets", "knowledge/passages/a/page.svg", "knowledge/gaps/g1/reopen"]
)
def test_nothing_else_is_reached(owner: Browser, orchestrator: FakeOrchestrator, path: str) -> None:
    assert owner.get(f"/api/{path}").status_code in {404, 405}
    assert orchestrator.received == []


def test_an_id_is_one_part_of_a_path(owner: Browser, orchestrator: FakeOrchestrator) -> None:
    owner.get("/api/knowledge/passages/..%3Fx%23y")
    assert orchestrator.received[-1].path == "/v1/knowledge/passages/..%3Fx%23y"


def test_nobody_looks_without_signing_in(visitor: Browser, orchestrator: FakeOrchestrator) -> None:
    assert visitor.get("/knowledge").status_code == 302
    assert {visitor.get(f"/api/{path}").status_code for path in READS} == {401}
    assert orchestrator.received == []


def test_the_page_is_there_and_its_link_waits_for_a_knowledge_base(owner: Browser) -> None:
    page = owner.get("/knowledge").text
    assert 'data-controller="knowledge"' in page
    assert 'data-controller="knowledge-link" aria-current="page" hidden>' in page
    assert 'href="/knowledge" data-controller="knowledge-link" hidden>' in owner.get("/").text
