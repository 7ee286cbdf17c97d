"""Takes one turn through a fault, watched by several viewers, and checks what came of it."""

import asyncio
import uuid
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
from faults.cluster import Cluster
from faults.replicas import Replica
from faults.scenarios import Scenario
from faults.tally import TALLY
from faults.viewers import PATIENCE_S, RETRY_S, Viewer, as_json, check_refusal, lasting

from shared.wire.events import EVENTS, ApprovalNeeded, CallFinished, CallProposed, CallState, Event

Inject = Callable[["TakenTurn"], Awaitable[None]]
DECIDE_TIMEOUT_S = 20


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
            unknown = states.count(CallState.OUTCOME_UNKNOWN)
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
            if isinstance(event, ApprovalNeeded):
                await approve(cluster, event.call_id)

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
    async with cluster.http.stream(
        "POST",
        f"{asked.url}{conversation}/turns",
        json=body,
        headers=cluster.headers,
        timeout=PATIENCE_S,
    ) as response:
        assert response.status_code == 200, await response.aread()
        turn_id = response.headers["x-turn-id"]
        turn = TakenTurn(cluster, turn_id, asked, cluster.orchestrators[-1], scenario)
        task = asyncio.create_task(_read_on(turn.viewer(), response))
        try:
            yield turn, task
        finally:
            task.cancel()
            await asyncio.wait({task})


async def _read_on(viewer: Viewer, response: httpx.Response) -> list[Event]:
    try:
        await viewer.read(response)
    except httpx.TransportError:
        viewer.was_cut_off = True
        await asyncio.sleep(RETRY_S)
    return await viewer.follow()


async def approve(cluster: Cluster, call_id: str) -> None:
    """Click “approve” in two tabs at once, and again until an answer comes. One click counts."""
    async with asyncio.timeout(DECIDE_TIMEOUT_S):
        answers = await asyncio.gather(_click(cluster, call_id), _click(cluster, call_id))
    assert set(answers) <= {200, 409}


async def _click(cluster: Cluster, call_id: str) -> int:
    while True:
        try:
            answer = await cluster.request(
                "PUT",
                f"/v1/calls/{call_id}/decision",
                json={"decision": "approve"},
                timeout=PATIENCE_S,
            )
        except httpx.TransportError:
            await asyncio.sleep(RETRY_S)
            continue
        if answer.status_code in {200, 409}:
            return answer.status_code
        check_refusal(answer)
        await asyncio.sleep(RETRY_S)
