"""A replica is killed, paused or shut down after every kind of event: the turn goes on elsewhere, nothing twice."""

import pytest
from faults.cluster import Cluster
from faults.scenarios import WIRE_KINDS, scenario_for
from faults.tally import TALLY
from faults.turns import TakenTurn, take_turn

pytestmark = [pytest.mark.postgres, pytest.mark.asyncio(loop_scope="session")]


async def kill_owner(turn: TakenTurn) -> None:
    TALLY.faults["orchestrator killed"] += 1
    assert turn.owner is not None
    await turn.owner.kill()


@pytest.mark.parametrize("kind", WIRE_KINDS)
async def test_a_turn_goes_on_elsewhere_when_its_replica_is_killed(
    cluster: Cluster, kind: str
) -> None:
    scenario = scenario_for(kind)
    turn = await take_turn(cluster, scenario, at=kind, inject=kill_owner)
    stored = await turn.check(scenario)
    assert stored["state"] == "answered"
