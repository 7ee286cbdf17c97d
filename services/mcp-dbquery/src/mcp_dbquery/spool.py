"""Keeps what was read of a query for its next pages: in this process, or in Redis for several replicas."""

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

log = structlog.get_logger()


class Spool(Protocol):
    """Results of persons, each for a time, and no more bytes of one person than allowed: the oldest go first."""

    async def keep(
        self, person: str, query_id: str, content: bytes, *, lifetime_s: float, most_bytes: int
    ) -> bool:
        """Whether it is kept: not when it alone is larger than `most_bytes`, or the store does not answer."""
        ...

    async def get(self, person: str, query_id: str) -> bytes | None:
        """None: it is not there (any more), or is somebody else's."""
        ...

    async def problem(self) -> str | None:
        """Why it does not work right now, for the readiness check."""
        ...

    async def close(self) -> None:
        """Let connections go."""
        ...


@dataclass(slots=True)
class MemorySpool:
    """In this process."""

    clock: Callable[[], float] = field(default=time.monotonic)
    _kept: dict[str, OrderedDict[str, tuple[float, bytes]]] = field(
        default_factory=dict[str, OrderedDict[str, tuple[float, bytes]]], init=False
    )
    """Person → query → (end, content), oldest first."""

    async def keep(
        self, person: str, query_id: str, content: bytes, *, lifetime_s: float, most_bytes: int
    ) -> bool:
        self._forget_ended()
        if len(content) > most_bytes:
            return False
        own = self._kept.setdefault(person, OrderedDict())
        own[query_id] = (self.clock() + lifetime_s, content)
        held = sum(len(kept) for _, kept in own.values())
        while held > most_bytes:
            _, (_, dropped) = own.popitem(last=False)
            held -= len(dropped)
        return True

    async def get(self, person: str, query_id: str) -> bytes | None:
        self._forget_ended()
        own = self._kept.get(person)
        if own is None or query_id not in own:
            return None
        return own[query_id][1]

    async def problem(self) -> str | None:
        return None

    async def close(self) -> None:
        self._kept.clear()

    def _forget_ended(self) -> None:
        now = self.clock()
        for person, own in list(self._kept.items()):
            for query_id in [known for known, (ends_at, _) in own.items() if ends_at <= now]:
                del own[query_id]
            if not own:
                del self._kept[person]


_KEEP = """
redis.call('SET', KEYS[2], ARGV[2], 'PX', ARGV[3])
redis.call('RPUSH', KEYS[1], ARGV[1])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
local held = 0
for _, id in ipairs(redis.call('LRANGE', KEYS[1], 0, -1)) do
  held = held + redis.call('STRLEN', ARGV[5] .. id)
end
while held > tonumber(ARGV[4]) do
  local oldest = redis.call('LPOP', KEYS[1])
  held = held - redis.call('STRLEN', ARGV[5] .. oldest)
  redis.call('DEL', ARGV[5] .. oldest)
end
"""
"""The list holds a person's queries, oldest first; an ended one has length 0. All keys share the person's hash tag."""


@dataclass(frozen=True, slots=True)
class RedisSpool:
    """In Redis or Valkey, which expires what is kept by itself."""

    redis: Redis

    async def keep(
        self, person: str, query_id: str, content: bytes, *, lifetime_s: float, most_bytes: int
    ) -> bool:
        if len(content) > most_bytes:
            return False
        prefix = _prefix(person)
        keys = [f"{prefix}list", f"{prefix}{query_id}"]
        values = [query_id, content, int(lifetime_s * 1_000), most_bytes, prefix]
        try:
            await self.redis.eval(_KEEP, len(keys), *keys, *values)  # pyright: ignore[reportUnknownMemberType, reportGeneralTypeIssues, reportUnknownVariableType]
        except (RedisError, OSError):
            log.warning("spool_unavailable")
            return False
        return True

    async def get(self, person: str, query_id: str) -> bytes | None:
        try:
            return await self.redis.get(f"{_prefix(person)}{query_id}")  # pyright: ignore[reportUnknownMemberType, reportReturnType]
        except (RedisError, OSError):
            log.warning("spool_unavailable")
            return None

    async def problem(self) -> str | None:
        try:
            await self.redis.ping()  # pyright: ignore[reportUnknownMemberType, reportGeneralTypeIssues]
        except (RedisError, OSError):
            return "Redis does not answer, so no statement can be counted."
        return None

    async def close(self) -> None:
        await self.redis.aclose()


def _prefix(person: str) -> str:
    return f"mcp-dbquery:spool:{{{person}}}:"
