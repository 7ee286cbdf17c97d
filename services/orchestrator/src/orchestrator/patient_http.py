"""HTTP connections that do not wait for ever for a reader who has stopped reading."""

import asyncio
import socket
from typing import Any

import structlog
from prometheus_client import Counter
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

SEND_BUFFER_BYTES = 65_536
"""What the system may hold of one connection. Left to itself it grows to megabytes for a reader who does not read."""

log = structlog.get_logger()
readers_cut_off = Counter(
    "orchestrator_readers_cut_off_total", "Connections broken because their reader did not read."
)


def protocol(patience_s: float) -> type[asyncio.Protocol]:
    """A protocol for uvicorn that breaks a connection whose full buffer has not emptied for `patience_s`.

    Closing it would not do: that waits for the reader too. A viewer that was cut off asks again for what it missed.
    """

    class CuttingOff(HttpToolsProtocol):
        """Uvicorn tells it when the transport's buffer is full and when it has emptied."""

        _cut_off: asyncio.TimerHandle | None = None

        def connection_made(  # pyright: ignore[reportIncompatibleMethodOverride] - as in its base
            self, transport: asyncio.Transport
        ) -> None:
            super().connection_made(transport)
            connection: socket.socket = transport.get_extra_info("socket")
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)

        def pause_writing(self) -> None:
            super().pause_writing()
            loop = asyncio.get_running_loop()
            self._cut_off = loop.call_later(patience_s, _break, self.transport)

        def resume_writing(self) -> None:
            self._forget()
            super().resume_writing()

        def connection_lost(self, exc: Exception | None) -> None:
            self._forget()
            super().connection_lost(exc)

        def _forget(self) -> None:
            if self._cut_off is not None:
                self._cut_off.cancel()

    return CuttingOff


def _break(transport: Any) -> None:
    readers_cut_off.inc()
    log.warning("reader_cut_off")
    transport.abort()
