"""What is kept for next pages: each person's apart, no more than allowed, the oldest out first."""

from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager
from typing import cast

import pytest
from redis import Redis
from support.valkey import Valkey, valkey

from mcp_dbquery.spool import MemorySpool, RedisSpool, Spool
from shared.redis_clients import command_client


@pytest.fixture(scope="module")
def store() -> Generator[Valkey]:
    with valkey() as started:
        yield started


@asynccontextmanager
async def opened(kind: str, store: Valkey) -> AsyncGenerator[Spool]:
    if kind == "memory":
        yield MemorySpool()
        return
    store.forget_everything()
    client = command_client(store.url)
    yield RedisSpool(client)
    await client.aclose()


async def keep(spool: Spool, person: str, query: str, content: bytes, most: int = 100) -> bool:
    return await spool.keep(person, query, content, lifetime_s=60, most_bytes=most)


KINDS = pytest.mark.parametrize("kind", ["memory", "redis"])


@KINDS
async def test_a_result_is_given_back_to_its_person_alone(kind: str, store: Valkey) -> None:
    async with opened(kind, store) as spool:
        assert await spool.problem() is None
        assert await keep(spool, "ada", "q1", b"rows")
        assert await spool.get("ada", "q1") == b"rows"
        assert await spool.get("bob", "q1") is None
        assert await spool.get("ada", "q2") is None


@KINDS
async def test_the_oldest_goes_first_when_a_persons_room_is_full(kind: str, store: Valkey) -> None:
    async with opened(kind, store) as spool:
        for number in range(4):
            assert await keep(spool, "ada", f"q{number}", b"x" * 30)
        assert await keep(spool, "bob", "q9", b"x" * 90)
        kept = [await spool.get("ada", f"q{number}") for number in range(4)]
        assert [content is not None for content in kept] == [False, True, True, True]
        assert await spool.get("bob", "q9") is not None


@KINDS
async def test_what_is_larger_than_all_the_room_is_not_kept(kind: str, store: Valkey) -> None:
    async with opened(kind, store) as spool:
        assert await keep(spool, "ada", "q1", b"x" * 100)
        assert not await keep(spool, "ada", "q2", b"x" * 101)
        assert await spool.get("ada", "q1") is not None


async def test_in_memory_it_ends_with_its_lifetime() -> None:
    now = [0.0]
    spool = MemorySpool(clock=lambda: now[0])
    await keep(spool, "ada", "q1", b"rows")
    now[0] = 59.9
    assert await spool.get("ada", "q1") == b"rows"
    now[0] = 60.0
    assert await spool.get("ada", "q1") is None


async def test_in_redis_it_ends_by_itself(store: Valkey) -> None:
    async with opened("redis", store) as spool:
        await keep(spool, "ada", "q1", b"rows")
        with Redis(port=store.port) as redis:
            keys = cast("list[bytes]", redis.keys())  # pyright: ignore[reportUnknownMemberType]
            assert len(keys) == 2
            for key in keys:
                assert 0 < redis.pttl(key) <= 60_000


async def test_without_its_redis_nothing_is_kept_and_nothing_breaks() -> None:
    client = command_client("redis://127.0.0.1:1/0")
    spool = RedisSpool(client)
    assert not await keep(spool, "ada", "q1", b"rows")
    assert await spool.get("ada", "q1") is None
    assert "does not answer" in str(await spool.problem())
    await spool.close()
