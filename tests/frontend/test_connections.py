"""The pages of signing in elsewhere: the way there and back, for whom, and what never shows."""

import pytest
from support.fake_orchestrator import FakeOrchestrator
from support.frontend_site import ORIGIN, Browser, add_person, json_of

from frontend.app import Application

CALLBACK = ("POST", "/v1/connections/callback")
SERVICE = "https://login.notes.example/authorize?state=s1"


def test_the_browser_is_sent_on_from_our_own_pages_only(
    application: Application, owner: Browser, orchestrator: FakeOrchestrator
) -> None:
    orchestrator.answers["POST", "/v1/connections/notes/sign-in"] = (200, {"url": SERVICE})
    path = "/connections/notes/sign-in"
    for site in ("same-origin", "none"):
        sent = owner.get(path, headers={"Sec-Fetch-Site": site})
        assert (sent.status_code, sent.headers["Location"]) == (302, SERVICE)
    for site in ("cross-site", "same-site"):
        assert owner.get(path, headers={"Sec-Fetch-Site": site}).status_code == 403
    nobody = Browser(application.flask.test_client())
    assert nobody.get(path).headers["Location"].startswith("/sign-in?")


def test_what_the_browser_brought_goes_on_and_out_of_the_address(
    owner: Browser, orchestrator: FakeOrchestrator
) -> None:
    orchestrator.answers[CALLBACK] = (200, {"server": "notes", "turns": 1})
    answer = owner.get("/connections/callback?state=s1&code=c1&iss=https://a.example&more=x")
    assert answer.status_code == 303
    assert answer.headers["Location"] == "/connections/signed-in?server=notes"
    request = orchestrator.last(*CALLBACK)
    assert request.body == {"state": "s1", "code": "c1", "iss": "https://a.example"}
    assert len(request.caller.session) == 16
    assert "signed in at “notes”" in owner.get(answer.headers["Location"]).text


@pytest.mark.parametrize("path", ["/connections/callback", "/connections/signed-in?server=<b>"])
def test_addresses_that_say_nothing_are_refused(owner: Browser, path: str) -> None:
    refused = owner.get(path)
    assert refused.status_code == 422
    assert "<b>" not in refused.text


def test_a_refused_answer_is_a_page_in_our_words(
    owner: Browser, orchestrator: FakeOrchestrator
) -> None:
    error = {"code": "sign_in_mixed_up", "message": "Begin it again.", "retryable": False}
    orchestrator.answers[CALLBACK] = (422, {"error": error})
    answer = owner.get("/connections/callback?state=s1&code=the-code")
    assert answer.status_code == 422
    assert "Begin it again." in answer.text
    assert "the-code" not in answer.text


def test_services_find_out_who_we_are(visitor: Browser) -> None:
    document = json_of(visitor.get("/connections/client.json"))
    assert document["client_id"] == f"{ORIGIN}/connections/client.json"
    assert document["redirect_uris"] == [f"{ORIGIN}/connections/callback"]
    assert document["token_endpoint_auth_method"] == "none"


def test_members_manage_their_connections_and_no_servers(
    application: Application, owner: Browser, orchestrator: FakeOrchestrator
) -> None:
    add_person(application.parts.database, "eve@example.org")
    eve = Browser(application.flask.test_client())
    eve.sign_in(email="eve@example.org")
    orchestrator.answers["GET", "/v1/connections"] = (200, {"connections": []})
    orchestrator.answers["DELETE", "/v1/connections/notes"] = (200, {"revoked": True})
    orchestrator.answers["GET", "/v1/servers"] = (200, {"servers": []})
    orchestrator.answers["DELETE", "/v1/servers/notes"] = (204, {})
    assert eve.get("/connections").status_code == 200
    assert eve.get("/api/connections").json == {"connections": []}
    assert eve.call("DELETE", "/api/connections/notes").json == {"revoked": True}
    assert eve.get("/api/servers").status_code == 403
    assert eve.call("POST", "/api/servers", {"name": "x", "url": "y"}).status_code == 403
    assert eve.call("DELETE", "/api/servers/notes").status_code == 403
    assert owner.get("/api/servers").json == {"servers": []}
    assert owner.call("DELETE", "/api/servers/notes").status_code == 204
