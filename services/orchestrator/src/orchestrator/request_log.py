"""One log line a request, and the request id that all lines of one request share."""

import re
import time
import uuid

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

QUIET = frozenset({"/live", "/ready", "/metrics"})
_REQUEST_ID = re.compile(r"^[A-Za-z0-9_-]{8,64}$")

log = structlog.get_logger()


class RequestLog:
    """Plain ASGI, so that streams pass through untouched."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in QUIET:
            await self._app(scope, receive, send)
            return
        request_id = _request_id(scope)
        started = time.monotonic()
        status = 0

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], (b"x-request-id", request_id.encode())]
            await send(message)

        with structlog.contextvars.bound_contextvars(request_id=request_id):
            try:
                await self._app(scope, receive, send_with_id)
            finally:
                log.info(
                    "request_finished",
                    method=scope["method"],
                    path=_loggable(scope["path"]),
                    status=status,
                    duration_s=round(time.monotonic() - started, 4),
                )


def _loggable(path: str) -> str:
    """The path without what opens something by itself: whoever has a share link's token can read."""
    return "/v1/shared/…" if path.startswith("/v1/shared/") else path


def _request_id(scope: Scope) -> str:
    """The caller's id when it is one, else a new one."""
    given = dict(scope["headers"]).get(b"x-request-id", b"").decode("latin-1")
    return given if _REQUEST_ID.match(given) else uuid.uuid4().hex
