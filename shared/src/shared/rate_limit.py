"""Rate limits shared by all replicas: GCRA with a burst, kept in Redis."""

import hashlib
import math
from dataclasses import dataclass

from redis.exceptions import RedisError
from throttled import RateLimiterType, Throttled, rate_limiter, store
from throttled.exceptions import BaseThrottledError

from shared.errors import TooManyRequests, Unavailable


@dataclass(frozen=True, slots=True)
class RateLimit:
    """At most `per_minute` in the long run, `burst` at once."""

    name: str
    per_minute: int
    burst: int
    redis_url: str

    def take(self, key: str) -> None:
        """Count one use for a key, which is stored as a hash only. Fails closed: what cannot be counted is refused.

        Raises:
            TooManyRequests: with the seconds after which the next use is allowed.
            Unavailable: Redis does not answer.
        """
        throttle = Throttled(
            using=RateLimiterType.GCRA.value,
            quota=rate_limiter.per_min(self.per_minute, burst=self.burst),
            store=_store(self.redis_url),
            timeout=-1,
        )
        try:
            result = throttle.limit(f"{self.name}:{_hash(key)}")
        except (BaseThrottledError, RedisError, OSError):
            raise Unavailable("This is not available right now. Try again in a moment.") from None
        if result.limited:
            wait_s = max(1, math.ceil(result.state.retry_after))
            raise TooManyRequests(
                f"Too many attempts. Try again in {wait_s} s.", retry_after_s=wait_s
            )


def _hash(key: str) -> str:
    return hashlib.sha256(key.encode(errors="surrogatepass")).hexdigest()


_stores: dict[str, store.RedisStore] = {}


def _store(redis_url: str) -> store.RedisStore:
    """One connection pool per address."""
    if redis_url not in _stores:
        _stores[redis_url] = store.RedisStore(server=redis_url)
    return _stores[redis_url]
