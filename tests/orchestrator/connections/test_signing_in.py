"""A person's way to a sign-in service and back: what counts, once, and for whom."""

from datetime import timedelta
from typing import Any

import pytest
from support.models import ScriptedModel
from support.servers import serving
from support.signing_in import (
    PUBLIC_URL,
    accept_all,
    add_notes,
    begin,
    connection,
    go,
    sign_in,
    tools_of,
)
from support.third_party import Issuer, Notes
from support.world import World


async def test_the_browser_is_sent_with_proof_and_purpose_and_tokens_stay_here(
    world: World, notes: Notes
) -> None:
    async with world.orchestrator(ScriptedModel([])):
        api = world.api()
        await add_notes(api, notes)
        journey = await go(api)
        signed_in = await journey.finish(api)
        shown = await connection(api)
        audit = (await api.request("GET", "/v1/audit?kind=connected")).json()["rows"]
    asked = journey.asked
    assert asked["redirect_uri"] == f"{PUBLIC_URL}/connections/callback"
    assert asked["code_challenge_method"] == "S256"
    assert asked["resource"] == notes.issuer.asked[0]["resource"] == f"{notes.url}/mcp"
    assert shown["state"] == "active"
    assert shown["issuer"] == notes.issuer.url
    assert shown["scopes"] == ["notes:read"]
    assert shown["renews"] is True
    assert [row["body"]["issuer"] for row in audit] == [notes.issuer.url]
    stored = (world.directory / "assistant.db").read_bytes()
    for secret in (*notes.issuer.tokens, notes.issuer.asked[0]["code_verifier"]):
        assert secret not in signed_in.text
        assert secret.encode() not in stored


@pytest.mark.parametrize(
    "changes",
    [
        {"state": "of-another-sign-in"},
        {"iss": "https://elsewhere.example"},
        {"iss": None},
    ],
    ids=["another state", "another issuer", "no issuer"],
)
async def test_a_mixed_up_answer_signs_nobody_in(
    world: World, notes: Notes, changes: dict[str, Any]
) -> None:
    async with world.orchestrator(ScriptedModel([])):
        api = world.api()
        await add_notes(api, notes)
        journey = await go(api)
        answer = await journey.finish(api, **changes)
        state = (await connection(api))["state"]
    assert answer.status_code == 422
    assert answer.json()["error"]["code"] == "sign_in_mixed_up"
    assert state == "none"
    assert notes.issuer.asked == []


async def test_an_answer_counts_once_and_for_who_began_it_in_that_session_only(
    world: World, notes: Notes
) -> None:
    async with world.orchestrator(ScriptedModel([])):
        api = world.api(session="here")
        others = [
            world.api("bob", session="here"),
            world.api(session="elsewhere"),
            world.api(tenant="other", session="here"),
        ]
        await add_notes(api, notes)
        journey = await go(api)
        for other in others:
            assert (await journey.finish(other)).status_code == 422
        assert (await journey.finish(api)).status_code == 200
        assert (await journey.finish(api)).status_code == 422
        late = await go(api)
        world.clock.ahead = timedelta(minutes=11)
        assert (await late.finish(world.api(session="here"))).status_code == 422
    assert len(notes.issuer.asked) == 1


async def test_a_refusal_at_the_service_is_said_in_our_words(world: World, notes: Notes) -> None:
    notes.issuer.declines = True
    async with world.orchestrator(ScriptedModel([])):
        api = world.api()
        await add_notes(api, notes)
        answer = await (await go(api)).finish(api, error="<b>access_denied</b>")
    assert answer.status_code == 403
    assert answer.json()["error"]["code"] == "sign_in_declined"
    assert "<b>" not in answer.text


@pytest.mark.parametrize(
    "says",
    [
        {"code_challenge_methods_supported": None},
        {"code_challenge_methods_supported": ["plain"]},
        {"issuer": "https://elsewhere.example"},
        {"registration_endpoint": None},
        {"authorization_endpoint": "http://10.0.0.1/authorize"},
        {"authorization_endpoint": "https://169.254.169.254/authorize"},
        {"token_endpoint": None},
    ],
)
async def test_a_service_that_is_not_as_it_must_be_is_not_used(
    world: World, notes: Notes, says: dict[str, Any]
) -> None:
    notes.issuer.says = says
    async with world.orchestrator(ScriptedModel([])):
        api = world.api()
        await add_notes(api, notes)
        refused = await begin(api)
    assert refused.status_code in {422, 502}
    assert refused.json()["error"]["code"] in {"sign_in_service_refused", "address_refused"}
    assert notes.issuer.authorized == []


@pytest.mark.parametrize(
    "address", ["http://10.1.2.3/doc", "https://[::ffff:7f00:1]/doc", "http://elsewhere.example/"]
)
async def test_metadata_at_an_internal_address_is_not_asked_for(
    world: World, notes: Notes, address: str
) -> None:
    notes.metadata_url = address
    async with world.orchestrator(ScriptedModel([])):
        api = world.api()
        await add_notes(api, notes)
        await tools_of(api)
        refused = await begin(api)
    assert refused.status_code == 422
    assert refused.json()["error"]["code"] == "address_refused"


async def test_tokens_are_asked_for_at_no_internal_address(world: World, notes: Notes) -> None:
    notes.issuer.says = {"token_endpoint": "https://10.1.2.3/token"}
    async with world.orchestrator(ScriptedModel([])):
        api = world.api()
        await add_notes(api, notes)
        answer = await (await go(api)).finish(api)
    assert answer.status_code == 422
    assert answer.json()["error"]["code"] == "address_refused"


async def test_a_server_that_speaks_for_another_is_not_followed(world: World, notes: Notes) -> None:
    notes.resource = "https://mail.example/mcp"
    async with world.orchestrator(ScriptedModel([])):
        api = world.api()
        await add_notes(api, notes)
        refused = await begin(api)
    assert refused.status_code == 502
    assert "another server" in refused.json()["error"]["message"]


async def test_a_server_that_changes_its_service_gets_nothing_of_the_old(
    world: World, notes: Notes
) -> None:
    async with world.orchestrator(ScriptedModel([])):
        api = world.api()
        await add_notes(api, notes)
        known = {"issuer": notes.issuer.url, "client_id": "by-hand", "client_secret": "of the old"}
        set_client = await api.request("PUT", "/v1/servers/notes/client", json=known)
        assert set_client.status_code == 204
        journey = await go(api)
        assert journey.asked["client_id"] == "by-hand"
        await journey.finish(api)
        old = notes.issuer
        notes.issuer = Issuer()
        async with serving(notes.issuer.app()) as url:
            notes.issuer.url = url
            await tools_of(api)  # finds out that the old token is worth nothing there
            journey = await go(api)
            await journey.finish(api)
            shown = await connection(api)
    assert shown["issuer"] == notes.issuer.url
    assert journey.asked["client_id"] == "client-1"
    told = str([*notes.issuer.asked, *notes.issuer.authorized, *notes.issuer.registered])
    assert "by-hand" not in told
    assert "of the old" not in told
    assert {form.get("refresh_token") for form in notes.issuer.asked} == {None}
    assert old.registered == []


async def test_our_own_document_names_us_where_that_is_understood(
    world: World, notes: Notes
) -> None:
    notes.issuer.says = {"client_id_metadata_document_supported": True}
    async with world.orchestrator(ScriptedModel([])):
        api = world.api()
        await add_notes(api, notes)
        journey = await go(api)
        await journey.finish(api)
    assert journey.asked["client_id"] == f"{PUBLIC_URL}/connections/client.json"
    assert notes.issuer.registered == []


async def test_disconnecting_revokes_there_and_forgets_here(world: World, notes: Notes) -> None:
    async with world.orchestrator(ScriptedModel([])):
        api = world.api()
        await add_notes(api, notes)
        await sign_in(api)
        (access,) = notes.issuer.tokens
        other = await world.api("bob").request("DELETE", "/v1/connections/notes")
        assert other.status_code == 404
        answer = await api.request("DELETE", "/v1/connections/notes")
        assert answer.json() == {"revoked": True}
        assert (await connection(api))["state"] == "none"
        again = await api.request("DELETE", "/v1/connections/notes")
        audit = (await api.request("GET", "/v1/audit?kind=disconnected")).json()["rows"]
    assert len(notes.issuer.revoked) == 2
    assert notes.issuer.revoked[1] == access
    assert again.status_code == 404
    assert [row["body"]["revoked"] for row in audit] == [True]


async def test_a_service_that_does_not_revoke_is_not_passed_off_as_one_that_does(
    world: World, notes: Notes
) -> None:
    notes.issuer.says = {"revocation_endpoint": None}
    async with world.orchestrator(ScriptedModel([])):
        api = world.api()
        await add_notes(api, notes)
        await sign_in(api)
        answer = await api.request("DELETE", "/v1/connections/notes")
        assert (await connection(api))["state"] == "none"
    assert answer.json() == {"revoked": False}


async def test_a_server_without_a_sign_in_is_used_without_one(world: World, notes: Notes) -> None:
    notes.is_open = True
    async with world.orchestrator(ScriptedModel([])):
        api = world.api()
        await add_notes(api, notes)
        await accept_all(api)
        listed = await tools_of(api)
        assert (await connection(api))["state"] == "none"
    assert {tool["state"] for tool in listed["tools"]} == {"ready"}
