"""The end of an organisation: all that is theirs goes, and nothing of anybody else's."""

from typing import Any

import pytest
from sqlalchemy import func, select, text
from support.models import ScriptedModel, calls
from support.world import Api, World

from orchestrator.connections.models import ConnectionRow, RemoteServerRow
from orchestrator.database import Base, Database
from orchestrator.turns.tenant import remove_part
from shared.scopes import REMOVAL
from shared.sql import utc_now

COUNT = calls(("tracker__count_tasks", "{}"))


async def rows_of(world: World, tenant: str) -> dict[str, int]:
    """How many rows each table has for a tenant, of those tables that say whose a row is."""
    database = Database(world.make_settings().database_url)
    async with database.reading() as session:
        counts = {
            table.name: await session.scalar(
                select(func.count()).select_from(table).where(table.c.tenant_id == tenant)
            )
            or 0
            for table in Base.metadata.sorted_tables
            if "tenant_id" in table.c
        }
        for table in ("turn_events", "message_texts"):
            counts[table] = await session.scalar(text(f"SELECT count(*) FROM {table}")) or 0
    await database.close()
    return counts


async def connect(world: World, tenant: str) -> None:
    """A server that somebody of the tenant has added, and is signed in at."""
    database = Database(world.make_settings().database_url)
    async with database.writing() as session:
        server = RemoteServerRow(
            key=f"tickets-{tenant}",
            tenant_id=tenant,
            url="https://mcp.example/mcp",
            is_enabled=True,
            added_by="ada",
            added_at=utc_now(),
        )
        connection = ConnectionRow(
            connection_id=tenant,
            tenant_id=tenant,
            owner_id="ada",
            server=server.key,
            state="connected",
            issuer="https://issuer.example",
            token_endpoint="https://issuer.example/token",
            resource=server.url,
            client_id="steward",
            scopes="",
            generation=1,
            wanted_scopes="",
            problem="",
        )
        session.add(server)
        await session.flush()
        session.add(connection)
    await database.close()


def remover(world: World, tenant: str = "acme") -> Api:
    """What the frontend's purge brings."""
    return world.api("frontend", tenant, roles=[], scope=REMOVAL)


async def remove(world: World) -> int:
    """How often it had to be asked for."""
    api = remover(world)
    for times in range(1, 100):
        answer = await api.request("DELETE", "/v1/tenant")
        assert answer.status_code == 200, answer.text
        if answer.json()["done"]:
            return times
    raise AssertionError("never done")


async def test_everything_of_the_organisation_goes_and_nothing_of_another(world: World) -> None:
    model = ScriptedModel([[COUNT], ["Two."], [COUNT], ["Two."]])
    async with world.orchestrator(model):
        owner, other = world.api("ada", roles=["owner"]), world.api("otto", tenant="umbrella")
        await owner.turn("How many?", "client-0001")
        await other.request("PUT", "/v1/conversations/conversation-2")
        async with other.stream(
            "POST",
            "/v1/conversations/conversation-2/turns",
            json={"client_id": "client-0002", "text": "How many?"},
        ) as reader:
            await reader.rest()
        await connect(world, "acme")
        await connect(world, "umbrella")
        before = await rows_of(world, "umbrella")
        assert (await rows_of(world, "acme"))["audit_rows"] > 0

        assert await remove(world) == 1
        assert await remove(world) == 1  # deleting what is gone does no harm

        left = await rows_of(world, "acme")
        after = await rows_of(world, "umbrella")
    by_tenant = set(before) - {"turn_events", "message_texts"}
    assert {table: left[table] for table in by_tenant} == dict.fromkeys(by_tenant, 0)
    assert {table: after[table] for table in by_tenant} == {
        table: before[table] for table in by_tenant
    }
    assert 0 < after["turn_events"] < before["turn_events"]


async def test_a_deletion_that_was_interrupted_goes_on_where_it_was(world: World) -> None:
    async with world.orchestrator(ScriptedModel([[COUNT], ["Two."]])):
        owner = world.api("ada", roles=["owner"])
        await owner.turn("How many?", "client-0001")
        database = Database(world.make_settings().database_url)
        assert await remove_part(database, "acme", parts=1) is False
        await database.close()
        left = await rows_of(world, "acme")
        assert left["turns"] == 0
        assert left["tool_calls"] > 0
        await remove(world)
        assert sum((await rows_of(world, "acme")).values()) == 0


@pytest.mark.parametrize(
    "claims",
    [
        {"roles": ["owner"]},
        {"roles": ["owner"], "scope": "chat"},
        {"roles": ["owner"], "scope": f"chat {REMOVAL}"},
        {"roles": ["owner"], "client": "an agent"},
    ],
)
async def test_nobody_deletes_an_organisation_by_a_token_of_their_own(
    world: World, claims: dict[str, Any]
) -> None:
    async with world.orchestrator(ScriptedModel([])):
        refused = await world.api("ada", **claims).request("DELETE", "/v1/tenant")
        assert refused.status_code == 403
        assert (await rows_of(world, "acme"))["conversations"] == 1


async def test_a_token_for_deleting_is_good_for_nothing_else(world: World) -> None:
    async with world.orchestrator(ScriptedModel([])):
        for path in ("/v1/conversations", "/v1/about", "/v1/audit"):
            assert (await remover(world).request("GET", path)).status_code == 403
