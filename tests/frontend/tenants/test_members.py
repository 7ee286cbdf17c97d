"""Who may change whom, in one organisation and from another one, also when two act at once."""

from functools import partial
from typing import Any

import pytest
from support.frontend_site import csrf_token, json_of
from support.organisation import World, at_once, interrupting_before, meeting_before, statuses

from frontend.accounts.roles import Role
from frontend.tenants.rules import lesser, may_manage

Request = tuple[str, str, Any]


@pytest.mark.parametrize(
    ("actor", "role", "may"),
    [
        (Role.OWNER, Role.OWNER, True),
        (Role.OWNER, Role.VISITOR, True),
        (Role.ADMIN, Role.OWNER, False),
        (Role.ADMIN, Role.ADMIN, True),
        (Role.SUPPORT, Role.VISITOR, False),
        (Role.MEMBER, Role.MEMBER, False),
        (Role.VISITOR, Role.VISITOR, False),
    ],
)
def test_only_an_owner_makes_owners_and_an_admin_manages_everybody_else(
    actor: Role, role: Role, *, may: bool
) -> None:
    assert may_manage(actor, role) is may


def test_of_two_roles_the_lesser_one_counts() -> None:
    assert lesser(Role.OWNER, Role.MEMBER) is Role.MEMBER
    assert lesser(Role.VISITOR, Role.ADMIN) is Role.VISITOR


def test_an_admin_changes_roles_but_neither_makes_nor_changes_owners(world: World) -> None:
    world.add("bob", Role.ADMIN)
    eve = world.add("eve", Role.MEMBER)
    admin = world.program("bob")

    changed = admin.call("PATCH", f"/api/users/{eve}", {"role": "support"})
    assert (changed.status_code, json_of(changed)["role"]) == (200, "support")
    assert admin.call("PATCH", f"/api/users/{eve}", {"role": "owner"}).status_code == 403
    for body in ({"role": "member"}, {"is_disabled": True}):
        assert admin.call("PATCH", f"/api/users/{world.people['ada']}", body).status_code == 403
    assert admin.call("DELETE", f"/api/users/{world.people['ada']}").status_code == 403
    assert world.role("ada") == "owner"
    assert "role_changed" in world.events()


@pytest.mark.parametrize("role", [Role.SUPPORT, Role.MEMBER, Role.VISITOR])
def test_people_administration_is_closed_to_everybody_else(world: World, role: Role) -> None:
    world.add("eve", role)
    program, browser = world.program("eve"), world.browser("eve")
    ada = world.people["ada"]
    requests: list[Request] = [
        ("GET", "/api/users", None),
        ("GET", f"/api/users/{ada}", None),
        ("PATCH", f"/api/users/{ada}", {"role": "visitor"}),
        ("DELETE", f"/api/users/{ada}", None),
        ("POST", f"/api/users/{ada}/sign-in-reset", None),
        ("PATCH", f"/api/tenants/{world.acme}", {"name": "Mine"}),
        ("PUT", f"/api/tenants/{world.acme}/deletion", None),
        ("PUT", f"/api/tenants/{world.acme}/owner", {"person_id": world.people["eve"]}),
        ("GET", f"/api/tenants/{world.acme}/invitations", None),
        ("POST", f"/api/tenants/{world.acme}/invitations", {}),
        ("GET", "/api/keys", None),
        ("POST", "/api/keys", {"name": "x", "scopes": ["chat"]}),
        ("POST", "/api/tenants", {"name": "Mine"}),
    ]
    assert {program.call(*request).status_code for request in requests} == {403}
    pages = ["/admin/people", f"/admin/people/{ada}", "/admin/keys", "/admin/security"]
    assert {browser.get(page).status_code for page in pages} == {403}
    assert browser.get("/organisation").status_code == 200
    assert "Invite somebody" not in browser.get("/organisation").text


def test_to_another_organisations_admin_nobody_is_there(world: World) -> None:
    world.add("bob", Role.ADMIN, world.other)
    eve = world.add("eve", Role.MEMBER)
    made = world.program("ada").call("POST", f"/api/tenants/{world.acme}/invitations", {})
    invitation = json_of(made)["invitation_id"]
    body = {"name": "x", "scopes": ["chat"]}
    key = json_of(world.program("ada").call("POST", "/api/keys", body))["facts"]["key_id"]
    for somebody in ("bob", "otto"):
        outside = world.program(somebody)
        requests: list[Request] = [
            ("GET", f"/api/users/{eve}", None),
            ("PATCH", f"/api/users/{eve}", {"role": "visitor"}),
            ("PATCH", f"/api/users/{eve}", {"is_disabled": True}),
            ("DELETE", f"/api/users/{eve}", None),
            ("POST", f"/api/users/{eve}/sign-in-reset", None),
            ("GET", f"/api/tenants/{world.acme}", None),
            ("PATCH", f"/api/tenants/{world.acme}", {"name": "Mine"}),
            ("GET", f"/api/tenants/{world.acme}/invitations", None),
            ("POST", f"/api/tenants/{world.acme}/invitations", {}),
            ("DELETE", f"/api/tenants/{world.acme}/invitations/{invitation}", None),
            ("DELETE", f"/api/tenants/{world.other}/invitations/{invitation}", None),
            ("DELETE", f"/api/keys/{key}", None),
            ("DELETE", f"/api/tenants/{world.acme}/members/me", None),
            ("PATCH", "/api/users/me", {"tenant_id": world.acme}),
        ]
        assert {outside.call(*request).status_code for request in requests} == {404}
        found = json_of(outside.call("GET", "/api/users?q=eve"))
        assert (found["items"], found["total"]) == ([], 0)
    owner = world.program("otto")
    requests = [
        ("PUT", f"/api/tenants/{world.acme}/deletion", None),
        ("DELETE", f"/api/tenants/{world.acme}/deletion", None),
        ("PUT", f"/api/tenants/{world.acme}/owner", {"person_id": eve}),
        ("PUT", f"/api/tenants/{world.other}/owner", {"person_id": eve}),
    ]
    assert {owner.call(*request).status_code for request in requests} == {404}
    pages = world.browser("otto")
    assert pages.get(f"/admin/people/{eve}").status_code == 404
    assert "Eve" not in pages.get("/admin/people").text
    for act in ("role", "disabled", "sign-in-reset", "removal"):
        sent = pages.submit(f"/admin/people/{eve}/{act}", {"role": "visitor"}, page="/organisation")
        assert sent.status_code == 404
    assert "ada" not in pages.get("/admin/security").text.lower()
    assert world.role("eve") == "member"


def test_an_account_of_two_organisations_cannot_be_locked_out_of_one_by_the_other(
    world: World,
) -> None:
    eve = world.add("eve", Role.MEMBER)
    world.add("eve", Role.OWNER, world.other)
    ada = world.program("ada")

    assert ada.call("PATCH", f"/api/users/{eve}", {"is_disabled": True}).status_code == 409
    assert ada.call("POST", f"/api/users/{eve}/sign-in-reset").status_code == 409
    assert ada.call("DELETE", f"/api/users/{eve}").status_code == 204
    assert (world.role("eve"), world.role("eve", world.other)) == (None, "owner")


def test_whoever_is_disabled_is_out_at_once_and_may_come_back(world: World) -> None:
    eve = world.add("eve", Role.MEMBER)
    program, browser, ada = world.program("eve"), world.browser("eve"), world.program("ada")
    assert program.call("GET", "/api/users/me").status_code == 200

    assert ada.call("PATCH", f"/api/users/{eve}", {"is_disabled": True}).status_code == 200
    assert program.call("GET", "/api/users/me").status_code == 401
    assert browser.get("/").status_code == 302

    assert ada.call("PATCH", f"/api/users/{eve}", {"is_disabled": False}).status_code == 200
    assert world.browser("eve").get("/organisation").status_code == 200
    assert world.events()[-3:] != []


def test_a_reset_sign_in_ends_all_others_and_gives_a_link_that_works_once(world: World) -> None:
    eve = world.add("eve", Role.MEMBER)
    program, ada = world.program("eve"), world.program("ada")

    reset = json_of(ada.call("POST", f"/api/users/{eve}/sign-in-reset"))

    assert reset["mailed_to"] is None  # no mail server in this test
    path = reset["link"].partition("8080")[2]
    assert program.call("GET", "/api/users/me").status_code == 401
    assert world.visitor().submit(path, {}).status_code == 302
    assert world.visitor().get(path).status_code == 410


def test_of_two_owners_who_leave_at_once_one_stays(either_world: World) -> None:
    world = either_world
    world.add("eve", Role.OWNER)
    leave = [
        partial(world.program(name).call, "DELETE", f"/api/tenants/{world.acme}/members/me")
        for name in ("ada", "eve")
    ]
    with meeting_before(world.application.parts.database.engine, "DELETE FROM memberships"):
        assert statuses(at_once(*leave)) == [204, 409]
    assert sorted([world.role("ada") or "", world.role("eve") or ""]) == ["", "owner"]


def test_the_last_owner_cannot_leave_be_lowered_or_removed(world: World) -> None:
    eve = world.add("eve", Role.OWNER)
    ada, mine = world.program("ada"), f"/api/tenants/{world.acme}/members/me"
    assert ada.call("PATCH", f"/api/users/{eve}", {"role": "admin"}).status_code == 200
    assert ada.call("DELETE", mine).status_code == 409
    own = f"/api/users/{world.people['ada']}"
    assert ada.call("PATCH", own, {"role": "member"}).status_code == 409
    assert ada.call("DELETE", own).status_code == 409
    assert ada.call("PATCH", own, {"is_disabled": True}).status_code == 409


def test_a_disabled_owner_does_not_count_as_the_one_who_stays(world: World) -> None:
    eve = world.add("eve", Role.OWNER)
    ada = world.program("ada")
    assert ada.call("PATCH", f"/api/users/{eve}", {"is_disabled": True}).status_code == 200
    assert ada.call("DELETE", f"/api/tenants/{world.acme}/members/me").status_code == 409


def test_somebody_lowered_while_acting_does_nothing_any_more(either_world: World) -> None:
    """The admin's request is past the route's rule when the owner lowers them."""
    world = either_world
    bob, eve = world.add("bob", Role.ADMIN), world.add("eve", Role.MEMBER)
    ada, admin = world.program("ada"), world.program("bob")

    def lower() -> None:
        assert ada.call("PATCH", f"/api/users/{bob}", {"role": "visitor"}).status_code == 200

    with interrupting_before(world.application.parts.database.engine, "UPDATE tenants", lower):
        assert admin.call("DELETE", f"/api/users/{eve}").status_code == 403
    assert world.role("eve") == "member"


def test_ownership_is_handed_over_whole(either_world: World) -> None:
    world = either_world
    eve = world.add("eve", Role.MEMBER)
    ada, path = world.program("ada"), f"/api/tenants/{world.acme}/owner"
    own = {"person_id": world.people["ada"]}
    assert ada.call("PUT", path, own).status_code == 409
    assert ada.call("PUT", path, {"person_id": eve}).status_code == 204
    assert (world.role("ada"), world.role("eve")) == ("admin", "owner")
    assert ada.call("PUT", path, own).status_code == 403


def test_whoever_belongs_to_nothing_is_told_so_and_can_sign_out(world: World) -> None:
    world.add("eve", Role.MEMBER)
    browser = world.browser("eve")
    assert (
        world.program("ada").call("DELETE", f"/api/users/{world.people['eve']}").status_code == 204
    )

    again = world.browser("eve")
    page = again.get("/")
    assert page.status_code == 403
    assert "You belong to no organisation" in page.text
    assert again.get("/api/users/me").status_code == 403
    assert browser.get("/api/about").status_code in {401, 403}


def test_switching_changes_the_organisation_of_all_that_follows(world: World) -> None:
    world.add("ada", Role.MEMBER, world.other)
    program, browser = world.program("ada", world.acme), world.browser("ada")

    me = json_of(program.call("PATCH", "/api/users/me", {"tenant_id": world.other}))
    assert (me["tenant"]["name"], me["role"]) == ("Other", "member")
    assert program.call("GET", "/api/users").status_code == 403

    form = {"tenant_id": world.other}
    assert browser.submit("/organisation/switch", form, page="/organisation").location == "/"
    assert "<h1>Other</h1>" in browser.get("/organisation").text
    assert browser.get("/admin/people").status_code == 403
    form = {"tenant_id": "f" * 32}
    assert browser.submit("/organisation/switch", form, page="/organisation").status_code == 404


@pytest.mark.parametrize("leaving", ["switched", "closed"])
def test_a_form_that_was_opened_in_another_organisation_does_nothing(
    world: World, leaving: str
) -> None:
    """Else an invitation for the one, or leaving it, would be about the other."""
    world.add("eve", Role.ADMIN, world.other)
    world.add("eve", Role.ADMIN)
    eve, otto = world.browser("eve"), world.program("otto")
    page = eve.get("/organisation").text
    assert "<h1>Other</h1>" in page
    if leaving == "switched":
        eve.submit("/organisation/switch", {"tenant_id": world.acme}, page="/organisation")
    else:
        otto.call("PUT", f"/api/tenants/{world.other}/deletion")

    form = {"role": "admin", "uses": "1", "days": "1", "csrf_token": csrf_token(page)}
    assert eve.client.post("/organisation/invitations", data=form).status_code == 403
    assert eve.client.post("/organisation/leave", data=form).status_code == 403
    assert world.role("eve") == "admin"
    assert "person_invited" not in world.events()
    assert "<h1>Acme</h1>" in eve.get("/organisation").text
    assert eve.submit("/organisation/leave", {}, page="/organisation").status_code == 303
    assert world.role("eve") is None


def test_the_list_is_searched_and_comes_in_parts(world: World) -> None:
    for number in range(30):
        world.add(f"person{number:02}", Role.MEMBER)
    ada, browser = world.program("ada"), world.browser("ada")

    page = json_of(ada.call("GET", "/api/users?q=PERSON&page=2&limit=20"))
    assert [page["total"], page["page"], len(page["items"])] == [30, 2, 10]
    assert page["items"][0]["email"] == "person20@example.org"
    assert json_of(ada.call("GET", "/api/users?q=%25"))["total"] == 0  # no wildcard
    for query in ("page=0", "limit=1000", "page=x", "nonsense=1", "page=1&page=2", "q=%00"):
        assert ada.call("GET", f"/api/users?{query}").status_code == 422
    shown = browser.get("/admin/people?q=person&page=2").text
    assert "Page 2 of 2" in shown
    assert "Person29" in shown
    assert 'rel="prev" href="/admin/people?q=person&amp;page=1"' in shown


@pytest.mark.parametrize("name", ["", "   ", "Ada\u202e ymene"])
def test_a_name_that_cannot_be_read_is_refused(world: World, name: str) -> None:
    ada = world.program("ada")
    answer = ada.call("PATCH", "/api/users/me", {"name": name})
    assert answer.status_code == 422
    assert json_of(ada.call("GET", "/api/users/me"))["name"] == "Ada"
