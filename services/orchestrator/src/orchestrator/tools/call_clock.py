"""A call's time limit, which stands still while a person is asked something.

The limit is for the server. A server of the protocol before 2026-07-28 asks in the middle of a call, so that call
lasts as long as the person thinks.
"""

import asyncio
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager


class CallClock:
    """Runs while `running()` is open, except within `stopped()`, which several tasks may have open at once."""

    def __init__(self, limit_s: float) -> None:
        self._left_s = limit_s
        self._runs_since = 0.0
        self._stops = 0
        self._timeout: asyncio.Timeout | None = None

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None]:
        """Cancels what is inside when the time is up.

        Raises:
            TimeoutError: the time is up.
        """
        self._runs_since = _now()
        async with asyncio.timeout(self._left_s) as timeout:
            self._timeout = timeout
            try:
                yield
            finally:
                self._timeout = None  # a question may outlive its call

    @contextmanager
    def stopped(self) -> Generator[None]:
        """The person's time."""
        self._stops += 1
        if self._stops == 1 and self._timeout is not None:
            self._left_s -= _now() - self._runs_since
            self._timeout.reschedule(None)
        try:
            yield
        finally:
            self._stops -= 1
            if self._stops == 0 and self._timeout is not None:
                self._runs_since = _now()
                self._timeout.reschedule(self._runs_since + self._left_s)


def _now() -> float:
    return asyncio.get_running_loop().time()
