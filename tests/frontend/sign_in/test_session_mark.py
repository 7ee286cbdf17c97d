"""The orchestrator's audit learns which sign-in a request came from, and nothing that could be used to take it over."""

import hashlib

import flask
from support.fake_orchestrator import FakeOrchestrator
from support.frontend_site import Browser, path_of

from frontend.app import Application
from frontend.commands import make_sign_in_link
from frontend.sign_in.sessions import KEY


def mark_of(browser: Browser, orchestrator: FakeOrchestrator) -> tuple[str, str]:
    """The mark in the token of a request, and the session's key."""
    with browser.client:
        browser.get("/api/about")
        return orchestrator.last("GET", "/v1/about").caller.session, str(flask.session[KEY])


def test_each_sign_in_has_a_mark_of_its_own_that_is_not_its_key(
    application: Application, owner: Browser, orchestrator: FakeOrchestrator
) -> None:
    elsewhere = Browser(application.flask.test_client())
    elsewhere.submit(path_of(make_sign_in_link(application.parts.settings)), {})

    here, key = mark_of(owner, orchestrator)
    there, _ = mark_of(elsewhere, orchestrator)

    assert here == mark_of(owner, orchestrator)[0]
    assert here != there
    assert here == hashlib.sha256(key.encode()).hexdigest()[:16]
    assert key not in here
