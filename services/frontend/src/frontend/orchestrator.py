"""The one client of the orchestrator's API: kept connections, a token per person, errors by kind."""

import http.client
import json
import queue
import socket
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, ClassVar, cast
from urllib.parse import urlsplit

import structlog

from frontend.accounts.queries import Person
from shared.errors import ExpectedError, Unavailable
from shared.service_tokens import TokenIssuer

AUDIENCE = "orchestrator"
TOKEN_LIFETIME_S = 300
TOKEN_KEPT_S = 240
TIMEOUT_S = 15.0
MAX_KEPT = 64

Json = dict[str, Any]


class OrchestratorError(ExpectedError):
    """An error as the orchestrator answered it: code, status and details are passed on unchanged."""

    def __init__(self, status: int, body: Json) -> None:
        error = cast(Json, body.get("error") or {})
        super().__init__(str(error.get("message") or "The assistant could not answer."))
        self._error = error
        self.answered_status = status

    def body(self) -> Json:
        return {
            "error": {
                "code": "internal",
                "message": self.message,
                "retryable": False,
                **self._error,
            }
        }


@dataclass(slots=True)
class Orchestrator:
    """Sends requests in a person's name."""

    base_url: str
    issuer: TokenIssuer
    stream_patience_s: float
    _kept: "queue.LifoQueue[http.client.HTTPConnection]" = field(
        default_factory=lambda: queue.LifoQueue(MAX_KEPT)
    )
    _tokens: dict[Person, tuple[str, float]] = field(
        default_factory=dict[Person, tuple[str, float]]
    )
    not_answered: ClassVar[str] = (
        "The assistant cannot be reached right now. Try again in a moment."
    )

    def call(self, person: Person, method: str, path: str, body: Json | None = None) -> Json:
        """One request and its JSON answer; an empty answer is an empty object.

        Raises:
            OrchestratorError: it answered with an error.
            Unavailable: it cannot be reached.
        """
        connection, response = self._send(person, method, path, body, {})
        try:
            raw = response.read()
        except (OSError, http.client.HTTPException):
            connection.close()
            raise Unavailable(self.not_answered) from None
        self._keep(connection, response)
        answer = _decode(raw)
        if response.status >= 400:
            raise OrchestratorError(response.status, answer)
        return answer

    @contextmanager
    def stream(
        self,
        person: Person,
        method: str,
        path: str,
        body: Json | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Generator[http.client.HTTPResponse]:
        """A response to be read piece by piece (`read1`). Raises like `call`, before anything is yielded."""
        connection, response = self._send(person, method, path, body, headers or {})
        try:
            if response.status >= 400:
                raise OrchestratorError(response.status, _decode(response.read()))
            if connection.sock is not None:
                connection.sock.settimeout(self.stream_patience_s)
            yield response
        finally:
            connection.close()

    def is_ready(self) -> bool:
        parts = urlsplit(self.base_url)
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=2)
        try:
            connection.request("GET", "/live")
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def token_for(self, person: Person, lifetime_s: int = TOKEN_LIFETIME_S) -> str:
        return self.issuer.issue(
            audience=AUDIENCE,
            subject=person.person_id,
            tenant=person.tenant_id,
            roles=person.roles,
            name=person.name,
            scope="chat",
            lifetime_s=lifetime_s,
        )

    def _send(
        self, person: Person, method: str, path: str, body: Json | None, headers: Mapping[str, str]
    ) -> tuple[http.client.HTTPConnection, http.client.HTTPResponse]:
        payload = None if body is None else json.dumps(body).encode()
        sent_headers = {
            "Authorization": f"Bearer {self._token(person)}",
            "Content-Type": "application/json",
            **_request_id(),
            **headers,
        }
        while True:
            connection, was_kept = self._take()
            try:
                connection.request(method, path, body=payload, headers=sent_headers)
                return connection, connection.getresponse()
            except (http.client.RemoteDisconnected, BrokenPipeError, ConnectionResetError):
                connection.close()
                if not was_kept:  # a kept connection may have been closed meanwhile: try a new one
                    raise Unavailable(self.not_answered) from None
            except (OSError, http.client.HTTPException):
                connection.close()
                raise Unavailable(self.not_answered) from None

    def _take(self) -> tuple[http.client.HTTPConnection, bool]:
        try:
            return self._kept.get_nowait(), True
        except queue.Empty:
            parts = urlsplit(self.base_url)
            return _Connection(parts.hostname or "", parts.port, timeout=TIMEOUT_S), False

    def _keep(
        self, connection: http.client.HTTPConnection, response: http.client.HTTPResponse
    ) -> None:
        if response.will_close:
            connection.close()
            return
        try:
            self._kept.put_nowait(connection)
        except queue.Full:
            connection.close()

    def _token(self, person: Person) -> str:
        known = self._tokens.get(person)
        if known is not None and known[1] > time.monotonic():
            return known[0]
        if len(self._tokens) > 10_000:
            self._tokens.clear()
        token = self.token_for(person)
        self._tokens[person] = (token, time.monotonic() + TOKEN_KEPT_S)
        return token


class _Connection(http.client.HTTPConnection):
    """Sends small requests at once instead of waiting for more (Nagle)."""

    def connect(self) -> None:
        super().connect()
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def _decode(raw: bytes) -> Json:
    if not raw:
        return {}
    try:
        return cast(Json, json.loads(raw))
    except json.JSONDecodeError:
        return {}


def _request_id() -> dict[str, str]:
    request_id = structlog.contextvars.get_contextvars().get("request_id")
    return {"X-Request-Id": request_id} if isinstance(request_id, str) else {}
