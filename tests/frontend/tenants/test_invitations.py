"""Links that let people join: how often, for whom, until when, and only as long as their maker may invite."""

from collections.abc import Generator
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from pydantic import SecretStr
from support.frontend_site import Browser, json_of
from support.mail_sink import MailSink, mail_sink
from support.organisation import World, at_once, meeting_before, statuses
from werkzeug.test import TestResponse

from frontend.accounts.roles import Role
from frontend.mail import make_mailer
from shared.sql import utc_now

ACCOUNT = {"name": "Grace Hopper", "email": "grace@example.org", "password": "a long password"}


def link(world: World, maker: str = "ada", **wish: Any) -> str:
    """The path of a new invitation's link."""
    body = json_of(
        world.program(maker).call("POST", f"/api/tenants/{world.acme}/invitations", wish)
    )
    return str(body["link"]).partition("8080")[2]


def test_somebody_new_makes_an_account_and_is_in(world: World) -> None:
    path, visitor = link(world, role="support"), world.visitor()

    page = visitor.get(path)
    assert "Join Acme" in page.text
    assert "Ada invites you as support." in page.text
    assert visitor.submit(f"{path}/account", ACCOUNT, page=path).location == "/"

    assert "You are a support here" in visitor.get("/organisation").text
    assert world.visitor().get(path).status_code == 410
    assert world.events()[-1] == "person_joined"


def test_somebody_with_an_account_joins_with_it(world: World) -> None:
    path, otto = link(world), world.browser("otto")
    assert "Join as Otto" in otto.get(path).text
    assert otto.submit(path, {}).location == "/"
    assert "<h1>Acme</h1>" in otto.get("/organisation").text
    again = link(world)
    assert otto.submit(again, {}).status_code == 409
    assert world.visitor().get(again).status_code == 200  # not used up by it


def test_somebody_who_belongs_to_nothing_joins_again(world: World) -> None:
    eve = world.add("eve", Role.MEMBER)
    world.program("ada").call("DELETE", f"/api/users/{eve}")
    browser = world.browser("eve")
    assert browser.submit(link(world), {}).location == "/"
    assert world.role("eve") == "member"


def test_looking_at_it_uses_nothing_up(world: World) -> None:
    path = link(world)
    assert [world.visitor().get(path).status_code for _ in range(3)] == [200] * 3


def test_an_address_that_has_an_account_is_told_to_sign_in(world: World) -> None:
    path, visitor = link(world), world.visitor()
    taken = {**ACCOUNT, "email": "otto@example.org"}
    answer = visitor.submit(f"{path}/account", taken, page=path)
    assert answer.status_code == 409
    assert "There is an account with this address already" in answer.text
    assert visitor.get(path).status_code == 200


@pytest.mark.parametrize(
    "change", [{"email": "nobody"}, {"name": " "}, {"password": "short"}, {"name": "x" * 101}]
)
def test_what_cannot_be_an_account_uses_nothing_up(world: World, change: dict[str, str]) -> None:
    path, visitor = link(world), world.visitor()
    assert visitor.submit(f"{path}/account", {**ACCOUNT, **change}, page=path).status_code == 422
    assert visitor.get(path).status_code == 200


def test_of_two_who_use_the_last_one_at_once_one_joins(either_world: World) -> None:
    world = either_world
    for name in ("eve", "mallory"):
        world.add(name, Role.MEMBER, world.other)
    made = world.program("ada").call("POST", f"/api/tenants/{world.acme}/invitations", {})
    token = json_of(made)["link"].rpartition("/")[2]
    join = [
        partial(world.program(name).call, "POST", "/api/tenants/memberships", {"invitation": token})
        for name in ("eve", "mallory")
    ]
    with meeting_before(world.application.parts.database.engine, "INSERT INTO memberships"):
        assert statuses(at_once(*join)) == [201, 404]
    assert sorted([world.role("eve") or "", world.role("mallory") or ""]) == ["", "member"]


def test_one_for_several_lets_so_many_in(world: World) -> None:
    token = link(world, uses=2).rpartition("/")[2]
    answers: list[TestResponse] = []
    for name in ("eve", "mallory", "trent"):
        world.add(name, Role.MEMBER, world.other)
        answers.append(
            world.program(name).call("POST", "/api/tenants/memberships", {"invitation": token})
        )
    assert [answer.status_code for answer in answers] == [201, 201, 404]


def test_it_ends_when_it_is_withdrawn_when_it_expires_and_when_its_maker_may_not_invite(
    world: World,
) -> None:
    bob = world.add("bob", Role.ADMIN)
    ada, base = world.program("ada"), f"/api/tenants/{world.acme}/invitations"
    withdrawn, expired, lowered = link(world), link(world, lifetime_days=1), link(world, "bob")

    newest = json_of(ada.call("GET", base))["items"][-1]
    assert ada.call("DELETE", f"{base}/{newest['invitation_id']}").status_code == 204
    assert world.visitor().get(withdrawn).status_code == 410

    ada.call("PATCH", f"/api/users/{bob}", {"role": "member"})
    assert world.visitor().get(lowered).status_code == 410
    ada.call("DELETE", f"/api/users/{bob}")
    world.add("bob", Role.ADMIN)
    assert world.visitor().get(lowered).status_code == 410

    assert world.visitor().get(expired).status_code == 200
    object.__setattr__(
        world.application.parts, "now", lambda: utc_now() + timedelta(days=1, minutes=1)
    )
    assert world.visitor().get(expired).status_code == 410


def test_an_admin_cannot_invite_owners(world: World) -> None:
    world.add("bob", Role.ADMIN)
    path = f"/api/tenants/{world.acme}/invitations"
    assert world.program("bob").call("POST", path, {"role": "owner"}).status_code == 403
    assert world.program("ada").call("POST", path, {"role": "owner"}).status_code == 201
    for body in ({"uses": 0}, {"uses": 101}, {"lifetime_days": 31}, {"role": "root"}, {"x": 1}):
        assert world.program("ada").call("POST", path, body).status_code == 422


@pytest.fixture
def mail(world: World) -> Generator[MailSink]:
    parts = world.application.parts
    with mail_sink() as sink:
        settings = parts.settings.model_copy(update={"smtp_url": SecretStr(sink.url)})
        object.__setattr__(parts, "mailer", make_mailer(settings))
        yield sink


def test_one_for_an_address_is_mailed_and_for_whoever_reads_that_mail(
    world: World, mail: MailSink
) -> None:
    shown = link(world, email="Grace@Example.org", uses=5)
    assert mail.last()["To"] == "grace@example.org"
    assert "Ada invites you to join Acme" in mail.text()
    mailed = "/invitation/" + mail.text().partition("/invitation/")[2].split()[0]
    assert shown not in mail.text()
    visitor, other = world.visitor(), world.browser("otto")

    assert other.submit(shown, {}).status_code == 403
    assert other.submit(mailed, {}).status_code == 403
    assert visitor.submit(f"{shown}/account", ACCOUNT, page=shown).status_code == 403
    wrong = {**ACCOUNT, "email": "mallory@example.org"}
    assert visitor.submit(f"{mailed}/account", wrong, page=mailed).status_code == 403
    assert visitor.submit(f"{mailed}/account", ACCOUNT, page=mailed).location == "/"

    found = json_of(world.program("ada").call("GET", "/api/users?q=grace"))["items"]
    assert found[0]["is_verified"] is True
    assert world.visitor().get(mailed).status_code == 410  # good once, whatever was asked for


def test_nobody_is_sent_invitations_without_end(world: World, mail: MailSink) -> None:
    path, wish = f"/api/tenants/{world.acme}/invitations", {"email": "grace@example.org"}
    ada = world.program("ada")
    made = [json_of(ada.call("POST", path, wish))["mailed_to"] for _ in range(7)]
    assert made == ["grace@example.org"] * 6 + [None]
    assert len(mail.mails) == 6
    assert world.events()[-1] == "mail_held_back"


def test_a_reset_sign_in_is_mailed_and_not_shown(world: World, mail: MailSink) -> None:
    eve = world.add("eve", Role.MEMBER)
    reset = json_of(world.program("ada").call("POST", f"/api/users/{eve}/sign-in-reset"))
    assert reset == {"mailed_to": "eve@example.org", "link": None}
    path = "/sign-in/link/" + mail.text().partition("/sign-in/link/")[2].split()[0]
    assert world.visitor().submit(path, {}).status_code == 302


def test_without_mail_there_is_none_for_an_address(world: World) -> None:
    path = f"/api/tenants/{world.acme}/invitations"
    refused = world.program("ada").call("POST", path, {"email": "grace@example.org"})
    assert refused.status_code == 422
    assert "Mail is not set up here" in json_of(refused)["error"]["message"]


@pytest.mark.parametrize("token", ["x", "a" * 5_000, "%00", "..%2f..", "'; DROP TABLE people; --"])
def test_one_that_was_never_made_is_like_one_that_is_gone(world: World, token: str) -> None:
    assert world.visitor().get(f"/invitation/{token}").status_code in {404, 410}


def test_trying_many_is_slowed_down(world: World) -> None:
    path, visitor = link(world), world.visitor()
    answers = [
        visitor.submit(f"{path}/account", {**ACCOUNT, "name": ""}, page=path).status_code
        for _ in range(25)
    ]
    assert (answers[0], answers[-1]) == (422, 429)


def test_the_page_shows_the_link_once_and_lists_and_withdraws(world: World) -> None:
    ada: Browser = world.browser("ada")
    form = {"role": "member", "uses": "3", "days": "7", "email": ""}
    made = ada.submit("/organisation/invitations", form, page="/organisation")
    assert made.status_code == 201
    assert "/invitation/" in made.text
    page = ada.get("/organisation").text
    assert "/organisation/invitations/" in page
    assert "Link of the invitation" not in page
    refused = ada.submit("/organisation/invitations", {**form, "uses": "x"}, page="/organisation")
    assert (refused.status_code, "1 to 100 people" in refused.text) == (422, True)
