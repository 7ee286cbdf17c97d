"""Rate limits shared by all replicas: GCRA with a burst, kept in Redis."""

import hashlib
import math

from redis.exceptions import RedisError
from throttled import RateLimiterType, Throttled, rate_limiter, store
from throttled.exceptions import BaseThrottledError

from shared.errors import TooManyRequests, Unavailable


class RateLimit:
    """At most `per_minute` (or `per_hour`) in the long run, `burst` at once, for each key."""

    def __init__(
        self, name: str, *, per_minute: int = 0, per_hour: int = 0, burst: int, redis_url: str
    ) -> None:
        self._name = name
        self._throttle = Throttled(
            using=RateLimiterType.GCRA.value,
            quota=rate_limiter.per_hour(per_hour, burst=burst)
            if per_hour
            else rate_limiter.per_min(per_minute, burst=burst),
            store=store.RedisStore(server=redis_url),
            timeout=-1,
        )

    def take(self, key: str) -> None:
        """Count one use for a key, which is stored as a hash only. Fails closed: what cannot be counted is refused.

        Raises:
            TooManyRequests: with the seconds after which the next use is allowed.
            Unavailable: Redis does not answer.
        """
        try:
            result = self._throttle.limit(f"{self._name}:{_hash(key)}")
        except (BaseThrottledError, RedisError, OSError):
            raise Unavailable("This is not available right now. Try again in a moment.") from None
        if result.limited:
            wait_s = max(1, math.ceil(result.state.retry_after))
            raise TooManyRequests(
                f"Too many attempts. Try again in {wait_s} s.", retry_after_s=wait_s
            )


def _hash(key: str) -> str:
    return hashlib.sha256(key.encode(errors="surrogatepass")).hexdigest()
