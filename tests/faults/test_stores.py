"""Valkey or PostgreSQL goes away after every kind of event and comes back: turns go on, nothing is lost."""

import asyncio
import uuid

import pytest
from faults.cluster import Cluster
from faults.scenarios import EVERYTHING, WIRE_KINDS, scenario_for
from faults.tally import TALLY
from faults.turns import TakenTurn, asking, take_turn
from faults.viewers import check_refusal

pytestmark = [pytest.mark.postgres, pytest.mark.asyncio(loop_scope="session")]


async def empty_valkey(turn: TakenTurn) -> None:
    TALLY.faults["Valkey killed and emptied"] += 1
    turn.cluster.valkey.kill()
    turn.cluster.valkey.restart_empty()


async def break_postgres(turn: TakenTurn) -> None:
    TALLY.faults["PostgreSQL broken off"] += 1
    turn.cluster.stop_postgres()
    await turn.cluster.start_postgres()


@pytest.mark.parametrize("kind", WIRE_KINDS)
async def test_a_turn_goes_on_when_valkey_forgets_everything(cluster: Cluster, kind: str) -> None:
    turn = await take_turn(cluster, scenario_for(kind), at=kind, inject=empty_valkey)
    assert (await turn.check())["state"] == "answered"


@pytest.mark.parametrize("kind", WIRE_KINDS)
async def test_a_turn_goes_on_when_postgresql_breaks_off(cluster: Cluster, kind: str) -> None:
    turn = await take_turn(cluster, scenario_for(kind), at=kind, inject=break_postgres)
    assert (await turn.check())["state"] == "answered"


async def test_a_turn_is_asked_and_answered_without_valkey(cluster: Cluster) -> None:
    TALLY.faults["Valkey killed for a whole turn"] += 1
    cluster.valkey.kill()
    try:
        turn = await take_turn(cluster, EVERYTHING, at="turn_started", inject=_nothing)
    finally:
        cluster.valkey.start()
    assert (await turn.check())["state"] == "answered"


async def test_requests_are_refused_in_words_while_postgresql_is_away(cluster: Cluster) -> None:
    async with asking(cluster, EVERYTHING) as (turn, asker):
        TALLY.faults["PostgreSQL away for requests"] += 1
        cluster.stop_postgres()
        try:
            await asyncio.gather(
                *(_is_refused(cluster, turn, r.url) for r in cluster.orchestrators)
            )
        finally:
            await cluster.start_postgres()
        asker.cancel()


async def _is_refused(cluster: Cluster, turn: TakenTurn, url: str) -> None:
    conversation = f"/v1/conversations/{uuid.uuid4()}"
    for method, path, body in (
        ("GET", f"/v1/turns/{turn.turn_id}", None),
        ("GET", f"/v1/turns/{turn.turn_id}/events", None),
        ("PUT", f"/v1/turns/{turn.turn_id}/cancellation", None),
        ("PUT", conversation, None),
        ("GET", conversation, None),
        ("POST", f"{conversation}/turns", {"client_id": "client-1", "text": "Hello"}),
        ("PUT", "/v1/calls/call_1/decision", {"decision": "approve"}),
    ):
        answer = await cluster.request(method, path, url, json=body)
        check_refusal(answer)


async def _nothing(turn: TakenTurn) -> None:
    del turn
