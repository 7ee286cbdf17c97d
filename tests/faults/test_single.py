"""One process on SQLite is killed or shut down after every kind of event; started again it goes on by itself."""

import signal

import pytest
from faults.cluster import Cluster
from faults.scenarios import WIRE_KINDS, scenario_for
from faults.tally import TALLY
from faults.turns import TakenTurn, take_turn

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def kill(turn: TakenTurn) -> None:
    TALLY.faults["single process killed"] += 1
    await turn.asked.kill()
    turn.asked.start()


async def shut_down(turn: TakenTurn) -> None:
    TALLY.faults["single process shut down"] += 1
    turn.asked.signal(signal.SIGTERM)
    await turn.asked.ended()
    turn.asked.start()


@pytest.mark.parametrize("kind", WIRE_KINDS)
async def test_a_turn_goes_on_when_its_only_process_was_killed(single: Cluster, kind: str) -> None:
    turn = await take_turn(single, scenario_for(kind), at=kind, inject=kill)
    assert (await turn.check())["state"] == "answered"


@pytest.mark.parametrize("kind", ["text_delta", "call_progress"])
async def test_a_turn_goes_on_when_its_only_process_was_shut_down(
    single: Cluster, kind: str
) -> None:
    turn = await take_turn(single, scenario_for(kind), at=kind, inject=shut_down)
    assert (await turn.check())["state"] == "answered"
