"""How often one person may read in a minute."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from mcp_email.errors import TooManyCalls
from shared.service_tokens import Principal

PRUNED_AT = 10_000


@dataclass(slots=True)
class ReadingRate:
    """In this process: GCRA, `per_minute` in the long run and at once."""

    per_minute: int
    clock_s: Callable[[], float] = time.monotonic
    _due: dict[tuple[str, str], float] = field(
        default_factory=dict[tuple[str, str], float], init=False
    )
    """Person → when all that was taken is paid off."""

    def take(self, caller: Principal) -> None:
        """Count one call. Raises TooManyCalls, with the seconds to wait."""
        person = (caller.tenant, caller.subject)
        now, step = self.clock_s(), 60 / self.per_minute
        due = max(self._due.get(person, now), now) + step
        wait_s = math.ceil(due - now - 60 - 1e-6)
        if wait_s > 0:
            raise TooManyCalls(
                f"More than {self.per_minute} calls in a minute.",
                hint=f"Wait {wait_s} s.",
                retry_after_s=wait_s,
                limit="reads_per_minute",
            )
        if len(self._due) >= PRUNED_AT:
            self._due = {known: until for known, until in self._due.items() if until > now}
        self._due[person] = due
