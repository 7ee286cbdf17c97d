"""Rate limits shared by all replicas: GCRA with a burst, kept in Redis."""

from dataclasses import dataclass

from redis.exceptions import RedisError
from throttled import RateLimiterType, Throttled, rate_limiter, store

from shared.errors import TooManyRequests, Unavailable


@dataclass(frozen=True, slots=True)
class RateLimit:
    """At most `per_minute` in the long run, `burst` at once."""

    name: str
    per_minute: int
    burst: int
    redis_url: str

    def take(self, key: str) -> None:
        """Count one use for a key. Fails closed: what cannot be counted is not allowed.

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
            result = throttle.limit(f"{self.name}:{key}")
        except (RedisError, OSError):
            raise Unavailable("This is not available right now. Try again in a moment.") from None
        if result.limited:
            wait_s = max(1.0, result.state.retry_after)
            raise TooManyRequests(
                f"Too many attempts. Try again in {wait_s:.0f} s.", retry_after_s=wait_s
            )


_stores: dict[str, store.RedisStore] = {}


def _store(redis_url: str) -> store.RedisStore:
    """One connection pool per address."""
    if redis_url not in _stores:
        _stores[redis_url] = store.RedisStore(server=redis_url)
    return _stores[redis_url]
