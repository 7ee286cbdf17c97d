"""A stop on any replica ends the model's stream and the tool call that runs, whatever else goes wrong."""

import pytest
from faults.cluster import Cluster
from faults.replicas import until
from faults.scenarios import HELD_CALL, SLOW_TEXT, Scenario
from faults.tally import TALLY
from faults.turns import TakenTurn, asking
from faults.viewers import Viewer, shown_text

from shared.wire.events import CallFinished, CallState, Event, Outcome, TurnFinished

pytestmark = [pytest.mark.postgres, pytest.mark.asyncio(loop_scope="session")]


async def stopped(
    cluster: Cluster,
    scenario: Scenario,
    *,
    at: str,
    valkey_dies: bool = False,
    owner_dies: bool = False,
) -> tuple[TakenTurn, Viewer]:
    """A turn that was stopped on another replica at its first event of a kind."""
    async with asking(cluster, scenario) as (turn, asker):
        is_stopped = False

        async def on_event(event: Event) -> None:
            nonlocal is_stopped
            if event.kind != at or is_stopped:
                return
            is_stopped = True
            if scenario is HELD_CALL:
                await until(lambda: _ledger(cluster, "held") == held_before + 1)
            if valkey_dies:
                cluster.valkey.kill()
            answer = await cluster.request(
                "PUT", f"/v1/turns/{turn.turn_id}/cancellation", turn.watched.url
            )
            assert answer.status_code == 202, answer.text
            if valkey_dies:
                cluster.valkey.restart_empty()
            if owner_dies:
                await turn.ran_by.kill()

        held_before = _ledger(cluster, "held")
        watcher = turn.viewer(turn.watched.url)
        watcher.on_event = on_event
        await watcher.follow()
        await asker
    return turn, watcher


def _ledger(cluster: Cluster, what: str) -> int:
    return sum(line["what"] == what for line in cluster.ledger.lines())


async def test_a_stop_on_another_replica_keeps_the_text_and_marks_it(cluster: Cluster) -> None:
    TALLY.faults["stop"] += 1
    turn, watcher = await stopped(cluster, SLOW_TEXT, at="text_delta")
    stored = await turn.check()
    assert stored["state"] == "stopped"
    assert shown_text(watcher.events).startswith("word ")
    assert _outcome(watcher) is Outcome.STOPPED


async def test_a_stop_reaches_the_tool_server(cluster: Cluster) -> None:
    TALLY.faults["stop"] += 1
    cancelled_before = _ledger(cluster, "cancelled")
    turn, watcher = await stopped(cluster, HELD_CALL, at="call_started")
    await turn.check()
    (call,) = [event for event in watcher.events if isinstance(event, CallFinished)]
    assert call.state is CallState.CANCELLED
    await until(lambda: _ledger(cluster, "cancelled") == cancelled_before + 1)


@pytest.mark.parametrize("scenario", [SLOW_TEXT, HELD_CALL], ids=lambda s: s.name)
async def test_a_stop_outlives_valkey(cluster: Cluster, scenario: Scenario) -> None:
    TALLY.faults["stop while Valkey is killed"] += 1
    at = "text_delta" if scenario is SLOW_TEXT else "call_started"
    turn, watcher = await stopped(cluster, scenario, at=at, valkey_dies=True)
    await turn.check()
    assert _outcome(watcher) is Outcome.STOPPED


async def test_a_stop_outlives_the_replica_that_ran_the_turn(cluster: Cluster) -> None:
    TALLY.faults["stop, then orchestrator killed"] += 1
    turn, watcher = await stopped(cluster, SLOW_TEXT, at="text_delta", owner_dies=True)
    await turn.check()
    assert _outcome(watcher) is Outcome.STOPPED


def _outcome(viewer: Viewer) -> Outcome:
    (finished,) = [event for event in viewer.events if isinstance(event, TurnFinished)]
    return finished.outcome
