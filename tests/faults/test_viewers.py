"""Many viewers of one turn: those that come late, leave and come back, or stop reading."""

import asyncio
import re
import socket
from collections.abc import Generator
from contextlib import contextmanager
from itertools import cycle

import pytest
from faults.cluster import Cluster
from faults.replicas import Replica, until_async
from faults.scenarios import EVERYTHING, LONG_TEXT, SLOW_TEXT
from faults.tally import TALLY
from faults.turns import TakenTurn, asking, respond, take_turn
from faults.viewers import HungUp, Viewer, as_json, lasting, shown_text

from shared.wire.events import Event

pytestmark = [pytest.mark.postgres, pytest.mark.asyncio(loop_scope="session")]
RECEIVE_BYTES = 4_096


async def test_a_turn_replays_from_every_number(cluster: Cluster) -> None:
    turn = await take_turn(cluster, EVERYTHING, at="turn_finished", inject=_nothing)
    stored = (await turn.check())["events"]
    numbers = [0, *(event["n"] for event in stored[:-1])]
    for number, replica in zip(numbers, cycle(cluster.orchestrators), strict=False):
        late = Viewer(cluster.http, cluster.headers, turn.turn_id, replica.url, cluster.url)
        late.applied = number
        await late.follow()
        TALLY.faults["late viewer"] += 1
        assert as_json(late.events) == [event for event in stored if event["n"] > number]


async def test_viewers_that_come_back_again_and_again_miss_nothing(cluster: Cluster) -> None:
    async with asking(cluster, EVERYTHING) as (turn, asker):

        async def hang_up(_: Event) -> None:
            TALLY.faults["viewer disconnected"] += 1
            raise HungUp

        async def decide(event: Event) -> None:
            await respond(cluster, event)

        turn.viewers[0].on_event = decide
        restless = [turn.viewer() for _ in range(3)]
        for viewer in restless:
            viewer.on_event = hang_up
        await asyncio.gather(asker, *(viewer.follow() for viewer in restless))
    await turn.check()


@contextmanager
def not_reading(cluster: Cluster, turn: TakenTurn, replica: Replica) -> Generator[socket.socket]:
    """A viewer that asks for everything and takes nothing."""
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BYTES)
        connection.connect(("127.0.0.1", replica.port))
        request = (
            f"GET /v1/turns/{turn.turn_id}/events HTTP/1.1\r\nHost: test\r\n"
            f"Authorization: Bearer {cluster.token}\r\nLast-Event-ID: 0\r\n\r\n"
        )
        connection.sendall(request.encode())
        yield connection


async def test_a_viewer_that_does_not_read_is_cut_off_and_catches_up(cluster: Cluster) -> None:
    replica = cluster.orchestrators[0]
    async with asking(cluster, LONG_TEXT) as (turn, asker):
        before = await _cut_off(cluster, replica)
        with not_reading(cluster, turn, replica):
            TALLY.faults["viewer stopped reading"] += 1
            await asker
            await until_async(lambda: _is_cut_off(cluster, replica, before))
        back = turn.viewer()
        await back.follow()
    await turn.check()
    assert shown_text(back.events) == shown_text(turn.viewers[0].events)


async def test_viewers_that_do_not_read_do_not_hold_up_the_others(cluster: Cluster) -> None:
    replica = cluster.orchestrators[0]
    async with asking(cluster, SLOW_TEXT) as (turn, asker):
        with not_reading(cluster, turn, replica), not_reading(cluster, turn, replica):
            TALLY.faults["viewer stopped reading"] += 2
            await asker
    assert (await turn.check())["state"] == "answered"
    assert len(lasting(turn.viewers[0].events)) < len(turn.viewers[0].events)


async def _is_cut_off(cluster: Cluster, replica: Replica, before: int) -> bool:
    return await _cut_off(cluster, replica) == before + 1


async def _cut_off(cluster: Cluster, replica: Replica) -> int:
    metrics = (await cluster.http.get(f"{replica.url}/metrics")).text
    found = re.search(r"^orchestrator_readers_cut_off_total (\d+)", metrics, re.MULTILINE)
    assert found is not None
    return int(found[1])


async def _nothing(turn: TakenTurn) -> None:
    del turn
