"""The model server or the tool server is killed after every kind of event: turns end in a named state, once."""

import pytest
from faults.cluster import Cluster
from faults.replicas import Replica
from faults.scenarios import WIRE_KINDS, Scenario, scenario_for
from faults.tally import TALLY
from faults.turns import TakenTurn, take_turn

from shared.wire.events import EVENTS, TurnFinished

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def restart(replica: Replica, cluster: Cluster) -> None:
    await replica.kill()
    await replica.ready(cluster.http)


async def kill_model(turn: TakenTurn) -> None:
    TALLY.faults["model server killed"] += 1
    await restart(turn.cluster.model, turn.cluster)
    await turn.cluster.play(turn.scenario.replies)


async def kill_tools(turn: TakenTurn) -> None:
    TALLY.faults["tool server killed"] += 1
    await restart(turn.cluster.tools, turn.cluster)


@pytest.mark.parametrize("kind", WIRE_KINDS)
async def test_a_turn_ends_in_words_when_the_model_server_is_killed(
    single: Cluster, kind: str
) -> None:
    turn = await take_turn(single, scenario_for(kind), at=kind, inject=kill_model)
    stored = await turn.check()
    assert stored["state"] in {"answered", "failed"}
    if stored["state"] == "failed":
        finished = EVENTS.validate_python(stored["events"])[-1]
        assert isinstance(finished, TurnFinished)
        assert finished.error is not None
        assert finished.error.code in {"reply_cut", "model_unavailable", "model_refused"}


@pytest.mark.parametrize("kind", WIRE_KINDS)
async def test_a_turn_goes_on_when_the_tool_server_is_killed(single: Cluster, kind: str) -> None:
    # A replica remembers for some seconds that a server did not answer; a new one has nothing to remember.
    await restart(single.orchestrators[0], single)
    turn = await take_turn(single, scenario_for(kind), at=kind, inject=kill_tools)
    assert (await turn.check())["state"] == "answered"


@pytest.mark.parametrize(
    "fault",
    [
        {"cut_after": 0},
        {"cut_after": 2},
        {"error_after": 2},
        {"finish": None, "done": False},
        {"status": 500},
        {"status": 429, "headers": {"Retry-After": "0"}},
        {"first_delay_ms": 300},
        {"delay_ms": 100},
    ],
    ids=str,
)
async def test_a_slow_or_cut_model_stream_still_ends_in_the_whole_answer(
    single: Cluster, fault: dict[str, object]
) -> None:
    TALLY.faults["model stream cut or slow"] += 1
    text = ["It ", "is ", "noon."]
    replies = ({"text": text, **fault}, {"text": text})
    scenario = Scenario("a reply with a fault", frozenset(), replies, {})
    turn = await take_turn(single, scenario, at="turn_started", inject=_nothing)
    stored = await turn.check()
    assert stored["state"] == "answered"
    assert [e["text"] for e in stored["events"] if e["kind"] == "text_finished"] == ["It is noon."]


async def _nothing(turn: TakenTurn) -> None:
    del turn
