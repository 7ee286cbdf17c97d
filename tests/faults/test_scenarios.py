"""The table of scenarios tells the truth: each produces the kinds it says, and together they produce every kind."""

import pytest
from faults.cluster import Cluster
from faults.scenarios import SCENARIOS, WIRE_KINDS, Scenario, scenario_for
from faults.turns import TakenTurn, take_turn


@pytest.mark.parametrize("kind", WIRE_KINDS)
def test_every_kind_of_event_has_a_scenario(kind: str) -> None:
    assert kind in scenario_for(kind).kinds


@pytest.mark.asyncio(loop_scope="session")
@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
async def test_a_scenario_produces_the_kinds_it_says(single: Cluster, scenario: Scenario) -> None:
    turn = await take_turn(single, scenario, at="turn_finished", inject=_nothing)
    seen = [event for viewer in turn.viewers for event in viewer.events]
    assert {event.kind for event in seen} == scenario.kinds
    await turn.check()


async def _nothing(turn: TakenTurn) -> None:
    del turn
