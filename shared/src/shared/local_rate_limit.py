"""Rate limits of one process, for what needs no Redis: GCRA, as `shared.rate_limit` counts for all replicas."""

import math
import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field

from shared.errors import TooManyRequests

PRUNED_AT = 10_000
"""Keys that are remembered before those whose time is over are forgotten."""


@dataclass(slots=True)
class LocalRateLimit:
    """At most `per_minute` in the long run and at once, for each key. Belongs to one thread."""

    per_minute: int
    clock_s: Callable[[], float] = time.monotonic
    _due_s: dict[Hashable, float] = field(default_factory=dict[Hashable, float], init=False)
    """Key → when all that was taken is paid off."""

    def take(self, key: Hashable) -> None:
        """Count one use for a key. Raises TooManyRequests, with the seconds after which the next use is allowed."""
        now_s, step_s = self.clock_s(), 60 / self.per_minute
        due_s = max(self._due_s.get(key, now_s), now_s) + step_s
        wait_s = math.ceil(due_s - now_s - 60 - 1e-6)
        if wait_s > 0:
            raise TooManyRequests(
                f"Too many attempts. Try again in {wait_s} s.", retry_after_s=wait_s
            )
        if len(self._due_s) >= PRUNED_AT:
            self._due_s = {known: until for known, until in self._due_s.items() if until > now_s}
        self._due_s[key] = due_s
