"""A bounded memory of what was fetched or found, for a while."""

import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Kept(Generic[K, V]):
    """Forgets what is older than `for_s` seconds, and what was used least recently when there is too much."""

    def __init__(
        self,
        for_s: float,
        max_weight: int,
        weight: Callable[[V], int] = lambda _: 1,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._for_s = for_s
        self._max_weight = max_weight
        self._weight = weight
        self._clock = clock
        self._entries: OrderedDict[K, tuple[float, V]] = OrderedDict()
        self._total = 0

    def get(self, key: K) -> V | None:
        entry = self._entries.get(key)
        if entry is None:
            return None
        if entry[0] <= self._clock():
            self._forget(key)
            return None
        self._entries.move_to_end(key)
        return entry[1]

    def put(self, key: K, value: V, for_s: float | None = None) -> None:
        """`for_s` where it is less than usual."""
        self._forget(key)
        self._entries[key] = (self._clock() + (self._for_s if for_s is None else for_s), value)
        self._total += self._weight(value)
        while self._total > self._max_weight:
            self._forget(next(iter(self._entries)))

    def _forget(self, key: K) -> None:
        entry = self._entries.pop(key, None)
        if entry is not None:
            self._total -= self._weight(entry[1])
