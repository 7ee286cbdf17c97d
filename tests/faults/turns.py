"""Takes one turn through a fault, watched by several viewers, and checks what came of it."""

import asyncio
import uuid
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import httpx
from faults.cluster import Cluster
from faults.replicas import Replica
from faults.scenarios import Scenario
from faults.tally import TALLY
from faults.viewers import (
    PATIENCE_S,
    RETRY_S,
    TURN_TIMEOUT_S,
    Viewer,
    as_json,
    check_refusal,
    lasting,
)

from shared.wire.events import (
    EVENTS,
    ApprovalNeeded,
    CallFinished,
    CallProposed,
    CallState,
    Event,
    InputNeeded,
    OutcomeNeeded,
)

Headers = dict[str, str]
Inject = Callable[["TakenTurn"], Awaitable[None]]
DECIDE_TIMEOUT_S = 30


@dataclass
class TakenTurn:
    """A turn on its way through a fault."""

    cluster: Cluster
    turn_id: str
    asked: Replica
    watched: Replica
    scenario: Scenario
    viewers: list[Viewer] = field(default_factory=list[Viewer])

    def __post_init__(self) -> None:
        self.ran_by = self.asked
        """Who runs it, or ran it last before it began to wait or ended."""

    def note_owner(self) -> None:
        """To be called at each event: a lease that was given back names nobody."""
        self.ran_by = self.cluster.owner(self.turn_id) or self.ran_by

    def viewer(self, url: str = "") -> Viewer:
        """One more viewer, of the proxy unless told otherwise."""
        cluster = self.cluster
        viewer = Viewer(
            cluster.http, cluster.headers, self.turn_id, url or cluster.url, cluster.url
        )
        self.viewers.append(viewer)
        return viewer

    def effects(self, tool: str) -> list[int]:
        """How often each call of a tool in this turn has done something, by the keys they were sent with."""
        keys = self.cluster.store.column(
            "SELECT idempotency_key FROM tool_calls WHERE turn_id = ? AND tool = ?",
            self.turn_id,
            tool,
        )
        done = Counter(line["key"] for line in self.cluster.ledger.lines())
        return [done[key] for key in keys]

    async def check(self) -> dict[str, Any]:
        """All viewers saw what is stored, and nothing was said or done twice. Gives the stored turn."""
        await self.cluster.whole()
        stored = await self.cluster.stored(self.turn_id)
        TALLY.check_said_once(EVENTS.validate_python(stored["events"]))
        for viewer in self.viewers:
            assert as_json(lasting(viewer.events)) == stored["events"]
        self._check_effects(self.viewers[0].events)
        return stored

    def _check_effects(self, events: list[Event]) -> None:
        tools = {e.call_id: e.tool for e in events if isinstance(e, CallProposed)}
        ends = [e for e in events if isinstance(e, CallFinished)]
        for tool in self.scenario.effects:
            states = [end.state for end in ends if tools[end.call_id] == tool]
            sure = states.count(CallState.SUCCEEDED)
            unknown = sum(map(states.count, (CallState.OUTCOME_UNKNOWN, CallState.MARKED_DONE)))
            done = self.effects(tool)
            TALLY.check_effects(tool, sum(done), least=sure, most=sure + unknown)
            assert max(done, default=0) <= 1


async def take_turn(cluster: Cluster, scenario: Scenario, *, at: str, inject: Inject) -> TakenTurn:
    """Ask, watch from another replica, inject the fault at the first event of kind `at`, and see the turn end."""
    async with asking(cluster, scenario) as (turn, asker):
        is_injected = False

        async def on_event(event: Event) -> None:
            nonlocal is_injected
            if not is_injected:
                turn.note_owner()
                if event.kind == at:
                    is_injected = True
                    await inject(turn)
            await respond(cluster, event)

        watcher = turn.viewer(turn.watched.url)
        watcher.on_event = on_event
        await asyncio.gather(asker, watcher.follow())
        assert is_injected, f"no {at} came among {[event.kind for event in watcher.events]}"
    return turn


@asynccontextmanager
async def asking(
    cluster: Cluster, scenario: Scenario
) -> AsyncGenerator[tuple[TakenTurn, "asyncio.Task[list[Event]]"]]:
    """A new turn on the first orchestrator, and the task that reads the answer there and, when cut off, elsewhere."""
    await cluster.play(scenario.replies)
    asked = cluster.orchestrators[0]
    conversation = f"/v1/conversations/{uuid.uuid4()}"
    made = await cluster.request("PUT", conversation, asked.url)
    assert made.status_code < 300, made.text
    body = {"client_id": str(uuid.uuid4()), "text": scenario.name}
    async with AsyncExitStack() as stack:
        response = await _ask(cluster, f"{asked.url}{conversation}/turns", body, stack)
        assert response.status_code == 200, await response.aread()
        turn_id = response.headers["x-turn-id"]
        turn = TakenTurn(cluster, turn_id, asked, cluster.orchestrators[-1], scenario)
        task = asyncio.create_task(_read_on(turn.viewer(), response))
        try:
            yield turn, task
        finally:
            task.cancel()
            await asyncio.wait({task})


async def _ask(
    cluster: Cluster, url: str, body: dict[str, str], stack: AsyncExitStack
) -> httpx.Response:
    """Ask until a stream opens: with the same client id it is one turn however often it is asked."""
    async with asyncio.timeout(TURN_TIMEOUT_S):
        while True:
            asked = cluster.http.stream(
                "POST", url, json=body, headers=cluster.headers, timeout=PATIENCE_S
            )
            try:
                return await stack.enter_async_context(asked)
            except httpx.TimeoutException:
                await asyncio.sleep(RETRY_S)


async def _read_on(viewer: Viewer, response: httpx.Response) -> list[Event]:
    try:
        await viewer.read(response)
    except httpx.TimeoutException:
        pass  # silent, but not broken
    except httpx.TransportError:
        viewer.was_cut_off = True
        await asyncio.sleep(RETRY_S)
    return await viewer.follow()


async def respond(cluster: Cluster, event: Event, headers: Headers | None = None) -> None:
    """Answer a question to the person, in two tabs at once, and again until an answer comes. One of them counts."""
    match event:
        case ApprovalNeeded():
            path, body = f"/v1/calls/{event.call_id}/decision", {"decision": "approve"}
        case OutcomeNeeded():
            choice = "check" if event.can_check else "leave"
            path, body = f"/v1/calls/{event.call_id}/outcome", {"choice": choice}
        case InputNeeded():
            path = f"/v1/inputs/{event.input_id}"
            body = {"action": "accept", "content": {"sure": True}}
        case _:
            return
    put = partial(_put, cluster, path, headers or cluster.headers)
    async with asyncio.timeout(DECIDE_TIMEOUT_S):
        answers = await asyncio.gather(put(body), put(body))
        if isinstance(event, OutcomeNeeded) and all(a.get("choice") is None for a in answers):
            await put({"choice": "leave"})  # the check found that it was not done


async def _put(
    cluster: Cluster, path: str, headers: Headers, body: dict[str, Any]
) -> dict[str, Any]:
    """The answer; empty when another one counted."""
    while True:
        try:
            answer = await cluster.http.put(
                f"{cluster.url}{path}", json=body, headers=headers, timeout=PATIENCE_S
            )
        except httpx.TransportError:
            await asyncio.sleep(RETRY_S)
            continue
        if answer.status_code == 200:
            return answer.json()
        if answer.status_code == 409:
            return {"choice": "another"}
        check_refusal(answer)
        await asyncio.sleep(RETRY_S)
