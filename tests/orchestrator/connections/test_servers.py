"""Adding somebody else's server is an admin's act, for one tenant, and only for what is on the public internet."""

import pytest
from support.models import ScriptedModel, calls
from support.signing_in import accept_all, add_notes, sign_in, tools_of
from support.third_party import Notes
from support.world import World, one

from orchestrator.connections.addresses import AddressGuard, AddressRefused
from shared.wire.events import CallProposed

KINDS = ("server_added", "server_disabled", "server_enabled", "server_removed")


async def test_a_server_is_added_switched_and_removed_by_admins_and_each_act_is_recorded(
    world: World, notes: Notes
) -> None:
    async with world.orchestrator(ScriptedModel([])):
        admin, member = world.api(roles=["admin"]), world.api("bob", roles=["member"])
        assert (await add_notes(member, notes)).status_code == 403
        added = await add_notes(admin, notes)
        assert added.status_code == 201
        assert added.json()["server"] == "notes"
        assert (await add_notes(admin, notes)).status_code == 409
        for method, path, body in (
            ("GET", "/v1/servers", None),
            ("PATCH", "/v1/servers/notes", {"enabled": False}),
            ("DELETE", "/v1/servers/notes", None),
            ("PUT", "/v1/servers/notes/client", {"issuer": "https://a.example", "client_id": "x"}),
        ):
            refused = await member.request(method, path, json=body)
            assert refused.status_code == 403, path
        for enabled in (False, True):
            switched = await admin.request("PATCH", "/v1/servers/notes", json={"enabled": enabled})
            assert switched.json()["enabled"] is enabled
            servers = (await admin.request("GET", "/v1/tools")).json()["servers"]
            assert [server["server"] for server in servers] == ["notes"] * enabled
        assert (await admin.request("DELETE", "/v1/servers/notes")).status_code == 204
        assert (await admin.request("GET", "/v1/servers")).json() == {"servers": []}
        audit = [
            row["body"]["url"]
            for kind in KINDS
            for row in (await admin.request("GET", f"/v1/audit?kind={kind}")).json()["rows"]
        ]
    assert audit == [f"{notes.url}/mcp"] * len(KINDS)


async def test_another_tenant_sees_nothing_of_it(world: World, notes: Notes) -> None:
    async with world.orchestrator(ScriptedModel([])):
        ours, theirs = world.api(), world.api("eve", tenant="other")
        await add_notes(ours, notes)
        assert (await theirs.request("GET", "/v1/servers")).json() == {"servers": []}
        assert (await theirs.request("GET", "/v1/tools")).json() == {"servers": []}
        assert (await theirs.request("GET", "/v1/connections")).json() == {"connections": []}
        for method, path in (
            ("DELETE", "/v1/servers/notes"),
            ("POST", "/v1/connections/notes/sign-in"),
            ("DELETE", "/v1/connections/notes"),
        ):
            assert (await theirs.request(method, path)).status_code == 404
        same = (await add_notes(theirs, notes)).json()["server"]
    assert same != "notes"
    assert same.startswith("notes")


async def test_a_server_of_the_operators_keeps_its_name(world: World, notes: Notes) -> None:
    ours = {"notes": {"url": f"{world.tracker_url}/mcp", "own": True}}
    async with world.orchestrator(ScriptedModel([]), tool_servers=ours):
        assert (await add_notes(world.api(), notes)).status_code == 409
    async with world.orchestrator(ScriptedModel([])):
        await add_notes(world.api(), notes)
        await sign_in(world.api())
        await accept_all(world.api())
    notes.readers.clear()
    async with world.orchestrator(ScriptedModel([]), tool_servers=ours):
        (listed,) = (await world.api().request("GET", "/v1/tools")).json()["servers"]
    assert (listed["added"], listed["own"]) == (False, True)
    assert notes.readers == []


async def test_what_was_accepted_of_a_removed_server_holds_for_no_other(
    world: World, notes: Notes
) -> None:
    async with world.orchestrator(ScriptedModel([])):
        api = world.api()
        await add_notes(api, notes)
        await sign_in(api)
        await accept_all(api)
        await api.request("DELETE", "/v1/servers/notes")
        assert len(notes.issuer.revoked) == 2
        again = (await add_notes(api, notes)).json()["server"]
        await sign_in(api, again)
        states = {tool["state"] for tool in (await tools_of(api, again))["tools"]}
    assert again != "notes"
    assert states == {"new"}


async def test_a_call_to_a_server_that_was_switched_off_is_refused(
    world: World, notes: Notes
) -> None:
    model = ScriptedModel([[calls(("notes__list_notes", "{}"))], ["It is off."]])
    async with world.orchestrator(model):
        api = world.api()
        await add_notes(api, notes)
        await sign_in(api)
        await accept_all(api)
        await api.request("PATCH", "/v1/servers/notes", json={"enabled": False})
        events = await api.answer("What is there?")
        begun = await api.request("POST", "/v1/connections/notes/sign-in")
    assert one(events, CallProposed).rule == "unknown_tool"
    assert begun.status_code == 422


@pytest.mark.parametrize(
    "address",
    [
        "http://notes.example/mcp",
        "ftp://notes.example",
        "notes.example/mcp",
        "https://user:password@notes.example",
        "https://notes.example/#here",
        "https://127.0.0.1/mcp",
        "https://127.1/mcp",
        "https://2130706433/",
        "https://0x7f.1/",
        "https://[::1]/mcp",
        "https://[::ffff:10.0.0.1]/",
        "https://10.0.0.7/mcp",
        "https://169.254.169.254/latest",
        "https://notes.example\\@evil.example/",
        "https://notes.example/ path",
    ],
)
def test_addresses_that_are_not_public_and_encrypted_are_refused(address: str) -> None:
    with pytest.raises(AddressRefused):
        AddressGuard().target(address)


def test_a_name_may_stand_for_public_addresses_only() -> None:
    guard = AddressGuard()
    assert str(guard.target("https://NOTES.example:8443/mcp")) == "https://notes.example:8443/mcp"


async def test_without_a_secret_to_seal_with_nothing_can_be_added(
    world: World, notes: Notes
) -> None:
    async with world.orchestrator(ScriptedModel([]), secret_file=None):
        answer = await add_notes(world.api(), notes)
    assert answer.status_code == 404
    assert "ORCHESTRATOR_SECRET_FILE" in answer.json()["error"]["message"]
