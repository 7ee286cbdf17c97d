"""People who were invited and have no account make one with a provider, which need not bring anybody by itself."""

from typing import Any

import pytest
from support.frontend_site import Browser, json_of
from support.mail_sink import MailSink
from support.organisation import World
from support.sign_in import events, go_to_provider, person_row, sign_in_with
from support.sign_in_providers import OidcProvider
from werkzeug.test import TestResponse

from frontend.sign_in.identities import Identity, find_identity

GRACE = "grace@example.org"
CHOSEN = {"name": "Grace Hopper", "email": GRACE, "elsewhere": "yes"}


@pytest.fixture
def changes(provider: OidcProvider, mails: MailSink, client: dict[str, Any]) -> dict[str, Any]:
    acme = {"label": "Acme", "issuer": provider.url, "trusted_domains": ["example.org"], **client}
    strict = {"issuer": provider.url, **client}
    return {
        "oidc_providers": {"acme": acme, "strict": strict},
        "smtp_url": mails.url,
        "sign_in_burst": 20,
    }


def invitation(world: World, **wish: Any) -> str:
    """The path of a new one's link."""
    path = f"/api/tenants/{world.acme}/invitations"
    made = json_of(world.program("ada").call("POST", path, wish))
    return "/invitation/" + made["link"].rpartition("/")[2]


def come_back(browser: Browser, path: str, name: str = "acme") -> TestResponse:
    """From the provider, to which the invitation's page has led."""
    assert f"/sign-in/with/{name}?next={path}" in browser.get(path).text
    answer = sign_in_with(browser, f"{name}?next={path}")
    assert answer.location == path
    return browser.get(path)


def test_they_are_asked_and_then_in_with_the_providers_verified_address(
    world: World, provider: OidcProvider
) -> None:
    path, visitor = invitation(world, role="support"), world.visitor()
    page = come_back(visitor, path).text
    assert "You came back from Acme as" in page
    assert 'type="password"' not in page
    assert person_row(world.application, GRACE) is None, "nothing is made before they say so"

    assert visitor.submit(f"{path}/account", CHOSEN, page=path).location == "/"

    row = person_row(world.application, GRACE)
    assert row is not None
    assert (row.is_verified, row.password_hash) == (True, None)
    assert "You are a support here" in visitor.get("/organisation").text
    assert "with Acme" in visitor.get("/account").text
    again = world.visitor()
    assert sign_in_with(again, "acme").location == "/"
    assert len(provider.asked) == 2


def test_an_address_that_the_settings_take_no_word_for_counts_as_typed(world: World) -> None:
    path, visitor = invitation(world), world.visitor()
    come_back(visitor, path, "strict")
    visitor.submit(f"{path}/account", CHOSEN, page=path)

    row = person_row(world.application, GRACE)
    assert row is not None
    assert not row.is_verified


def test_another_address_than_the_providers_counts_as_typed(world: World) -> None:
    path, visitor = invitation(world), world.visitor()
    come_back(visitor, path)
    visitor.submit(f"{path}/account", {**CHOSEN, "email": "ceo@example.org"}, page=path)

    row = person_row(world.application, "ceo@example.org")
    assert row is not None
    assert not row.is_verified


@pytest.mark.parametrize(
    ("claims", "name", "status"),
    [
        ({}, "acme", 303),
        ({}, "strict", 403),
        ({"email_verified": False}, "acme", 403),
        ({"email": "mallory@example.org"}, "acme", 403),
        ({"email": "gr\u0430ce@example.org"}, "acme", 403),
    ],
)
def test_an_invitation_for_an_address_is_for_whom_the_provider_vouches_with_that_address(
    world: World, provider: OidcProvider, claims: dict[str, Any], name: str, status: int
) -> None:
    path, visitor = invitation(world, email=GRACE), world.visitor()
    provider.claims = claims
    come_back(visitor, path, name)

    assert visitor.submit(f"{path}/account", CHOSEN, page=path).status_code == status
    assert (person_row(world.application, GRACE) is None) == (status == 403)
    assert bool(events(world.application, "invitation_refused")) == (status == 403)


def test_whoever_reads_its_mail_may_sign_in_with_what_they_like(
    world: World, mails: MailSink, provider: OidcProvider
) -> None:
    invitation(world, email=GRACE)
    mailed = "/invitation/" + mails.text().partition("/invitation/")[2].split()[0]
    provider.claims = {"email": "hopper@private.example"}
    visitor = world.visitor()
    come_back(visitor, mailed)

    assert visitor.submit(f"{mailed}/account", CHOSEN, page=mailed).location == "/"
    row = person_row(world.application, GRACE)
    assert row is not None
    assert row.is_verified


def test_somebody_who_has_an_account_connects_it_and_comes_back_to_the_invitation(
    world: World,
) -> None:
    path, visitor = invitation(world), world.visitor()
    come_back(visitor, path)
    taken = {**CHOSEN, "email": "otto@example.org"}
    refused = visitor.submit(f"{path}/account", taken, page=path)
    assert (refused.status_code, "Sign in with it" in refused.text) == (409, True)
    hash_of = world.application.parts.passwords.hash("a long password")
    with world.application.parts.database.transaction() as session:
        row = person_row(world.application, "otto@example.org")
        assert row is not None
        session.merge(row).password_hash = hash_of

    form = {"email": "otto@example.org", "password": "a long password", "next": path}
    assert visitor.submit("/sign-in", form).location == "/account/connect"
    yes = visitor.submit("/account/connect", {"answer": "yes"}, page="/account/connect")

    assert yes.location == path
    assert "Join as Otto" in visitor.get(path).text


def test_what_was_connected_meanwhile_makes_no_second_account(world: World) -> None:
    first, second = (invitation(world) for _ in range(2))
    ahead, behind = world.visitor(), world.visitor()
    come_back(ahead, first)
    come_back(behind, second)
    ahead.submit(f"{first}/account", CHOSEN, page=first)

    other = {**CHOSEN, "email": "other@example.org"}
    assert behind.submit(f"{second}/account", other, page=second).status_code == 409
    assert person_row(world.application, "other@example.org") is None


def test_without_a_sign_in_elsewhere_an_account_needs_a_password(world: World) -> None:
    path, visitor = invitation(world), world.visitor()

    assert visitor.submit(f"{path}/account", CHOSEN, page=path).status_code == 422
    assert person_row(world.application, GRACE) is None


def test_a_password_can_be_chosen_instead(world: World, provider: OidcProvider) -> None:
    path, visitor = invitation(world), world.visitor()
    come_back(visitor, path)
    assert 'type="password"' in visitor.get(f"{path}?password").text
    form = {"name": "Grace", "email": GRACE, "password": "a long password"}
    visitor.submit(f"{path}/account", form, page=path)

    with world.application.parts.database.transaction() as session:
        assert find_identity(session, Identity("acme", provider.url, "248289")) is None


def test_without_an_invitation_the_provider_still_brings_nobody(world: World) -> None:
    visitor = world.visitor()
    gone = "/invitation/never-made"
    assert visitor.get(go_to_provider(visitor, f"acme?next={gone}")).location == gone
    assert visitor.submit(f"{gone}/account", CHOSEN, page="/sign-in").status_code == 410
    assert person_row(world.application, GRACE) is None
