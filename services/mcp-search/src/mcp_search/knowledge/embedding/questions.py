"""Remembers the vectors of questions: the same one comes again with the next page and the next tool call."""

import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable

from mcp_search.knowledge.ports import Vectors

KEPT_S = 3_600.0
MOST = 2_000


class QuestionVectors:
    """At most MOST, each for an hour. What is kept says nothing of whom it was asked by."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._kept: OrderedDict[str, tuple[float, Vectors]] = OrderedDict()

    async def get(self, text: str, embed: Callable[[], Awaitable[Vectors]]) -> Vectors:
        """The vector that is known, or the one that `embed` gives. A failure is not kept."""
        known = self._kept.get(text)
        if known is not None and known[0] > self._now():
            self._kept.move_to_end(text)
            return known[1]
        vector = await embed()
        self._kept[text] = (self._now() + KEPT_S, vector)
        self._kept.move_to_end(text)
        if len(self._kept) > MOST:
            self._kept.popitem(last=False)
        return vector
