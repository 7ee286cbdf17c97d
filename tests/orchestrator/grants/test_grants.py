"""A yes for longer: what it lets run, when it stops, and whose calls it is for."""

import json
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from support.models import ScriptedModel, calls
from support.servers import serving
from support.tracker import Tracker
from support.world import Api, World, every, one

from orchestrator.models.port import ReplyEnd
from orchestrator.policy_file import load_policy
from shared.wire.api import Grant, Grants
from shared.wire.events import (
    ApprovalDecided,
    ApprovalNeeded,
    CallFinished,
    CallProposed,
    CallState,
    Event,
    Verdict,
)

HOUR: dict[str, Any] = {"lifetime_s": 3_600}
ANY_STATUS: dict[str, Any] = {**HOUR, "vary": {"status": {"anything": True}}}


def setting(task_id: int, status: str) -> ReplyEnd:
    arguments = json.dumps({"task_id": task_id, "status": status})
    return calls(("tracker__set_status", arguments))


def model(*proposed: ReplyEnd) -> ScriptedModel:
    return ScriptedModel([part for call in proposed for part in ([call], ["All right."])])


@asynccontextmanager
async def running(
    world: World, *proposed: ReplyEnd, tracker_url: str | None = None, **overrides: Any
) -> AsyncGenerator[Api]:
    """An orchestrator whose tracker is trusted with its texts, so that its results taint nothing."""
    server = {
        "url": f"{tracker_url or world.tracker_url}/mcp",
        "own": True,
        "trusted_text": True,
    }
    overrides = {"tool_servers": {"tracker": server}, **overrides}
    async with world.orchestrator(model(*proposed), **overrides):
        yield world.api()


async def ask(api: Api, number: int, **decision: Any) -> tuple[Sequence[Event], httpx.Response]:
    """Ask, answer the question that is put, and read to the end."""
    client_id = f"client-{number:04}"
    async with api.ask("Set the status", client_id=client_id) as reader:
        needed = await reader.until(ApprovalNeeded)
        answer = await api.decide(needed.call_id, **{"decision": "approve", **decision})
        if answer.status_code != 200:
            await api.decide(needed.call_id, "reject")
        return await reader.rest(), answer


async def asked_again(api: Api, number: int) -> ApprovalNeeded:
    """Ask; the call must need a yes, which is refused."""
    events, _ = await ask(api, number, decision="reject")
    assert one(events, CallProposed).grant_id is None
    return one(events, ApprovalNeeded)


async def list_grants(api: Api, query: str = "") -> list[Grant]:
    answer = await api.request("GET", f"/v1/grants{query}")
    assert answer.status_code == 200
    return Grants.model_validate(answer.json()).grants


async def test_a_yes_for_longer_lets_the_same_call_run_without_a_question(world: World) -> None:
    async with running(world, setting(42, "done"), setting(42, "done")) as api:
        events, answer = await ask(api, 1, grant=HOUR)
        needed, decided = one(events, ApprovalNeeded), one(events, ApprovalDecided)
        again = await api.answer("Set the status again", client_id="client-0002")
        (grant,) = await list_grants(api)
    assert needed.may_grant is True
    assert decided.grant_id == grant.grant_id == answer.json()["grant_id"]
    proposed = one(again, CallProposed)
    assert (proposed.verdict, proposed.rule) == (Verdict.RUN, "standing_grant")
    assert proposed.grant_id == grant.grant_id
    for at in (grant.created_at, grant.expires_at):
        assert f"{at:%d %B %Y, %H:%M UTC}" in proposed.reason
    assert not every(again, ApprovalNeeded)
    assert one(again, CallFinished).state is CallState.SUCCEEDED
    assert [write[:2] for write in world.tracker.writes] == [(42, "done"), (42, "done")]
    assert (grant.state, grant.uses, grant.given_by) == ("active", 1, "Ada")
    assert grant.last_used_at is not None
    assert grant.expires_at - grant.created_at == timedelta(hours=1)


async def test_other_arguments_are_asked_about_except_those_that_may_vary(world: World) -> None:
    proposed = (setting(42, "done"), setting(42, "todo"), setting(43, "done"))
    async with running(world, *proposed) as api:
        await ask(api, 1, grant=ANY_STATUS)
        varied = await api.answer("Open it again", client_id="client-0002")
        await asked_again(api, 3)
    assert one(varied, CallFinished).state is CallState.SUCCEEDED
    assert [write[:2] for write in world.tracker.writes] == [(42, "done"), (42, "todo")]


async def test_what_counts_are_the_arguments_as_approved(world: World) -> None:
    async with running(world, setting(42, "done"), setting(42, "done"), setting(43, "todo")) as api:
        await ask(api, 1, arguments={"task_id": 43, "status": "todo"}, grant=HOUR)
        await asked_again(api, 2)
        ran = await api.answer("The other one", client_id="client-0003")
    assert one(ran, CallProposed).rule == "standing_grant"


async def test_a_grant_ends_with_its_time(world: World) -> None:
    async with running(world, setting(42, "done"), setting(42, "done")) as api:
        await ask(api, 1, grant=HOUR)
        world.clock.ahead = timedelta(hours=1, seconds=1)
        await asked_again(api, 2)
        (grant,) = await list_grants(api)
    assert grant.state == "expired"


async def test_a_withdrawn_grant_covers_nothing_and_withdrawing_twice_is_fine(world: World) -> None:
    async with running(world, setting(42, "done"), setting(42, "done")) as api:
        _, answer = await ask(api, 1, grant=HOUR)
        path = f"/v1/grants/{answer.json()['grant_id']}"
        statuses = [(await api.request("DELETE", path)).status_code for _ in range(2)]
        await asked_again(api, 2)
        (grant,) = await list_grants(api)
    assert statuses == [204, 204]
    assert (grant.state, grant.uses) == ("withdrawn", 0)


async def test_giving_using_and_withdrawing_are_in_the_audit_chain(world: World) -> None:
    async with running(world, setting(42, "done"), setting(42, "done")) as api:
        _, answer = await ask(api, 1, grant=ANY_STATUS)
        grant_id = answer.json()["grant_id"]
        await api.answer("Set it again", client_id="client-0002")
        for _ in range(2):
            await api.request("DELETE", f"/v1/grants/{grant_id}")
        rows: list[dict[str, Any]] = (await api.request("GET", "/v1/audit")).json()["rows"]
    (given,) = [row for row in rows if row["kind"] == "grant_given"]
    (withdrawn,) = [row for row in rows if row["kind"] == "grant_withdrawn"]
    used, _ = [row for row in rows if row["kind"] == "call_proposed"]
    assert given["person_id"] == withdrawn["person_id"] == "ada"
    assert given["body"]["arguments"] == {"task_id": {"equals": 42}, "status": {"anything": True}}
    for row in (given, withdrawn, used):
        assert row["body"]["grant_id"] == grant_id
    assert used["body"]["policy_sha256"] == load_policy(None).sha256


async def test_a_grant_is_for_the_definition_it_was_given_for(world: World) -> None:
    async with running(world, setting(42, "done")) as api:
        await ask(api, 1, grant=HOUR)
    changed = Tracker(write_description="Set a task's status and mail everybody.")
    async with (
        serving(changed.app()) as url,
        running(world, setting(42, "done"), setting(42, "done"), tracker_url=url) as api,
    ):
        listed = (await api.request("GET", "/v1/tools")).json()["servers"][0]["tools"]
        tool = next(tool for tool in listed if tool["tool"] == "set_status")
        refused = await api.answer("Set it", client_id="client-0002")
        accepted = await api.request(
            "PUT",
            "/v1/tools/tracker/set_status/acceptance",
            json={"definition_hash": tool["definition_hash"]},
        )
        assert accepted.status_code == 200
        needed = await asked_again(api, 3)
        (grant,) = await list_grants(api)
    assert one(refused, CallProposed).rule == "definition_changed"
    assert needed.outdated_grant is not None
    assert needed.outdated_grant.before["description"] == "Set a task's status."
    assert needed.outdated_grant.after["description"] == changed.write_description
    assert needed.may_grant is True
    assert grant.state == "outdated"
    assert changed.writes == []


async def test_a_grant_is_for_its_giver_alone(world: World) -> None:
    async with running(world, setting(42, "done"), setting(42, "done"), setting(42, "done")) as api:
        _, answer = await ask(api, 1, grant=HOUR)
        grant_id = answer.json()["grant_id"]
        for person, tenant, number in (("bob", "acme", 2), ("ada", "other", 3)):
            other = world.api(person, tenant=tenant, roles=["member"])
            conversation = f"conversation-{person}-{tenant}"
            await other.request("PUT", f"/v1/conversations/{conversation}")
            async with other.ask("Set it", conversation, f"client-{number:04}") as reader:
                needed = await reader.until(ApprovalNeeded)
                await other.decide(needed.call_id, "reject")
                await reader.rest()
            assert await list_grants(other) == []
            foreign = await other.request("DELETE", f"/v1/grants/{grant_id}")
            absent = await other.request("DELETE", "/v1/grants/grant_absent")
            assert foreign.status_code == absent.status_code == 404
            assert foreign.json() == absent.json()
        (grant,) = await list_grants(api)
    assert (grant.state, grant.uses) == ("active", 0)


async def test_an_admin_sees_and_withdraws_the_grants_of_the_tenant_only(world: World) -> None:
    async with running(world, setting(42, "done")) as api:
        _, answer = await ask(api, 1, grant=HOUR)
        path = f"/v1/grants/{answer.json()['grant_id']}"
        admin = world.api("root", roles=["admin"])
        stranger = world.api("root", tenant="other", roles=["admin"])
        member = world.api("bob", roles=["member"])
        assert (await member.request("GET", "/v1/grants?everybody=true")).status_code == 403
        assert await list_grants(stranger, "?everybody=true") == []
        assert (await stranger.request("DELETE", path)).status_code == 404
        assert await list_grants(admin) == []
        (seen,) = await list_grants(admin, "?everybody=true")
        assert (await admin.request("DELETE", path)).status_code == 204
        (grant,) = await list_grants(api)
    assert seen.given_by == "Ada"
    assert grant.state == "withdrawn"


@pytest.mark.parametrize(
    ("decision", "fragment"),
    [
        ({"decision": "reject", "grant": HOUR}, "goes with a yes"),
        ({"grant": {**HOUR, "vary": {"nope": {"anything": True}}}}, "no such argument"),
        ({"grant": {**HOUR, "vary": {"status": {"one_of": ["todo"]}}}}, "does not include"),
        (
            {
                "grant": {
                    **HOUR,
                    "vary": {"status": {"anything": True}, "task_id": {"anything": True}},
                }
            },
            "every call of the tool",
        ),
        ({"grant": {"lifetime_s": 30}}, "lifetime_s"),
        ({"grant": {"lifetime_s": 31 * 86_400}}, "lifetime_s"),
        ({"grant": {**HOUR, "vary": {"status": {}}}}, "exactly one"),
    ],
)
async def test_a_bad_wish_is_refused_and_decides_nothing(
    world: World, decision: dict[str, Any], fragment: str
) -> None:
    async with running(world, setting(42, "done")) as api:
        events, answer = await ask(api, 1, **decision)
        grants = await list_grants(api)
    assert answer.status_code == 422
    assert fragment in answer.text
    assert one(events, CallFinished).state is CallState.REJECTED
    assert grants == []


async def test_destructive_tools_leave_nothing_open(world: World) -> None:
    foreign = {"tracker": {"url": f"{world.tracker_url}/mcp", "own": False, "trusted_text": True}}
    async with running(world, setting(42, "done"), tool_servers=foreign) as api:
        _, answer = await ask(api, 1, grant=ANY_STATUS)
    assert answer.status_code == 422
    assert "“status” cannot be left open" in answer.text


async def test_a_yes_by_a_second_person_counts_once(world: World, tmp_path: Path) -> None:
    policy = tmp_path / "policy.toml"
    policy.write_text(
        '[[rule]]\nname = "two"\nverdict = "ask_second_person"\nreason = "Two must agree."\n'
        'approver_roles = ["admin"]\n'
    )
    async with (
        running(world, setting(42, "done"), policy_file=policy) as api,
        api.ask("Set it") as reader,
    ):
        needed = await reader.until(ApprovalNeeded)
        admin = world.api("root", roles=["admin"])
        refused = await admin.decide(needed.call_id, "approve", grant=HOUR)
        await admin.decide(needed.call_id, "approve")
        await reader.rest()
    assert needed.may_grant is False
    assert refused.status_code == 422
    assert "cannot be given for longer. Two must agree." in refused.text
    assert [write[:2] for write in world.tracker.writes] == [(42, "done")]


async def test_untrusted_text_brings_the_question_back(world: World) -> None:
    """The tracker's own results taint the conversation as long as nobody vouches for its texts."""
    servers = {"tracker": {"url": f"{world.tracker_url}/mcp", "own": True}}
    async with running(world, *[setting(42, "done")] * 3, tool_servers=servers) as api:
        await ask(api, 1, grant=HOUR)
        needed = await asked_again(api, 2)
        await api.request("PUT", "/v1/conversations/conversation-2")
        async with api.ask("Set it", "conversation-2", "client-0003") as reader:
            elsewhere = await reader.rest()
    assert (needed.rule, needed.may_grant) == ("untrusted_text_asks", False)
    assert one(elsewhere, CallProposed).rule == "standing_grant"


async def test_a_grant_on_a_tainted_call_is_refused(world: World) -> None:
    servers = {"tracker": {"url": f"{world.tracker_url}/mcp", "own": True}}
    async with running(world, *[setting(42, "done")] * 2, tool_servers=servers) as api:
        await ask(api, 1)
        _, answer = await ask(api, 2, grant=HOUR)
    assert answer.status_code == 422
    assert "Text from outside is part of this answer" in answer.text


async def test_of_two_calls_the_one_that_is_covered_runs_and_the_other_is_asked_about(
    world: World,
) -> None:
    both = calls(
        ("tracker__set_status", '{"task_id": 42, "status": "done"}'),
        ("tracker__set_status", '{"task_id": 43, "status": "done"}'),
    )
    async with running(world, setting(42, "done"), both) as api:
        await ask(api, 1, grant=HOUR)
        events, _ = await ask(api, 2, decision="reject")
    assert [each.rule for each in every(events, CallProposed)] == ["standing_grant", "writes_ask"]
    assert [write[:2] for write in world.tracker.writes] == [(42, "done"), (42, "done")]


async def test_two_wishes_at_once_make_one_grant(world: World) -> None:
    async with running(world, setting(42, "done")) as api, api.ask("Set it") as reader:
        needed = await reader.until(ApprovalNeeded)
        first = await api.decide(needed.call_id, "approve", grant=HOUR)
        second = await api.decide(needed.call_id, "approve", grant=HOUR)
        await reader.rest()
        grants = await list_grants(api)
    assert (first.status_code, second.status_code) == (200, 409)
    assert len(grants) == 1
