"""API keys: shown once, limited by scope and role, and refused from the moment they are revoked."""

import json
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select
from support.fake_orchestrator import FakeOrchestrator
from support.frontend_site import json_of
from support.organisation import Program, World

from frontend.accounts.roles import Role
from frontend.api_keys.models import ApiKeyRow
from frontend.settings import Resource
from shared.logs import redact
from shared.service_tokens import FixedKeys, TokenVerifier
from shared.sql import utc_now

SERVER = "http://127.0.0.1:8091/mcp"


def make(world: World, maker: str = "ada", **wish: Any) -> tuple[str, str]:
    """A key, and its id."""
    body = {"name": "Nightly report", "scopes": ["people:read"], "role": "admin", **wish}
    made = world.program(maker).call("POST", "/api/keys", body)
    assert made.status_code == 201, made.text
    return json_of(made)["key"], json_of(made)["facts"]["key_id"]


def using(world: World, key: str) -> Program:
    return Program(world.application.flask.test_client(), key)


def test_a_key_does_what_its_scopes_and_its_role_allow(
    world: World, orchestrator: FakeOrchestrator
) -> None:
    eve = world.add("eve", Role.MEMBER)
    orchestrator.answers["GET", "/v1/about"] = (200, {})
    reader = using(world, make(world)[0])
    chatter = using(world, make(world, scopes=["chat"], role="member")[0])
    weak = using(world, make(world, role="member")[0])

    assert reader.call("GET", "/api/users").status_code == 200
    assert reader.call("PATCH", f"/api/users/{eve}", {"role": "visitor"}).status_code == 403
    assert reader.call("GET", "/api/about").status_code == 403
    assert weak.call("GET", "/api/users").status_code == 403
    assert chatter.call("GET", "/api/about").status_code == 200
    caller = orchestrator.last("GET", "/v1/about").caller
    assert caller.subject.startswith("key:")
    assert (caller.tenant, caller.roles) == (world.acme, {"member"})
    for request in (
        ("POST", "/api/keys", {"name": "x", "scopes": ["chat"]}),
        ("PUT", f"/api/tenants/{world.acme}/deletion", None),
        ("PATCH", "/api/users/me", {"name": "x"}),
    ):
        assert reader.call(*request).status_code == 403
    assert using(world, reader.token).client.get("/admin/people").status_code == 302


def test_a_key_with_write_acts_in_its_own_organisation_only(world: World) -> None:
    eve = world.add("eve", Role.MEMBER)
    key = using(world, make(world, scopes=["people:read", "people:write"])[0])
    assert key.call("PATCH", f"/api/users/{eve}", {"role": "support"}).status_code == 200
    assert key.call("DELETE", f"/api/users/{world.people['ada']}").status_code == 403
    assert key.call("DELETE", f"/api/users/{world.people['otto']}").status_code == 404


def test_a_key_neither_makes_owners_nor_takes_them_away(world: World) -> None:
    """Who has found one could stay for ever, else, and lock its owners out."""
    eve, bob = world.add("eve", Role.OWNER), world.add("bob", Role.MEMBER)
    key = using(world, make(world, role="owner", scopes=["people:write"])[0])
    assert key.call("PATCH", f"/api/users/{bob}", {"role": "owner"}).status_code == 403
    assert key.call("PATCH", f"/api/users/{eve}", {"role": "member"}).status_code == 403
    assert key.call("PATCH", f"/api/users/{eve}", {"is_disabled": True}).status_code == 403
    assert key.call("DELETE", f"/api/users/{eve}").status_code == 403
    assert key.call("PATCH", f"/api/users/{bob}", {"role": "admin"}).status_code == 200


def test_it_is_kept_as_a_hash_and_listed_by_its_prefix(world: World) -> None:
    key, _ = make(world)
    secret = key.rpartition("_")[2]
    with world.application.parts.database.transaction() as session:
        row = session.scalars(select(ApiKeyRow)).one()
        stored = json.dumps({name: str(value) for name, value in vars(row).items()})
    assert secret not in stored
    page = world.browser("ada").get("/admin/keys").text
    assert secret not in page
    assert f"stw_{row.prefix}_…" in page
    assert "not used yet" in page
    assert secret not in redact(f"failed with {key}")

    using(world, key).call("GET", "/api/users/me")
    assert "last used" in world.browser("ada").get("/admin/keys").text


def test_a_revoked_an_expired_and_a_wrong_key_are_refused_alike(world: World) -> None:
    (revoked, key_id), (expired, _) = make(world), make(world, lifetime_days=1)
    wrong = revoked[:-1] + ("0" if revoked[-1] != "0" else "1")
    assert using(world, revoked).call("GET", "/api/users/me").status_code == 200
    assert world.program("ada").call("DELETE", f"/api/keys/{key_id}").status_code == 204
    object.__setattr__(
        world.application.parts, "now", lambda: utc_now() + timedelta(days=1, minutes=1)
    )
    answers = [
        using(world, key).call("GET", "/api/users/me")
        for key in (revoked, wrong, expired, "stw_" + "0" * 12 + "_" + "0" * 64, "nonsense")
    ]
    assert {answer.status_code for answer in answers} == {401}
    assert len({answer.text for answer in answers}) == 1
    assert world.events()[-3:] == ["key_refused"] * 3


def test_a_key_never_does_more_than_whoever_made_it(world: World) -> None:
    bob = world.add("bob", Role.ADMIN)
    refused = world.program("bob").call(
        "POST", "/api/keys", {"name": "x", "scopes": ["chat"], "role": "owner"}
    )
    assert refused.status_code == 403
    key, _ = make(world, "bob")
    ada = world.program("ada")
    assert using(world, key).call("GET", "/api/users").status_code == 200
    ada.call("PATCH", f"/api/users/{bob}", {"role": "member"})
    assert using(world, key).call("GET", "/api/users").status_code == 403
    ada.call("DELETE", f"/api/users/{bob}")
    assert using(world, key).call("GET", "/api/users/me").status_code == 401
    world.add("bob", Role.ADMIN)
    assert using(world, key).call("GET", "/api/users/me").status_code == 401


@pytest.mark.parametrize(
    "change",
    [{"scopes": []}, {"scopes": ["root"]}, {"name": ""}, {"lifetime_days": 0}, {"role": "root"}],
)
def test_what_cannot_be_a_key_is_refused(world: World, change: dict[str, Any]) -> None:
    body = {"name": "x", "scopes": ["chat"], **change}
    assert world.program("ada").call("POST", "/api/keys", body).status_code == 422


def test_a_cookie_beside_a_key_counts_for_nothing(world: World) -> None:
    browser = world.browser("ada")
    refused = browser.client.get("/api/users", headers={"Authorization": "Bearer nonsense"})
    assert refused.status_code == 401
    basic = browser.client.get("/api/users", headers={"Authorization": "Basic YTpi"})
    assert basic.status_code == 401
    assert (
        browser.client.post("/api/keys", json={}).status_code == 403
    )  # a cookie without its token


async def test_a_key_gets_a_token_for_one_audience_and_no_more_than_it_has(world: World) -> None:
    parts = world.application.parts
    resource = Resource(name="Databases", scopes=["db:read", "db:act", "kb:write"])
    object.__setattr__(parts.settings, "resources", {SERVER: resource})
    key = using(world, make(world, scopes=["db:read", "chat"], role="support")[0])

    token = json_of(key.call("POST", "/api/token", {"audience": SERVER}))
    assert (token["scope"], token["expires_in"]) == ("db:read", 300)
    keys = FixedKeys(parts.key.public_jwks())
    caller = await TokenVerifier(SERVER, {parts.settings.issuer: keys}).verify(
        token["access_token"]
    )
    assert caller.subject.startswith("key:")
    assert (caller.tenant, caller.roles, caller.scopes) == (world.acme, {"support"}, {"db:read"})

    chat = json_of(key.call("POST", "/api/token", {"audience": "orchestrator"}))
    assert chat["scope"] == "chat"
    for body, status in (
        ({"audience": SERVER, "scope": "db:act"}, 403),
        ({"audience": SERVER, "scope": "chat"}, 403),
        ({"audience": "http://elsewhere"}, 422),
    ):
        assert key.call("POST", "/api/token", body).status_code == status
    assert world.program("ada").call("POST", "/api/token", {"audience": SERVER}).status_code == 403

    looks = using(world, make(world, scopes=["db:read", "kb:write"], role="visitor")[0])
    assert json_of(looks.call("POST", "/api/token", {"audience": SERVER}))["scope"] == "db:read"


def test_the_page_shows_a_new_key_once_and_revokes_it(world: World) -> None:
    ada = world.browser("ada")
    form = {"name": "Report", "role": "member", "days": "", "scope": "chat"}
    made = ada.submit("/admin/keys", form)
    assert made.status_code == 201
    assert 'value="stw_' in made.text
    assert 'value="stw_' not in ada.get("/admin/keys").text
    with world.application.parts.database.transaction() as session:
        key_id = session.scalars(select(ApiKeyRow.key_id)).one()
    ada.submit(f"/admin/keys/{key_id}/revocation", {}, page="/admin/keys")
    assert "Revoked" in ada.get("/admin/keys").text
    assert ada.submit("/admin/keys", {"name": "x", "role": "member"}).status_code == 422
