"""The one factory of Redis clients.

redis-py 8 gives every client `socket_timeout=5` and 100 connections. A blocking read longer than that
raises after a minute of retries instead of returning, so readers get a client of their own.
"""

from redis import Redis
from redis.asyncio import Redis as AsyncRedis

MAX_CONNECTIONS = 1_000


def command_client(url: str) -> AsyncRedis:
    """For commands that answer at once; gives up after 5 s."""
    return AsyncRedis.from_url(  # pyright: ignore[reportUnknownMemberType]
        url,
        socket_timeout=5,
        socket_connect_timeout=5,
        health_check_interval=30,
        max_connections=MAX_CONNECTIONS,
    )


def reader_client(url: str) -> AsyncRedis:
    """For blocking reads: the block time bounds them, not the socket."""
    return AsyncRedis.from_url(  # pyright: ignore[reportUnknownMemberType]
        url,
        socket_timeout=None,
        socket_connect_timeout=5,
        health_check_interval=30,
        max_connections=MAX_CONNECTIONS,
    )


def blocking_command_client(url: str) -> Redis:
    """For threads and greenlets: commands that answer at once; gives up after 5 s."""
    return Redis.from_url(  # pyright: ignore[reportUnknownMemberType]
        url,
        socket_timeout=5,
        socket_connect_timeout=5,
        health_check_interval=30,
        max_connections=MAX_CONNECTIONS,
    )
