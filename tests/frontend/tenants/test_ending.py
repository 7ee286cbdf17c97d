"""Creating an organisation, its plan, and its end, which can be taken back for 14 days and then is real."""

from datetime import timedelta

import pytest
from sqlalchemy import select
from support.fake_orchestrator import FakeOrchestrator
from support.frontend_site import json_of
from support.organisation import Program, World, interrupting_before

from frontend.accounts.models import MembershipRow, PersonRow, TenantRow
from frontend.accounts.roles import Role
from frontend.commands import list_organisations, purge_outdated, set_organisation_tier
from frontend.tenants.purge import TURN, Purged, purge, purge_in_turn
from shared.scopes import REMOVAL
from shared.sql import utc_now

DUE = timedelta(days=14, minutes=1)
SETTLED = DUE + timedelta(minutes=11)
NOTHING = Purged(deleted=0, emptied=0, failed=0)


def later(world: World, by: timedelta = DUE) -> None:
    object.__setattr__(world.application.parts, "now", lambda: utc_now() + by)


def run_purge(world: World) -> Purged:
    parts = world.application.parts
    return purge(parts.database, parts.orchestrator, parts.now())


def tenants(world: World) -> list[str]:
    with world.application.parts.database.transaction() as session:
        return list(session.scalars(select(TenantRow.name).order_by(TenantRow.name)))


def empty(world: World) -> None:
    """Close Other, wait until its time is over, and take everybody out of it."""
    world.program("otto").call("PUT", f"/api/tenants/{world.other}/deletion")
    later(world)
    assert run_purge(world) == Purged(deleted=0, emptied=1, failed=0)


def test_a_closed_organisation_is_closed_but_for_its_owners_who_can_take_it_back(
    world: World,
) -> None:
    world.add("eve", Role.ADMIN, world.other)
    eve, otto = world.program("eve"), world.program("otto")
    path = f"/api/tenants/{world.other}/deletion"

    assert eve.call("PUT", path).status_code == 403
    asked = otto.call("PUT", path)
    assert asked.status_code == 200
    assert json_of(otto.call("PUT", path)) == json_of(asked)  # asking again does not postpone it
    assert eve.call("GET", "/api/users/me").status_code == 401
    assert "belong to no organisation" in world.browser("eve").get("/").text
    owner = world.browser("otto")
    assert "Take the deletion back" in owner.get("/organisation").text
    assert otto.call("POST", f"/api/tenants/{world.other}/invitations", {}).status_code == 409

    assert (
        owner.submit("/organisation/deletion/withdrawal", {}, page="/organisation").status_code
        == 303
    )
    assert world.program("eve").call("GET", "/api/users/me").status_code == 200


def test_nothing_is_deleted_before_its_time(world: World, orchestrator: FakeOrchestrator) -> None:
    world.program("otto").call("PUT", f"/api/tenants/{world.other}/deletion")
    assert run_purge(world) == NOTHING
    assert world.role("otto", world.other) == "owner"
    assert not [one for one in orchestrator.received if one.method == "DELETE"]


def test_when_its_time_is_over_everything_goes_with_the_accounts_that_belong_nowhere_else(
    world: World, orchestrator: FakeOrchestrator
) -> None:
    world.add("eve", Role.MEMBER, world.other)
    world.add("ada", Role.MEMBER, world.other)
    otto = world.program("otto")
    otto.call("POST", "/api/keys", {"name": "x", "scopes": ["chat"]})
    otto.call("POST", f"/api/tenants/{world.other}/invitations", {})
    otto.call("PUT", f"/api/tenants/{world.other}/deletion")
    later(world)
    too_late = otto.call("DELETE", f"/api/tenants/{world.other}/deletion")
    assert too_late.status_code in {401, 409}

    orchestrator.answers["DELETE", "/v1/tenant"] = (200, {"done": True})
    assert run_purge(world) == Purged(deleted=0, emptied=1, failed=0)
    assert run_purge(world) == NOTHING  # before what was under way in its name has ended
    later(world, SETTLED)
    assert run_purge(world) == Purged(deleted=1, emptied=0, failed=0)

    remover = orchestrator.last("DELETE", "/v1/tenant").caller
    assert (remover.subject, remover.tenant) == ("frontend", world.other)
    assert (remover.roles, remover.scopes) == (frozenset(), {REMOVAL})
    with world.application.parts.database.transaction() as session:
        assert list(session.scalars(select(TenantRow.tenant_id))) == [world.acme]
        assert list(session.scalars(select(PersonRow.name))) == ["Ada"]
        assert len(list(session.scalars(select(MembershipRow)))) == 1
    assert world.events(world.other) == ["tenant_deleted"]
    assert run_purge(world) == NOTHING


def test_when_its_time_is_over_its_owners_are_out_before_anything_is_deleted(
    world: World, orchestrator: FakeOrchestrator
) -> None:
    otto, browser = world.program("otto"), world.browser("otto")
    key = json_of(otto.call("POST", "/api/keys", {"name": "x", "scopes": ["chat"]}))["key"]
    empty(world)
    assert otto.call("GET", "/api/users/me").status_code == 401
    assert browser.get("/organisation").location.startswith("/sign-in")
    assert Program(otto.client, key).call("GET", "/api/users/me").status_code == 401
    assert not [one for one in orchestrator.received if one.path == "/v1/tenant"]


def test_while_the_orchestrator_is_away_the_organisation_stays_for_the_next_run(
    world: World, orchestrator: FakeOrchestrator
) -> None:
    empty(world)
    later(world, SETTLED)
    orchestrator.answers["DELETE", "/v1/tenant"] = (503, {"error": {"code": "unavailable"}})
    assert run_purge(world) == Purged(deleted=0, emptied=0, failed=1)
    assert tenants(world) == ["Acme", "Other"]
    orchestrator.answers["DELETE", "/v1/tenant"] = (200, {"done": True})
    assert run_purge(world) == Purged(deleted=1, emptied=0, failed=0)


def test_a_deletion_that_is_taken_back_meanwhile_takes_nobody_out(world: World) -> None:
    """By a replica whose clock is behind."""
    path = f"/api/tenants/{world.other}/deletion"
    otto, parts = world.program("otto"), world.application.parts
    otto.call("PUT", path)

    def take_back() -> None:
        assert otto.call("DELETE", path).status_code == 204

    with interrupting_before(parts.database.engine, "UPDATE tenants SET delete_after", take_back):
        purged = purge(parts.database, parts.orchestrator, utc_now() + DUE)
    assert purged == NOTHING
    assert world.role("otto", world.other) == "owner"


def test_one_replica_in_an_hour_deletes_what_is_due(world: World) -> None:
    parts = world.application.parts
    world.program("otto").call("PUT", f"/api/tenants/{world.other}/deletion")
    later(world)
    assert purge_in_turn(parts)
    assert world.role("otto", world.other) is None
    assert not purge_in_turn(parts)
    assert 0 < parts.redis.ttl(TURN) <= 3_600


@pytest.mark.parametrize("how", ["removed", "left"])
def test_what_somebody_was_signed_in_to_ends_when_they_leave(
    world: World, orchestrator: FakeOrchestrator, how: str
) -> None:
    eve = world.add("eve", Role.MEMBER)
    path = f"/v1/people/{eve}/connections"
    orchestrator.answers["DELETE", path] = (503, {"error": {"code": "unavailable"}})
    if how == "removed":
        assert world.program("ada").call("DELETE", f"/api/users/{eve}").status_code == 204
    else:
        here = f"/api/tenants/{world.acme}/members/me"
        assert world.program("eve").call("DELETE", here).status_code == 204
    asked = orchestrator.last("DELETE", path).caller
    assert (asked.subject, asked.tenant, asked.scopes) == ("frontend", world.acme, {REMOVAL})

    orchestrator.answers["DELETE", path] = (200, {})
    for _ in range(2):
        run_purge(world)
    assert len([one for one in orchestrator.received if one.path == path]) == 2


def test_whoever_is_back_keeps_what_they_are_signed_in_to(
    world: World, orchestrator: FakeOrchestrator
) -> None:
    eve = world.add("eve", Role.MEMBER)
    path = f"/v1/people/{eve}/connections"
    orchestrator.answers["DELETE", path] = (503, {"error": {"code": "unavailable"}})
    world.program("ada").call("DELETE", f"/api/users/{eve}")
    world.add("eve", Role.MEMBER)
    run_purge(world)
    assert len([one for one in orchestrator.received if one.path == path]) == 1


def test_the_installations_own_organisation_stays(world: World) -> None:
    ada = world.program("ada")
    assert ada.call("PUT", f"/api/tenants/{world.acme}/deletion").status_code == 409
    page = world.browser("ada").get("/organisation").text
    assert "it cannot be deleted" in page
    assert "/organisation/deletion" not in page


def test_the_name_is_typed_before_it_is_closed(world: World) -> None:
    otto = world.browser("otto")
    otto.submit("/organisation/deletion", {"name": "Mother"}, page="/organisation")
    assert "Take the deletion back" not in otto.get("/organisation").text
    otto.submit("/organisation/deletion", {"name": "Other"}, page="/organisation")
    assert "Take the deletion back" in otto.get("/organisation").text


def test_the_installations_owner_creates_organisations_and_sets_plans(world: World) -> None:
    ada, otto = world.browser("ada"), world.browser("otto")
    world.add("bob", Role.ADMIN)

    assert ada.submit("/organisations", {"name": "Third"}, page="/organisation").status_code == 303
    assert "<h1>Third</h1>" in ada.get("/organisation").text
    assert world.program("otto").call("POST", "/api/tenants", {"name": "Mine"}).status_code == 403
    assert world.program("bob").call("POST", "/api/tenants", {"name": "Mine"}).status_code == 403

    tier = {"tier": "paid"}
    path = f"/admin/organisations/{world.other}/tier"
    assert otto.submit(path, tier, page="/organisation").status_code == 404
    assert otto.get("/admin/organisations").status_code == 404
    ada.submit("/organisation/switch", {"tenant_id": world.acme}, page="/organisation")
    assert ada.submit(path, tier, page="/admin/organisations").status_code == 303
    assert json_of(world.program("otto").call("GET", "/api/users/me"))["tenant"]["tier"] == "paid"


def test_commands_list_organisations_and_set_tiers(world: World) -> None:
    settings = world.application.parts.settings
    assert set_organisation_tier(settings, world.other, "paid").endswith("paid tier.")
    assert f"{world.other}  paid" in list_organisations(settings)
    with pytest.raises(SystemExit, match="no such organisation"):
        set_organisation_tier(settings, "f" * 32, "paid")
    assert purge_outdated(settings) == "Organisations deleted: 0."
