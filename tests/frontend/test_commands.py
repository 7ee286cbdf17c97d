"""Adding somebody beside the owner, before there is an account page."""

import pytest
from support.fake_orchestrator import FakeOrchestrator
from support.frontend_site import OWNER, Browser, json_of, path_of

from frontend.accounts.queries import find_by_email, find_owner
from frontend.app import Application
from frontend.commands import add_member, make_sign_in_link, new_client_secret
from frontend.oauth_server.clients import registered
from frontend.settings import RegisteredClient
from shared.key_file import rotate_by_command

GRACE = {"email": "grace@example.org", "name": "Grace Hopper", "role": "support"}


def test_somebody_who_is_added_signs_in_by_the_link_into_the_owners_organisation(
    application: Application, visitor: Browser, orchestrator: FakeOrchestrator
) -> None:
    orchestrator.answers["GET", "/v1/approvals"] = (200, {"approvals": []})
    link = path_of(add_member(application.parts.settings, **GRACE))

    assert visitor.submit(link, {}).location == "/"
    assert visitor.get("/api/approvals").json == {"approvals": []}

    caller = orchestrator.last("GET", "/v1/approvals").caller
    with application.parts.database.transaction() as session:
        owner = find_owner(session)
    assert owner is not None
    assert caller.subject != owner.person_id
    assert caller.tenant == owner.tenant_id
    assert caller.roles == {"support"}
    assert "Grace Hopper" in visitor.get("/").text


@pytest.mark.usefixtures("visitor")
def test_an_address_is_given_out_once(application: Application) -> None:
    settings = application.parts.settings
    add_member(settings, **GRACE)

    with pytest.raises(SystemExit, match="account with this address already"):
        add_member(settings, **{**GRACE, "email": " GRACE@example.org", "role": "admin"})
    with pytest.raises(SystemExit, match="account with this address already"):
        add_member(settings, **{**GRACE, "email": OWNER["email"]})

    with application.parts.database.transaction() as session:
        found = find_by_email(session, GRACE["email"])
    assert found is not None
    assert found[0].roles == ("support",)


def test_a_lost_link_is_replaced_by_a_new_one_for_the_same_person(
    application: Application, visitor: Browser
) -> None:
    settings = application.parts.settings
    older = path_of(add_member(settings, **GRACE))
    newer = path_of(make_sign_in_link(settings, "Grace@Example.org"))

    assert visitor.get(older).status_code == 410
    assert visitor.submit(newer, {}).location == "/"
    assert "Grace Hopper" in visitor.get("/").text


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"email": "nobody"}, "not an e-mail address"),
        ({"name": "   "}, "what you are called"),
        ({"name": "x" * 101}, "at most 100"),
    ],
)
@pytest.mark.usefixtures("visitor")
def test_what_cannot_be_an_account_is_refused(
    application: Application, change: dict[str, str], words: str
) -> None:
    with pytest.raises(SystemExit, match=words):
        add_member(application.parts.settings, **{**GRACE, **change})


def test_without_an_owner_nobody_can_be_added(application: Application) -> None:
    with pytest.raises(SystemExit, match="no owner yet"):
        add_member(application.parts.settings, **GRACE)


@pytest.mark.usefixtures("visitor")
def test_a_link_for_nobody_is_refused(application: Application) -> None:
    with pytest.raises(SystemExit, match="Nobody has an account"):
        make_sign_in_link(application.parts.settings, "grace@example.org")


def test_a_rotated_key_is_published_at_once_by_a_running_process(
    application: Application, browser: Browser
) -> None:
    def published() -> list[str]:
        return [key["kid"] for key in json_of(browser.get("/.well-known/jwks.json"))["keys"]]

    before = published()
    told = rotate_by_command(application.parts.settings.key_file, published_before_s=600)
    assert published()[:-1] == before
    assert published()[-1] in told
    assert application.parts.key.key_id == before[0]
    with pytest.raises(ValueError, match="number of seconds"):
        rotate_by_command(application.parts.settings.key_file, published_before_s=-1)


def test_a_client_secret_fits_what_is_kept_of_it() -> None:
    secret, digest = (line.rpartition(" ")[2] for line in new_client_secret().splitlines())
    told = RegisteredClient(name="An agent", secret_sha256=digest)
    assert registered("an-agent", told).check_client_secret(secret)
    assert not registered("an-agent", told).check_client_secret(f"{secret}x")
