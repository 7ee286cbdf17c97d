"""The one client of the orchestrator's API: kept connections, a token per person, errors by kind."""

import http.client
import json
import queue
import socket
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, ClassVar, cast
from urllib.parse import urlsplit

import structlog

from frontend.accounts.queries import Person
from shared.errors import ExpectedError, Unavailable, UpstreamFailed
from shared.scopes import REMOVAL
from shared.service_tokens import TokenIssuer

AUDIENCE = "orchestrator"
VISITOR = Person(
    person_id="visitor", tenant_id="visitors", email="", name="Visitor", roles=("visitor",)
)
"""Whoever reads a shared conversation: in no organisation of ours, whose ids are made at random."""
TOKEN_LIFETIME_S = 300
TOKEN_KEPT_S = 240
REMOVER = "frontend"
"""Who deletes. No person and no key has this id."""
REMOVAL_LIFETIME_S = 60
MAX_TOKENS_KEPT = 10_000
TIMEOUT_S = 15.0
UPLOAD_TIMEOUT_S = 60.0
"""The answer comes after a whole document was taken and kept."""
MAX_KEPT = 64
READ_BYTES = 65_536

Json = dict[str, Any]
log = structlog.get_logger()


class OrchestratorError(ExpectedError):
    """An error as the orchestrator answered it: code, status and details are passed on unchanged."""

    def __init__(self, status: int, body: Json) -> None:
        error = body.get("error")
        known = cast(Json, error) if isinstance(error, dict) else {}
        super().__init__(str(known.get("message") or "The assistant could not answer."))
        self._error = known
        self.answered_status = status
        self.answered_code = str(known.get("code") or "internal")

    def body(self) -> Json:
        error = {
            "code": self.answered_code,
            "message": self.message,
            "retryable": False,
            **self._error,
        }
        return {"error": error}


class _Connection(http.client.HTTPConnection):
    """Sends small requests at once instead of waiting for more (Nagle), and remembers its socket."""

    opened: socket.socket | None = None

    def connect(self) -> None:
        super().connect()
        self.opened = self.sock
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


class _SecureConnection(http.client.HTTPSConnection, _Connection):
    """The same over TLS."""

    def connect(self) -> None:
        super().connect()
        self.opened = self.sock


@dataclass(frozen=True, slots=True)
class File:
    """Something to be kept by the person, under the name the orchestrator gave it."""

    content: bytes
    content_type: str
    disposition: str
    """The Content-Disposition header."""


class Stream:
    """A turn's events or a file as bytes, as they come. Whoever opened it closes it."""

    def __init__(
        self,
        connection: _Connection,
        response: http.client.HTTPResponse,
        keep: Callable[[_Connection, http.client.HTTPResponse], None],
    ) -> None:
        self._connection = connection
        self._response = response
        self._keep = keep
        self.headers = response.headers
        self.turn_id = response.headers.get("X-Turn-Id", "")

    def read(self) -> bytes:
        """What has come meanwhile, waiting for it; empty at the end.

        Raises:
            OSError: nothing came for too long, or the connection broke.
            http.client.HTTPException: it broke in the middle.
        """
        return self._response.read1(READ_BYTES)

    def interrupt(self) -> None:
        """End a read that waits in another greenlet. Closing would not: the reader holds the buffer."""
        if self._connection.opened is not None:
            with suppress(OSError):
                self._connection.opened.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        if self._response.isclosed():  # read to its end: the connection is good for another request
            self._keep(self._connection, self._response)
        else:
            self._response.close()
            self._connection.close()


@dataclass(slots=True)
class Orchestrator:
    """Sends requests in a person's name."""

    base_url: str
    issuer: TokenIssuer
    stream_patience_s: float
    """A stream that is silent for longer is taken for lost."""
    _kept: "queue.LifoQueue[_Connection]" = field(default_factory=lambda: queue.LifoQueue(MAX_KEPT))
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
            Unavailable: it cannot be reached, or doesn't accept our tokens.
            UpstreamFailed: it answered with something else than JSON.
        """
        connection, response = self._send(self._token(person), method, path, body, {})
        return self._answer(connection, response)

    def remove(self, tenant_id: str, path: str) -> Json:
        """Have it delete what it keeps of a tenant, or of somebody who left; in nobody's name. Raises like `call`."""
        token = self.issuer.issue(
            audience=AUDIENCE,
            subject=REMOVER,
            tenant=tenant_id,
            scope=REMOVAL,
            lifetime_s=REMOVAL_LIFETIME_S,
        )
        connection, response = self._send(token, "DELETE", path, None, {})
        return self._answer(connection, response)

    def stream(
        self,
        person: Person,
        method: str,
        path: str,
        body: Json | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Stream:
        """A stream that has begun. Raises like `call`."""
        connection, response = self._send(self._token(person), method, path, body, headers or {})
        if response.status >= 400:
            self._answer(connection, response)
        if connection.opened is not None:
            connection.opened.settimeout(self.stream_patience_s)
        return Stream(connection, response, self._keep)

    def download(self, person: Person, path: str) -> File:
        """A file, read whole. Raises like `call`."""
        connection, response = self._send(self._token(person), "GET", path, None, {})
        if response.status >= 400:
            self._answer(connection, response)
        content = self._read(connection, response)
        return File(
            content,
            content_type=response.headers.get("Content-Type", "application/octet-stream"),
            disposition=response.headers.get("Content-Disposition", "attachment"),
        )

    def upload(self, person: Person, path: str, pieces: Iterable[bytes], octets: int) -> Json:
        """PUT what comes in pieces, `octets` in all, and no more than a piece is held at a time.

        It cannot be repeated, so it never goes over a kept connection. Raises like `call`, and what `pieces` raises.
        """
        connection = self._new(UPLOAD_TIMEOUT_S)
        headers = {
            **_headers(self._token(person)),
            "Content-Type": "application/octet-stream",
            "Content-Length": str(octets),
        }
        try:
            # It may answer before it has everything, and say why it wants no more.
            with suppress(BrokenPipeError, ConnectionResetError):
                connection.request("PUT", self._target(path), body=pieces, headers=headers)
            return self._answer(connection, connection.getresponse())
        except (OSError, http.client.HTTPException):
            raise Unavailable(self.not_answered) from None
        finally:
            connection.close()

    def token_for(self, person: Person, lifetime_s: int = TOKEN_LIFETIME_S) -> str:
        return self.issuer.issue(
            audience=AUDIENCE,
            subject=person.person_id,
            tenant=person.tenant_id,
            roles=person.roles,
            name=person.name,
            tier=person.tier,
            session=person.session,
            scope="chat",
            lifetime_s=lifetime_s,
        )

    def close(self) -> None:
        """Close the connections that are kept. Streams are closed by whoever opened them."""
        with suppress(queue.Empty):
            while True:
                self._kept.get_nowait().close()

    def _answer(self, connection: _Connection, response: http.client.HTTPResponse) -> Json:
        raw = self._read(connection, response)
        if response.status == 401:
            # The person is signed in here; it is we who are not believed (clock, keys, issuer).
            log.error("token_refused_by_orchestrator")
            raise Unavailable(self.not_answered)
        answer = _decode(raw)
        if response.status >= 400:
            raise OrchestratorError(response.status, answer or {})
        if answer is None:
            raise UpstreamFailed("The assistant answered in an unknown way. Try again in a moment.")
        return answer

    def _read(self, connection: _Connection, response: http.client.HTTPResponse) -> bytes:
        try:
            raw = response.read()
        except (OSError, http.client.HTTPException):
            connection.close()
            raise Unavailable(self.not_answered) from None
        self._keep(connection, response)
        return raw

    def _send(
        self, token: str, method: str, path: str, body: Json | None, headers: Mapping[str, str]
    ) -> tuple[_Connection, http.client.HTTPResponse]:
        payload = None if body is None else json.dumps(body).encode()
        sent_headers = {
            **_headers(token),
            "Content-Type": "application/json",
            **headers,
        }
        target = self._target(path)
        while True:
            connection, was_kept = self._take()
            try:
                connection.request(method, target, body=payload, headers=sent_headers)
                return connection, connection.getresponse()
            except (http.client.RemoteDisconnected, BrokenPipeError, ConnectionResetError):
                connection.close()
                # A kept connection may have been closed meanwhile: the next one, or a new one, is tried. Every
                # request of ours may be repeated: it names what it makes or decides.
                if not was_kept:
                    raise Unavailable(self.not_answered) from None
            except (OSError, http.client.HTTPException):
                connection.close()
                raise Unavailable(self.not_answered) from None

    def _take(self) -> tuple[_Connection, bool]:
        with suppress(queue.Empty):
            return self._kept.get_nowait(), True
        return self._new(TIMEOUT_S), False

    def _new(self, timeout_s: float) -> _Connection:
        parts = urlsplit(self.base_url)
        kind = _SecureConnection if parts.scheme == "https" else _Connection
        return kind(parts.hostname or "", parts.port, timeout=timeout_s)

    def _target(self, path: str) -> str:
        return urlsplit(self.base_url).path.rstrip("/") + path

    def _keep(self, connection: _Connection, response: http.client.HTTPResponse) -> None:
        if response.will_close or connection.opened is None:
            connection.close()
            return
        connection.opened.settimeout(TIMEOUT_S)
        try:
            self._kept.put_nowait(connection)
        except queue.Full:
            connection.close()

    def _token(self, person: Person) -> str:
        known = self._tokens.get(person)
        if known is not None and known[1] > time.monotonic():
            return known[0]
        if len(self._tokens) >= MAX_TOKENS_KEPT:
            self._tokens.clear()
        token = self.token_for(person)
        self._tokens[person] = (token, time.monotonic() + TOKEN_KEPT_S)
        return token


def _decode(raw: bytes) -> Json | None:
    """The object that was answered, None when it is none."""
    if not raw:
        return {}
    try:
        answer = json.loads(raw)
    except ValueError:
        return None
    return cast(Json, answer) if isinstance(answer, dict) else None


def _headers(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}", **_request_id()}


def _request_id() -> dict[str, str]:
    request_id = structlog.contextvars.get_contextvars().get("request_id")
    return {"X-Request-Id": request_id} if isinstance(request_id, str) else {}
