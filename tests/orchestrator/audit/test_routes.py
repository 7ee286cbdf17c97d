"""Who may look into the audit chain, and how it is looked through."""

import httpx
import pytest
from support.models import ScriptedModel, calls
from support.world import World

from orchestrator.audit.chain import Whole
from orchestrator.audit.file import check_file

COUNT = calls(("tracker__count_tasks", "{}"))
PATHS = ["/v1/audit", "/v1/audit/export"]


def seqs(answer: httpx.Response) -> list[int]:
    return [row["seq"] for row in answer.json()["rows"]]


@pytest.mark.parametrize("path", PATHS)
async def test_only_owners_and_admins_may_look(world: World, path: str) -> None:
    async with world.orchestrator(ScriptedModel([])):
        refused = await world.api("bob", roles=["member"]).request("GET", path)
        allowed = await world.api("eve", roles=["admin"]).request("GET", path)
    assert refused.status_code == 403
    assert "owner or an admin" in refused.json()["error"]["message"]
    assert allowed.status_code == 200


@pytest.mark.parametrize("path", PATHS)
async def test_nobody_sees_another_tenants_chain(world: World, path: str) -> None:
    async with world.orchestrator(ScriptedModel([[COUNT], ["Two."]])):
        await world.api().answer("How many?")
        stranger = await world.api(tenant="umbrella").request("GET", path)
    assert "call_" not in stranger.text


async def test_the_chain_is_paged_and_filtered_latest_first(world: World) -> None:
    model = ScriptedModel([[COUNT], ["Two."], [COUNT], ["Two."]])
    async with world.orchestrator(model):
        api = world.api()
        await api.answer("How many?")
        async with api.ask("And now?", client_id="client-0002") as reader:
            await reader.rest()
        turn_id = reader.response.headers["x-turn-id"]

        first = await api.request("GET", "/v1/audit", params={"limit": 4})
        assert seqs(first) == [6, 5, 4, 3]
        before = first.json()["next_before"]
        rest = await api.request("GET", "/v1/audit", params={"limit": 4, "before": before})
        assert (seqs(rest), rest.json()["next_before"]) == ([2, 1], None)

        for filters, expected in (
            ({"kind": "call_sent"}, [5, 2]),
            ({"turn": turn_id}, [6, 5, 4]),
            ({"turn": turn_id, "kind": "call_ended"}, [6]),
            ({"person": "ada"}, [6, 5, 4, 3, 2, 1]),
            ({"person": "nobody"}, []),
        ):
            assert seqs(await api.request("GET", "/v1/audit", params=filters)) == expected
        unclear = await api.request("GET", "/v1/audit", params={"before": "yesterday"})
        assert unclear.status_code == 422


async def test_an_empty_chain_exports_as_one_that_is_whole(world: World) -> None:
    async with world.orchestrator(ScriptedModel([])):
        answer = await world.api().request("GET", "/v1/audit/export")
    assert answer.headers["content-type"] == "application/jsonl"
    (found,) = check_file(answer.content.splitlines(keepends=True))
    assert isinstance(found, Whole)
    assert found.rows == 0
