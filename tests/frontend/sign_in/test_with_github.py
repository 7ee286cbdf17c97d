"""Signing in with GitHub, which has no ID tokens: its API is asked."""

from typing import Any

import pytest
from support.frontend_site import Browser
from support.sign_in import is_signed_in, person_row, sign_in_with, someone_else
from support.sign_in_providers import GitHub

from frontend.app import Application


@pytest.fixture
def changes(hub: GitHub, client: dict[str, Any]) -> dict[str, Any]:
    config = {
        "kind": "github",
        "issuer": hub.url,
        "api": f"{hub.url}/api",
        "newcomers": "own_organisation",
        **client,
    }
    return {"oidc_providers": {"github": config}}


def test_the_primary_verified_address_counts(
    application: Application, visitor: Browser, hub: GitHub
) -> None:
    assert "Sign in with GitHub" in visitor.get("/sign-in").text
    assert sign_in_with(visitor, "github").location == "/"
    assert person_row(application, "grace@example.org") is not None

    hub.emails = [{"email": "new@example.org", "verified": True, "primary": True}]
    again = someone_else(application)
    sign_in_with(again, "github")
    assert "grace@example.org" in again.get("/account").text, "its number says who they are"


@pytest.mark.parametrize(
    "emails",
    [
        [{"email": "grace@example.org", "verified": False, "primary": True}],
        [{"email": "grace@example.org", "primary": True}],
        [{"email": "grace@example.org", "verified": "true", "primary": True}],
        [],
        [{"email": 7, "verified": True}, "nonsense"],
    ],
)
def test_addresses_that_are_not_verified_are_not_taken(
    application: Application, visitor: Browser, hub: GitHub, emails: list[Any]
) -> None:
    hub.emails = emails

    assert sign_in_with(visitor, "github").location.startswith("/sign-in/unknown")
    assert not is_signed_in(visitor)
    assert person_row(application, "grace@example.org") is None


@pytest.mark.parametrize("person", [{}, {"id": "583231"}, {"id": True}])
def test_a_person_without_a_number_is_nobody(
    visitor: Browser, hub: GitHub, person: dict[str, Any]
) -> None:
    hub.person = person

    assert sign_in_with(visitor, "github").status_code == 400


def test_a_code_that_github_does_not_know_is_refused(visitor: Browser) -> None:
    answer = visitor.get("/sign-in/from/github?code=made-up&state=made-up")
    assert answer.status_code == 400
