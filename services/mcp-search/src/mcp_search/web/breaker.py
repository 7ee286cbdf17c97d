"""Leaves a provider alone for a while when it keeps failing, or says that it wants to be."""

import time
from collections.abc import Callable

MAX_FAILURES = 5
REST_S = 60.0


class Breaker:
    """After five failures in a row nobody asks for a minute; then one may try."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._failures = 0
        self._closed_until = 0.0
        self._is_tried = False

    @property
    def rests_s(self) -> float:
        """For how long; 0 when it may be asked."""
        return max(0.0, self._closed_until - self._clock())

    def may_try(self) -> bool:
        """Whether to ask now. After a rest, the first who asks is the only one until it is known how that went."""
        if self.rests_s or self._is_tried:
            return False
        self._is_tried = self._failures >= MAX_FAILURES
        return True

    def answered(self) -> None:
        self._failures = 0
        self._is_tried = False

    def failed(self) -> None:
        self._failures += 1
        self._is_tried = False
        if self._failures >= MAX_FAILURES:
            self._closed_until = self._clock() + REST_S

    def throttled(self, retry_after_s: float | None) -> None:
        """Rest as long as it says, or a minute; at most an hour."""
        self._is_tried = False
        self._closed_until = self._clock() + min(3_600.0, retry_after_s or REST_S)

    def given_up(self) -> None:
        """Nobody waited for the answer; nothing is known."""
        self._is_tried = False
