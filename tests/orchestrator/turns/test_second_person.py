"""Some calls need the yes of somebody other than the person who asked."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from support.models import ScriptedModel, calls
from support.world import Api, Reader, World, one

from shared.wire.events import (
    ApprovalDecided,
    ApprovalNeeded,
    CallFinished,
    CallProposed,
    CallState,
    Verdict,
)

SET_42 = ("tracker__set_status", '{"task_id": 42, "status": "done"}')
RULES = """
[[rule]]
name = "two_pairs_of_eyes"
verdict = "ask_second_person"
approver_roles = ["admin", "owner"]
reason = "Closing tasks needs a second person."
when.tool = "set_status"
"""


@asynccontextmanager
async def asked(
    world: World, directory: Path
) -> AsyncGenerator[tuple[Api, Reader, ApprovalNeeded]]:
    (directory / "policy.toml").write_text(RULES)
    model = ScriptedModel([[calls(SET_42)], ["All right."]])
    async with world.orchestrator(model, policy_file=directory / "policy.toml"):
        requester = world.api("ada", roles=["owner"])
        async with requester.ask("Set task 42 to done") as reader:
            yield requester, reader, await reader.until(ApprovalNeeded)


async def test_the_requester_cannot_say_yes_and_somebody_else_with_the_role_can(
    world: World, tmp_path: Path
) -> None:
    async with asked(world, tmp_path) as (requester, reader, needed):
        assert needed.approver_roles == ["admin", "owner"]
        assert not needed.may_grant
        own = await requester.decide(needed.call_id, "approve")
        assert (own.status_code, own.json()["error"]["code"]) == (403, "second_person_needed")
        assert "admin or owner" in own.json()["error"]["message"]
        for stranger in (
            world.api("carol", roles=["member"]),
            world.api("dave", roles=["admin"], tenant="other"),
            world.api("key:0123", roles=["admin"]),  # perhaps the requester's own
        ):
            assert (await stranger.decide(needed.call_id, "approve")).status_code == 404
        approver = world.api("bob", roles=["admin"])
        assert (await approver.decide(needed.call_id, "approve")).status_code == 200
        events = await reader.rest()
    assert one(events, ApprovalDecided).decided_by == "Bob"
    assert one(events, CallFinished).state is CallState.SUCCEEDED
    assert [write[:2] for write in world.tracker.writes] == [(42, "done")]


async def test_the_inbox_shows_it_to_those_who_may_decide_without_the_conversation(
    world: World, tmp_path: Path
) -> None:
    async def listed(api: Api) -> list[dict[str, Any]]:
        return (await api.request("GET", "/v1/approvals")).json()["approvals"]

    async with asked(world, tmp_path) as (requester, reader, needed):
        (mine,) = await listed(requester)
        assert (mine["mine"], mine["may_decide"]) == (True, False)
        approver = world.api("bob", roles=["admin"])
        (theirs,) = await listed(approver)
        assert (theirs["mine"], theirs["may_decide"]) == (False, True)
        assert (theirs["requested_by"], theirs["conversation_id"]) == ("Ada", None)
        assert theirs["call"]["verdict"] == Verdict.ASK_SECOND_PERSON
        assert await listed(world.api("carol", roles=["member"])) == []
        turn = await approver.request("GET", f"/v1/turns/{theirs['turn_id']}")
        assert turn.status_code == 404
        preview = await approver.request(
            "POST",
            f"/v1/calls/{needed.call_id}/preview",
            json={"arguments": {"task_id": 43, "status": "done"}},
        )
        assert preview.json()["preview"]["summary"] == "Set task 43 to done"
        await approver.decide(needed.call_id, "reject", note="Not yet.")
        events = await reader.rest()
    assert one(events, CallFinished).state is CallState.REJECTED
    assert world.tracker.writes == []


async def test_a_second_persons_yes_counts_once(world: World, tmp_path: Path) -> None:
    async with asked(world, tmp_path) as (_, reader, needed):
        approver = world.api("bob", roles=["admin"])
        refused = await approver.decide(needed.call_id, "approve", grant={"lifetime_s": 3600})
        assert refused.status_code == 422
        assert (await approver.decide(needed.call_id, "approve")).status_code == 200
        await reader.rest()


async def test_what_needs_a_second_person_is_refused_to_a_key(world: World, tmp_path: Path) -> None:
    """Whoever made it could say yes to what they have asked for by it."""
    (tmp_path / "policy.toml").write_text(RULES)
    model = ScriptedModel([[calls(SET_42)], ["It was refused."]])
    async with world.orchestrator(model, policy_file=tmp_path / "policy.toml"):
        key = world.api("key:0123", roles=["owner"])
        await key.request("PUT", "/v1/conversations/conversation-2")
        events = await key.answer("Set task 42 to done", conversation_id="conversation-2")
        assert one(events, CallProposed).rule == "key_asks"
        for path in ("/v1/audit", "/v1/policy", "/v1/grants?everybody=true"):
            assert (await key.request("GET", path)).status_code == 403
    assert world.tracker.writes == []
