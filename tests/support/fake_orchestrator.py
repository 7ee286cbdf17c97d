"""An orchestrator that says what a test tells it to, over real HTTP, to whoever brings a good token."""

import asyncio
import json
import socket
import threading
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

from shared.errors import ExpectedError, NotFound
from shared.service_tokens import FixedKeys, Principal, TokenVerifier

WAIT_S = 5
Json = dict[str, Any]


@dataclass
class FakeTurn:
    """A turn whose events the test writes, one by one."""

    turn_id: str
    owner: str
    opened_after: list[str] = field(default_factory=list[str])
    """The Last-Event-ID of everybody who began to read, in order."""
    _written: list[bytes] = field(default_factory=list[bytes])
    _is_cut: bool = False
    _is_over: bool = False
    _readers: int = 0
    _changed: threading.Condition = field(default_factory=threading.Condition)

    def say(self, text: str) -> None:
        """A piece of the answer."""
        self.write({"kind": "text_delta", "text": text})

    def finish(self) -> None:
        """The last event, after which the stream ends."""
        self.write({"kind": "turn_finished", "outcome": "answered", "error": None}, is_last=True)

    def write(self, event: Json, *, is_last: bool = False) -> None:
        with self._changed:
            n = len(self._written) + 1
            body = json.dumps({"n": n, "first": n, **event}, separators=(",", ":")).encode()
            self._written.append(
                b"id: %d\nevent: %b\ndata: %b\n\n" % (n, event["kind"].encode(), body)
            )
            self._is_over = is_last
            self._changed.notify_all()

    def cut(self) -> None:
        """Break off every connection that reads this turn, in the middle."""
        with self._changed:
            self._is_cut = True
            self._changed.notify_all()
            self.wait_for_readers(0)
            self._is_cut = False

    def wait_for_readers(self, count: int) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: self._readers == count, WAIT_S), self._readers

    def read(self, after: str) -> Generator[bytes]:
        """What is written from there on; ends with the turn, or without its end when it is cut."""
        with self._changed:
            self.opened_after.append(after)
            self._readers += 1
            self._changed.notify_all()
        position = int(after)
        try:
            while not self._is_all_read(position):
                news = self._wait_for_news(position)
                position += len(news)
                # Comments come in between, as real servers send them; they also find out who has left.
                yield b"".join(news) or b": ping\n\n"
        finally:
            with self._changed:
                self._readers -= 1
                self._changed.notify_all()

    def _wait_for_news(self, position: int) -> list[bytes]:
        with self._changed:
            self._changed.wait_for(lambda: self._is_cut or len(self._written) > position, 0.05)
            if self._is_cut:
                raise ConnectionAbortedError
            return self._written[position:]

    def _is_all_read(self, position: int) -> bool:
        with self._changed:
            return self._is_over and position >= len(self._written)


@dataclass
class Received:
    """A request as it came."""

    method: str
    path: str
    caller: Principal
    request_id: str
    connection: int
    """The same for requests on one connection."""
    body: Json


class FakeOrchestrator:
    """Conversations and turns by owner; everything else is answered as the test has set it."""

    def __init__(self, jwks: Json, issuer: str) -> None:
        self._verifier = TokenVerifier("orchestrator", {issuer: FixedKeys(jwks)})
        self.conversations: dict[str, tuple[str, Json]] = {}
        self.turns: dict[str, FakeTurn] = {}
        self.answers: dict[tuple[str, str], tuple[int, Json]] = {}
        self.received: list[Received] = []
        self._server: ThreadingHTTPServer | None = None
        self._port = 0
        self._connections: set[socket.socket] = set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def start(self) -> None:
        self._server = _Server(("127.0.0.1", self._port), _handler(self))
        self._port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def stop(self) -> None:
        """Nobody is there any more; every connection breaks."""
        assert self._server is not None
        for turn in self.turns.values():
            turn.cut()
        self._server.shutdown()
        self._server.server_close()
        self.close_connections()

    def close_connections(self) -> None:
        """As a server does with connections that were idle for too long."""
        for connection in list(self._connections):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def forget_everything(self) -> None:
        self.conversations.clear()
        self.turns.clear()
        self.answers.clear()
        self.received.clear()

    def add_turn(self, turn_id: str, owner: str) -> FakeTurn:
        self.turns[turn_id] = FakeTurn(turn_id, owner)
        return self.turns[turn_id]

    def last(self, method: str, path: str) -> Received:
        return [it for it in self.received if (it.method, it.path) == (method, path)][-1]

    def principal(self, authorization: str) -> Principal:
        """Raises NotSignedIn."""
        token = authorization.removeprefix("Bearer ")
        return asyncio.run(self._verifier.verify(token))

    def connected(self, connection: socket.socket) -> None:
        self._connections.add(connection)

    def answer(self, request: Received) -> tuple[int, Json]:
        if (request.method, request.path) in self.answers:
            return self.answers[request.method, request.path]
        match request.method, request.path.strip("/").split("/"):
            case "PUT", ["v1", "conversations", conversation_id]:
                return self._put_conversation(conversation_id, request.caller.subject)
            case "GET", ["v1", "conversations"]:
                mine = [
                    it
                    for owner, it in self.conversations.values()
                    if owner == request.caller.subject
                ]
                return 200, {"conversations": mine[::-1], "next_before": None}
            case "GET", ["v1", "conversations", conversation_id]:
                return 200, {
                    **self._conversation(conversation_id, request),
                    "turns": [],
                    "earlier_turns": False,
                }
            case "PATCH", ["v1", "conversations", conversation_id]:
                self._conversation(conversation_id, request).update(request.body)
                return 200, self._conversation(conversation_id, request)
            case "DELETE", ["v1", "conversations", conversation_id]:
                self._conversation(conversation_id, request)
                del self.conversations[conversation_id]
                return 204, {}
            case "PUT", ["v1", "turns", turn_id, "cancellation"]:
                return 202, {"turn_id": self.turn(turn_id, request).turn_id, "state": "running"}
            case _:
                raise NotFound("There is no such thing.")

    def stream(self, request: Received) -> FakeTurn | None:
        """The turn whose events were asked for, by question or by number."""
        match request.method, request.path.strip("/").split("/"):
            case "POST", ["v1", "conversations", conversation_id, "turns"]:
                self._conversation(conversation_id, request)
                turn_id = f"turn-of-{request.body['client_id']}"
                return self.turns.get(turn_id) or self.add_turn(turn_id, request.caller.subject)
            case "GET", ["v1", "turns", turn_id, "events"]:
                return self.turn(turn_id, request)
            case _:
                return None

    def turn(self, turn_id: str, request: Received) -> FakeTurn:
        turn = self.turns.get(turn_id)
        if turn is None or turn.owner != request.caller.subject:
            raise NotFound("There is no such turn.")
        return turn

    def _put_conversation(self, conversation_id: str, owner: str) -> tuple[int, Json]:
        is_new = conversation_id not in self.conversations
        if is_new:
            at = "2026-11-21T09:00:00Z"
            conversation = {
                "conversation_id": conversation_id,
                "title": "New chat",
                "created_at": at,
                "updated_at": at,
            }
            self.conversations[conversation_id] = (owner, conversation)
        return (201 if is_new else 200), self.conversations[conversation_id][1]

    def _conversation(self, conversation_id: str, request: Received) -> Json:
        owner, conversation = self.conversations.get(conversation_id, ("", {}))
        if owner != request.caller.subject:
            raise NotFound("There is no such conversation.")
        return conversation


@contextmanager
def fake_orchestrator(jwks: Json, issuer: str) -> Generator[FakeOrchestrator]:
    fake = FakeOrchestrator(jwks, issuer)
    fake.start()
    try:
        yield fake
    finally:
        fake.stop()


class _Server(ThreadingHTTPServer):
    """Threads end with the test that left them."""

    daemon_threads = True
    block_on_close = False

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Connections break in these tests; that is what they are for."""


def _handler(fake: FakeOrchestrator) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def setup(self) -> None:
            super().setup()
            fake.connected(self.connection)

        def handle_one_request(self) -> None:
            self.raw_requestline = self.rfile.readline()
            if not self.raw_requestline or not self.parse_request():
                self.close_connection = True
                return
            if self.path == "/live":
                self._send(200, {})
                return
            try:
                request = self._received()
                fake.received.append(request)
                turn = fake.stream(request)
                if turn is not None and (request.method, request.path) not in fake.answers:
                    self._stream(turn)
                else:
                    self._send(*fake.answer(request))
            except ExpectedError as error:
                self._send(error.status, error.body())

        def _received(self) -> Received:
            length = int(self.headers.get("Content-Length") or 0)
            raw = self.rfile.read(length)
            return Received(
                method=self.command,
                path=urlsplit(self.path).path,
                caller=fake.principal(self.headers.get("Authorization", "")),
                request_id=self.headers.get("X-Request-Id", ""),
                connection=id(self.connection),
                body=json.loads(raw) if raw else {},
            )

        def _send(self, status: int, body: Json) -> None:
            raw = b"" if status == 204 else json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

        def _stream(self, turn: FakeTurn) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream")
            self.send_header("Transfer-Encoding", "chunked")
            self.send_header("X-Turn-Id", turn.turn_id)
            self.end_headers()
            for chunk in turn.read(self.headers.get("Last-Event-ID", "0")):
                self.wfile.write(b"%x\r\n%b\r\n" % (len(chunk), chunk))
            self.wfile.write(b"0\r\n\r\n")

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base's name
            """Says nothing."""

    return Handler
