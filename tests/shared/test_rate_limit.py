"""Limits that hold over all replicas, and refuse what cannot be counted."""

from collections.abc import Generator
from typing import cast

import pytest
from redis import Redis
from support.valkey import Valkey, valkey

from shared.errors import TooManyRequests, Unavailable
from shared.rate_limit import RateLimit


@pytest.fixture(scope="module")
def redis_server() -> Generator[Valkey]:
    with valkey() as server:
        yield server


def limit(server: Valkey, name: str, *, per_minute: int = 6, burst: int = 3) -> RateLimit:
    return RateLimit(name, per_minute=per_minute, burst=burst, redis_url=server.url)


def allowed(limited: RateLimit, key: str, tries: int = 10) -> int:
    """How many of so many tries in a row are allowed."""
    count = 0
    for _ in range(tries):
        try:
            limited.take(key)
        except TooManyRequests:
            continue
        count += 1
    return count


def test_a_burst_is_allowed_and_then_it_is_told_when_to_come_back(redis_server: Valkey) -> None:
    limited = limit(redis_server, "burst")
    for _ in range(3):
        limited.take("ada")

    with pytest.raises(TooManyRequests) as refused:
        limited.take("ada")

    assert 1 <= refused.value.retry_after_s <= 10
    assert (
        refused.value.message == f"Too many attempts. Try again in {refused.value.retry_after_s} s."
    )


def test_a_use_comes_back_with_time(redis_server: Valkey) -> None:
    quick = limit(redis_server, "quick", per_minute=60_000, burst=1)

    assert allowed(quick, "ada", tries=50) > 1


def test_replicas_count_together(redis_server: Valkey) -> None:
    replicas = [limit(redis_server, "together") for _ in range(2)]

    assert sum(allowed(replica, "ada", tries=3) for replica in replicas) == 3


@pytest.mark.parametrize("key", ["eve", "ada ", "", "\ud800", "x" * 100_000, "ada:*"])
def test_keys_and_names_do_not_share(redis_server: Valkey, key: str) -> None:
    limited = limit(redis_server, f"apart {key[:5]!r}")
    assert allowed(limited, "ada") == 3

    assert allowed(limited, key) == 3
    assert allowed(limit(redis_server, f"other {key[:5]!r}"), "ada") == 3


def test_what_is_counted_cannot_be_read_in_redis(redis_server: Valkey) -> None:
    limit(redis_server, "secret").take("ada@example.org")

    with Redis(port=redis_server.port, decode_responses=True) as client:
        names = cast("list[str]", client.keys())  # pyright: ignore[reportUnknownMemberType]
    assert names
    assert not any("ada@" in name for name in names)


def test_nothing_is_allowed_while_nothing_can_be_counted() -> None:
    with valkey() as gone:
        pass

    with pytest.raises(Unavailable):
        limit(gone, "closed").take("ada")
