"""A replica is killed, paused or shut down after every kind of event: the turn goes on elsewhere, nothing twice."""

import re
import signal
from collections.abc import AsyncGenerator
from dataclasses import replace

import pytest
import pytest_asyncio
from faults.cluster import Cluster
from faults.replicas import Replica, until_async
from faults.scenarios import WIRE_KINDS, scenario_for
from faults.tally import TALLY
from faults.turns import TakenTurn, take_turn

pytestmark = [pytest.mark.postgres, pytest.mark.asyncio(loop_scope="session")]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def patient_owner(whole_cluster: Cluster) -> AsyncGenerator[Replica]:
    """A replica whose leases outlive every test: nobody takes over from it unless it hands over."""
    other = whole_cluster.orchestrators[0]
    environment = {**other.environment, "ORCHESTRATOR_LEASE_S": "3600"}
    owner = Replica(other.nursery, other.module, environment, other.log.with_stem("patient"))
    yield owner
    owner.end()


@pytest_asyncio.fixture(loop_scope="session")
async def patient(cluster: Cluster, patient_owner: Replica) -> Cluster:
    """The cluster, with that replica as the one that is asked."""
    await patient_owner.ready(cluster.http)
    return replace(cluster, orchestrators=[patient_owner, *cluster.orchestrators])


async def kill_owner(turn: TakenTurn) -> None:
    TALLY.faults["orchestrator killed"] += 1
    await turn.ran_by.kill()


async def shut_owner_down(turn: TakenTurn) -> None:
    TALLY.faults["orchestrator shut down"] += 1
    turn.ran_by.signal(signal.SIGTERM)


async def pause_owner(turn: TakenTurn) -> None:
    TALLY.faults["orchestrator paused"] += 1
    turn.ran_by.signal(signal.SIGSTOP)


@pytest.mark.parametrize("kind", WIRE_KINDS)
async def test_a_turn_goes_on_elsewhere_when_its_replica_is_killed(
    cluster: Cluster, kind: str
) -> None:
    turn = await take_turn(cluster, scenario_for(kind), at=kind, inject=kill_owner)
    assert (await turn.check())["state"] == "answered"


@pytest.mark.parametrize("kind", WIRE_KINDS)
async def test_a_turn_is_handed_over_when_its_replica_is_shut_down(
    patient: Cluster, kind: str
) -> None:
    turn = await take_turn(patient, scenario_for(kind), at=kind, inject=shut_owner_down)
    assert (await turn.check())["state"] == "answered"
    asker = turn.viewers[0]
    assert not asker.was_cut_off, "the stream broke off instead of ending"


@pytest.mark.parametrize("kind", WIRE_KINDS)
async def test_a_replica_that_was_paused_adds_nothing_when_it_comes_back(
    cluster: Cluster, kind: str
) -> None:
    turn = await take_turn(cluster, scenario_for(kind), at=kind, inject=pause_owner)
    paused = turn.ran_by
    paused.signal(signal.SIGCONT)
    stored = await turn.check()
    assert stored["state"] == "answered"
    await until_async(lambda: _runs_nothing(cluster, paused))
    assert await turn.check() == stored


async def _runs_nothing(cluster: Cluster, replica: Replica) -> bool:
    metrics = (await cluster.http.get(f"{replica.url}/metrics")).text
    return re.search(r"^orchestrator_turns_running 0", metrics, re.MULTILINE) is not None
