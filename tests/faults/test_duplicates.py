"""The same question sent several times, to different replicas at once, is one turn."""

import asyncio
import uuid
from functools import partial

import pytest
from faults.cluster import Cluster
from faults.scenarios import EVERYTHING, SLOW_TEXT
from faults.tally import TALLY
from faults.turns import TakenTurn, respond
from faults.viewers import Viewer, as_json, lasting

from shared.wire.events import Event

pytestmark = [pytest.mark.postgres, pytest.mark.asyncio(loop_scope="session")]
TIMES = 6


async def test_a_question_sent_to_all_replicas_at_once_is_one_turn(cluster: Cluster) -> None:
    await cluster.play(EVERYTHING.replies)
    conversation = f"/v1/conversations/{uuid.uuid4()}"
    await cluster.request("PUT", conversation)
    body = {"client_id": str(uuid.uuid4()), "text": "Do all of it"}
    TALLY.faults["question sent again"] += TIMES - 1

    async def send(number: int) -> Viewer:
        replica = cluster.orchestrators[number % len(cluster.orchestrators)]
        async with cluster.http.stream(
            "POST", f"{replica.url}{conversation}/turns", json=body, headers=cluster.headers
        ) as response:
            assert response.status_code == 200, await response.aread()
            turn_id = response.headers["x-turn-id"]
            viewer = Viewer(cluster.http, cluster.headers, turn_id, replica.url, cluster.url)
            if number == 0:
                viewer.on_event = partial(respond, cluster)
            await viewer.read(response)
            return viewer

    viewers = await asyncio.gather(*(send(number) for number in range(TIMES)))
    (turn_id,) = {viewer.turn_id for viewer in viewers}
    replica = cluster.orchestrators[0]
    turn = TakenTurn(cluster, turn_id, replica, replica, EVERYTHING, list(viewers))
    assert (await turn.check())["state"] == "answered"
    assert cluster.store.column(
        "SELECT COUNT(*) FROM turns WHERE client_id = ?", body["client_id"]
    ) == [1]


async def test_different_questions_at_once_in_one_conversation_are_not_mixed(
    cluster: Cluster,
) -> None:
    await cluster.play(SLOW_TEXT.replies)
    conversation = f"/v1/conversations/{uuid.uuid4()}"
    await cluster.request("PUT", conversation)
    TALLY.faults["question sent beside another"] += TIMES - 1

    async def send(number: int) -> int:
        replica = cluster.orchestrators[number % len(cluster.orchestrators)]
        body = {"client_id": str(uuid.uuid4()), "text": f"Question {number}"}
        answer = await cluster.request("POST", f"{conversation}/turns", replica.url, json=body)
        return answer.status_code

    statuses = await asyncio.gather(*(send(number) for number in range(TIMES)))
    assert set(statuses) <= {200, 409}
    turns = (await cluster.request("GET", conversation)).json()["turns"]
    assert [turn["state"] for turn in turns] == ["answered"] * statuses.count(200)
    for turn in turns:
        assert turn["events"] == as_json(lasting(await _replayed(cluster, turn["turn_id"])))


async def _replayed(cluster: Cluster, turn_id: str) -> list[Event]:
    return await Viewer(cluster.http, cluster.headers, turn_id, cluster.url, cluster.url).follow()
