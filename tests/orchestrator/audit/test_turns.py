"""What a turn leaves in the audit chain, seen over HTTP: every decision, every side effect, and nothing else."""

import asyncio
import hashlib
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send
from support.models import ScriptedModel, calls
from support.servers import serving
from support.tracker import Tracker
from support.world import WAIT_S, Api, World, one

from orchestrator.audit.canonical import digest
from orchestrator.audit.chain import Whole
from orchestrator.audit.file import check_file
from shared.wire.events import ApprovalNeeded, CallFinished, CallProposed, OutcomeNeeded

SET_42 = ("tracker__set_status", '{"task_id": 42, "status": "done"}')
COUNT = ("tracker__count_tasks", "{}")
SESSION = "0123456789abcdef"


@dataclass
class Wiretap:
    """Passes requests on and keeps their bodies."""

    app: ASGIApp
    bodies: list[bytes] = field(default_factory=list[bytes])

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def listen() -> Message:
            message = await receive()
            self.bodies.append(message.get("body", b""))
            return message

        await self.app(scope, listen, send)


@asynccontextmanager
async def tapped_tracker(tracker: Tracker) -> AsyncGenerator[tuple[dict[str, Any], Wiretap]]:
    """Settings for a tracker behind a wiretap."""
    tap = Wiretap(tracker.app())
    async with serving(tap) as url:
        yield {"tracker": {"url": f"{url}/mcp", "own": True}}, tap


async def audit(api: Api, **filters: Any) -> list[dict[str, Any]]:
    """The tenant's rows, oldest first."""
    answer = await api.request("GET", "/v1/audit", params={"limit": 200, **filters})
    assert answer.status_code == 200, answer.text
    return list(reversed(answer.json()["rows"]))


async def until_it_waits(api: Api, turn_id: str) -> None:
    """The question is shown a moment before the turn is laid down; only then does nothing run any more."""
    async with asyncio.timeout(WAIT_S):
        while (await api.request("GET", f"/v1/turns/{turn_id}")).json()["state"] != "waiting":
            pass


async def test_an_edited_and_approved_call_is_proved_from_proposal_to_result(world: World) -> None:
    model = ScriptedModel([[calls(SET_42)], ["Done."]])
    async with (
        tapped_tracker(world.tracker) as (servers, tap),
        world.orchestrator(model, tool_servers=servers),
    ):
        api = world.api(session=SESSION)
        async with api.ask("Set task 42 to done") as reader:
            needed = await reader.until(ApprovalNeeded)
            edited = {"task_id": 43, "status": "done"}
            await api.decide(needed.call_id, "approve", arguments=edited, note="The other one.")
            events = await reader.rest()
        turn_id = reader.response.headers["x-turn-id"]
        rows = await audit(api)
        exported = await api.request("GET", "/v1/audit/export")

    assert [row["kind"] for row in rows] == [
        "call_proposed",
        "approval_shown",
        "decision",
        "call_sent",
        "call_ended",
    ]
    assert [row["seq"] for row in rows] == [1, 2, 3, 4, 5]
    assert {(row["turn_id"], row["call_id"], row["person_id"]) for row in rows} == {
        (turn_id, needed.call_id, "ada")
    }
    proposed, shown, decision, sent, ended = (row["body"] for row in rows)
    assert (proposed["server"], proposed["tool"]) == ("tracker", "set_status")
    assert (proposed["verdict"], proposed["rule"]) == ("ask", one(events, CallProposed).rule)
    assert proposed["arguments_sha256"] == digest({"task_id": 42, "status": "done"})
    assert shown == needed.model_dump(mode="json")
    assert decision["decision"] == "approved"
    assert decision["edits"] == {"task_id": {"old": 42, "new": 43}}
    assert (decision["name"], decision["note"]) == ("Ada", "The other one.")
    assert {body["session"] for body in (proposed, decision, sent, ended)} == {SESSION}
    assert sent["definition_hash"] == proposed["definition_hash"]
    assert sent["attempt"] == 1
    assert ended["state"] == "succeeded"
    assert ended["result_sha256"] == digest(one(events, CallFinished).result)

    assert [(*write,) for write in world.tracker.writes] == [(43, "done", sent["idempotency_key"])]
    (request,) = [body for body in tap.bodies if b'"set_status"' in body]
    assert f'"arguments":{sent["arguments"]}'.encode() in request
    assert sent["arguments_sha256"] == hashlib.sha256(sent["arguments"].encode()).hexdigest()
    assert decision["arguments_sha256"] == sent["arguments_sha256"]

    (found,) = check_file(exported.content.splitlines(keepends=True))
    assert isinstance(found, Whole)
    assert (found.tenant_id, found.rows) == ("acme", 5)


async def test_a_turn_without_tools_leaves_no_row(world: World) -> None:
    async with world.orchestrator(ScriptedModel([["Hello."]])):
        await world.api().answer("Hi")
        assert await audit(world.api()) == []


async def test_a_call_that_needs_no_yes_is_proposed_sent_and_ended(world: World) -> None:
    async with world.orchestrator(ScriptedModel([[calls(COUNT, COUNT)], ["Two."]])):
        await world.api().answer("How many?")
        rows = await audit(world.api())
    assert [row["kind"] for row in rows] == [
        *["call_proposed"] * 2,
        *["call_sent"] * 2,
        *["call_ended"] * 2,
    ]
    assert rows[2]["body"]["arguments"] == "{}"


async def test_a_refused_call_is_proposed_and_ended_but_never_sent(world: World) -> None:
    async with world.orchestrator(
        ScriptedModel([[calls(("tracker__drop_all", "{}"))], ["I cannot."]])
    ):
        await world.api().answer("Drop everything")
        proposed, ended = await audit(world.api())
    assert (proposed["body"]["verdict"], proposed["body"]["rule"]) == ("refuse", "unknown_tool")
    assert (ended["body"]["state"], ended["body"]["error"]) == ("refused", "unknown_tool")
    assert ended["body"]["result_sha256"] is None


async def test_a_no_names_who_said_it(world: World) -> None:
    async with world.orchestrator(ScriptedModel([[calls(SET_42)], ["All right."]])):
        api = world.api()
        async with api.ask("Set task 42 to done") as reader:
            needed = await reader.until(ApprovalNeeded)
            answers = [await api.decide(needed.call_id, "reject", note="No.") for _ in range(2)]
            await reader.rest()
        rows = await audit(api)
    assert [answer.status_code for answer in answers] == [200, 409]
    assert [row["kind"] for row in rows][2:] == ["decision", "call_ended"]
    decision = rows[2]
    assert (decision["person_id"], decision["body"]["decision"]) == ("ada", "rejected")
    assert decision["body"]["edits"] == {}


async def test_a_question_that_expired_was_decided_by_nobody(world: World) -> None:
    async with world.orchestrator(ScriptedModel([[calls(SET_42)], ["All right."]])):
        api = world.api()
        async with api.ask("Set task 42 to done") as reader:
            await reader.until(ApprovalNeeded)
            world.clock.ahead = timedelta(hours=2)
            await reader.rest()
        world.clock.ahead = timedelta()
        (decision,) = await audit(api, kind="decision")
    assert (decision["person_id"], decision["body"]["decision"]) == (None, "expired")


async def test_a_question_that_was_stopped_is_closed_in_the_chain(world: World) -> None:
    async with world.orchestrator(ScriptedModel([[calls(SET_42)]])):
        api = world.api()
        async with api.ask("Set task 42 to done") as reader:
            await reader.until(ApprovalNeeded)
            turn_id = reader.response.headers["x-turn-id"]
            await until_it_waits(api, turn_id)
            await api.request("PUT", f"/v1/turns/{turn_id}/cancellation")
            await reader.rest()
        rows = await audit(api, turn=turn_id)
    ended, decision = rows[2:]
    assert (ended["kind"], ended["body"]["state"]) == ("call_ended", "cancelled")
    assert (decision["kind"], decision["body"]["decision"]) == ("decision", "cancelled")


async def test_a_lost_outcome_its_retry_and_both_calls_are_in_the_chain(world: World) -> None:
    world.tracker.loses = -1  # before anything was done
    server = {"url": f"{world.tracker_url}/mcp", "own": True, "timeout_s": 1.0}
    model = ScriptedModel([[calls(("tracker__order", '{"amount": 5}'))], ["Ordered."]])
    async with world.orchestrator(model, tool_servers={"tracker": server}):
        api = world.api(session=SESSION)
        async with api.ask("Order five") as reader:
            await api.decide((await reader.until(ApprovalNeeded)).call_id, "approve")
            lost = await reader.until(OutcomeNeeded)
            path = f"/v1/calls/{lost.call_id}/outcome"
            await api.request("PUT", path, json={"choice": "check"})
            await api.request("PUT", path, json={"choice": "retry"})
            again = await reader.until(ApprovalNeeded)
            await api.decide(again.call_id, "approve")
            await reader.rest()
        rows = await audit(api)
    first = [row for row in rows if row["call_id"] == lost.call_id]
    second = [row for row in rows if row["call_id"] == again.call_id]
    approved = ["call_proposed", "approval_shown", "decision", "call_sent"]
    asked = ["outcome_checked", "outcome_decided"]
    assert [row["kind"] for row in first] == [*approved, *asked, "call_ended"]
    assert [row["kind"] for row in second] == [*approved, "call_ended"]
    checked, decided = first[4:6]
    assert checked["body"]["answer"] == "not_done"
    assert (decided["person_id"], decided["body"]["answer"]) == ("ada", "retry")
    assert decided["body"]["session"] == SESSION
    assert second[0]["body"]["retry_of"] == lost.call_id
    sent = second[3]["body"]
    key = sent["idempotency_key"]
    assert json.loads(sent["arguments"]) == {"amount": 5, "request_id": key}
    assert world.tracker.orders == {key: 5}


async def test_a_lost_outcome_that_nobody_decided_expires_in_the_chain(world: World) -> None:
    world.tracker.loses = 1
    server = {"url": f"{world.tracker_url}/mcp", "own": True, "timeout_s": 1.0}
    model = ScriptedModel([[calls(("tracker__order", '{"amount": 5}'))], ["All right."]])
    async with world.orchestrator(model, tool_servers={"tracker": server}):
        api = world.api()
        async with api.ask("Order five") as reader:
            await api.decide((await reader.until(ApprovalNeeded)).call_id, "approve")
            await reader.until(OutcomeNeeded)
            world.clock.ahead = timedelta(days=30)
            await reader.rest()
        world.clock.ahead = timedelta()
        (row,) = await audit(world.api(), kind="outcome_decided")
    assert (row["person_id"], row["body"]["answer"]) == (None, "expired")


async def test_a_call_sent_again_after_a_restart_is_another_attempt(world: World) -> None:
    slow = ScriptedModel([[calls(("tracker__slow", "{}"))]])
    async with world.orchestrator(slow), world.api().ask("Take your time") as reader:
        await world.tracker.held.wait()
        turn_id = reader.response.headers["x-turn-id"]
    world.tracker.hold.set()
    async with world.orchestrator(ScriptedModel([["Done."]])):
        async with world.api().watch(turn_id) as reader:
            await reader.rest()
        sent = await audit(world.api(), kind="call_sent")
    assert [row["body"]["attempt"] for row in sent] == [1, 2]
    assert sent[0]["body"]["arguments"] == sent[1]["body"]["arguments"]


async def test_rows_outlive_their_conversation(world: World) -> None:
    async with world.orchestrator(ScriptedModel([[calls(COUNT)], ["Two."]])):
        api = world.api()
        await api.answer("How many?")
        before = await audit(api)
        await api.request("DELETE", "/v1/conversations/conversation-1")
        assert await audit(api) == before
    assert len(before) == 3


async def test_accepting_a_changed_definition_is_a_row_with_both_hashes(world: World) -> None:
    async with world.orchestrator(ScriptedModel([])):
        (server,) = (await world.api().request("GET", "/v1/tools")).json()["servers"]
        old = next(tool for tool in server["tools"] if tool["tool"] == "count_tasks")
    changed = Tracker(description="Count tasks, all of them.")
    async with (
        tapped_tracker(changed) as (servers, _),
        world.orchestrator(ScriptedModel([]), tool_servers=servers),
    ):
        api = world.api(session=SESSION)
        (server,) = (await api.request("GET", "/v1/tools")).json()["servers"]
        new = next(tool for tool in server["tools"] if tool["tool"] == "count_tasks")
        path = "/v1/tools/tracker/count_tasks/acceptance"
        await api.request("PUT", path, json={"definition_hash": new["definition_hash"]})
        (row,) = await audit(api)
    assert (row["kind"], row["person_id"]) == ("definition_accepted", "ada")
    assert row["body"]["definition_hash"] == new["definition_hash"]
    assert row["body"]["previous_hash"] == old["definition_hash"]
    assert row["body"]["definition"] == new["definition"]
    assert row["body"]["session"] == SESSION


async def test_no_token_and_no_key_is_in_the_chain(world: World, tmp_path: Path) -> None:
    async with world.orchestrator(ScriptedModel([[calls(COUNT)], ["Two."]])):
        api = world.api()
        await api.answer("How many?")
        text = json.dumps(await audit(api))
    assert "eyJ" not in text
    assert json.loads((tmp_path / "key.json").read_text())["d"] not in text
