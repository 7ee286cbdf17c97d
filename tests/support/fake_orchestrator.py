"""An orchestrator that says what a test tells it to, over real HTTP, to whoever brings a good token."""

import asyncio
import json
import socket
import threading
from collections.abc import Generator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from shared.errors import ExpectedError, InvalidInput, NotFound
from shared.service_tokens import FixedKeys, Principal, TokenVerifier

WAIT_S = 20
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
    query: dict[str, str] = field(default_factory=dict[str, str])
    octets: bytes = b""
    """What was sent as it is; less than was announced when it was cut off."""


@dataclass(frozen=True)
class FakeFile:
    """What is answered as it is, and not as JSON."""

    content: bytes
    content_type: str
    disposition: str
    headers: Mapping[str, str] = field(default_factory=dict[str, str])


class FakeOrchestrator:
    """Conversations and turns by owner; everything else is answered as the test has set it."""

    def __init__(self, jwks: Json, issuer: str) -> None:
        self._verifier = TokenVerifier("orchestrator", {issuer: FixedKeys(jwks)})
        self.conversations: dict[str, tuple[str, Json]] = {}
        self.turns: dict[str, FakeTurn] = {}
        self.answers: dict[tuple[str, str], tuple[int, Json]] = {}
        self.paths: dict[str, list[Json]] = {}
        """The turns that each conversation shows; a test writes them."""
        self.versions: dict[str, list[Json]] = {}
        """The turns that are shown once a turn of them is made the head."""
        self.shares: dict[str, Json] = {}
        """By conversation."""
        self.shared: dict[str, Json] = {}
        """What each token shows."""
        self.found: list[Json] = []
        """What every search finds."""
        self.files: dict[str, FakeFile] = {}
        """Exports, by their format."""
        self.downloads: dict[str, FakeFile] = {}
        """Other files, by their path."""
        self.octets_taken = 0
        """Of all uploads until now, those under way included."""
        self.received: list[Received] = []
        self._arrived = threading.Condition()
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
        for made in (self.paths, self.versions, self.shares, self.shared, self.found, self.files):
            made.clear()
        self.downloads.clear()
        self.octets_taken = 0

    def add_turn(self, turn_id: str, owner: str) -> FakeTurn:
        self.turns[turn_id] = FakeTurn(turn_id, owner)
        return self.turns[turn_id]

    def note(self, request: Received) -> None:
        with self._arrived:
            self.received.append(request)
            self._arrived.notify_all()

    def last(self, method: str, path: str) -> Received:
        """The last such request; a page says that it sends one before it has arrived, so the first is waited for."""

        def found() -> list[Received]:
            return [it for it in self.received if (it.method, it.path) == (method, path)]

        with self._arrived:
            assert self._arrived.wait_for(found, WAIT_S), f"no {method} {path} has come"
            return found()[-1]

    def took(self, octets: int) -> None:
        with self._arrived:
            self.octets_taken += octets
            self._arrived.notify_all()

    def wait_for_octets(self, count: int) -> None:
        """Until so many of an upload are here, its end maybe not."""
        with self._arrived:
            arrived = self._arrived.wait_for(lambda: self.octets_taken >= count, WAIT_S)
            assert arrived, self.octets_taken

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
                return self._put_conversation(conversation_id, request)
            case "GET", ["v1", "conversations"]:
                mine = [
                    it
                    for owner, it in self.conversations.values()
                    if owner == request.caller.subject and not it["temporary"]
                ]
                return 200, {"conversations": mine[::-1], "next_before": None}
            case "GET", ["v1", "conversations", conversation_id]:
                return 200, self._detail(conversation_id, request)
            case "PUT", ["v1", "conversations", conversation_id, "head"]:
                self._conversation(conversation_id, request)
                if request.body["turn_id"] not in self.versions:
                    raise NotFound("There is no such turn.")
                self.paths[conversation_id] = self.versions[request.body["turn_id"]]
                return 200, self._detail(conversation_id, request)
            case _, ["v1", "conversations", conversation_id, "share"]:
                self._conversation(conversation_id, request)
                return self._share(conversation_id, request.method)
            case "GET", ["v1", "shared", token]:
                if token not in self.shared:
                    raise NotFound("There is no such link.")
                return 200, self.shared[token]
            case "GET", ["v1", "search"]:
                return 200, {"hits": self.found}
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

    def file(self, request: Received) -> FakeFile | None:
        """What is no JSON."""
        if request.method == "GET" and request.path in self.downloads:
            return self.downloads[request.path]
        match request.method, request.path.strip("/").split("/"):
            case "GET", ["v1", "conversations", conversation_id, "export"]:
                self._conversation(conversation_id, request)
                if request.query.get("format") not in self.files:
                    raise InvalidInput("format: markdown and json are possible.")
                return self.files[request.query["format"]]
            case _:
                return None

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

    def _put_conversation(self, conversation_id: str, request: Received) -> tuple[int, Json]:
        is_new = conversation_id not in self.conversations
        if is_new:
            at = "2026-11-21T09:00:00Z"
            conversation = {
                "conversation_id": conversation_id,
                "title": "New chat",
                "created_at": at,
                "updated_at": at,
                "temporary": request.body.get("temporary", False),
            }
            self.conversations[conversation_id] = (request.caller.subject, conversation)
        return (201 if is_new else 200), self.conversations[conversation_id][1]

    def _detail(self, conversation_id: str, request: Received) -> Json:
        return {
            **self._conversation(conversation_id, request),
            "turns": self.paths.get(conversation_id, []),
            "earlier_turns": False,
        }

    def _share(self, conversation_id: str, method: str) -> tuple[int, Json]:
        if method == "PUT":
            at = f"2026-11-21T09:3{len(self.shares)}:00Z"
            turns = len(self.paths.get(conversation_id, []))
            share = {"token": f"token-of-{conversation_id}", "created_at": at, "turns": turns}
            return 200, self.shares.setdefault(conversation_id, share)
        if conversation_id not in self.shares:
            raise NotFound("This conversation is not shared.")
        if method == "DELETE":
            del self.shares[conversation_id]
            return 204, {}
        return 200, self.shares[conversation_id]

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
                fake.note(request)
                is_told = (request.method, request.path) in fake.answers
                if not is_told and (turn := fake.stream(request)) is not None:
                    self._stream(turn)
                elif not is_told and (file := fake.file(request)) is not None:
                    self._send_file(file)
                else:
                    self._send(*fake.answer(request))
            except ExpectedError as error:
                self._send(error.status, error.body())

        def _received(self) -> Received:
            length = int(self.headers.get("Content-Length") or 0)
            is_file = self.headers.get("Content-Type") == "application/octet-stream"
            octets = self._octets(length) if is_file else b""
            raw = b"" if is_file else self.rfile.read(length)
            return Received(
                method=self.command,
                path=urlsplit(self.path).path,
                query=dict(parse_qsl(urlsplit(self.path).query)),
                caller=fake.principal(self.headers.get("Authorization", "")),
                request_id=self.headers.get("X-Request-Id", ""),
                connection=id(self.connection),
                body=json.loads(raw) if raw else {},
                octets=octets,
            )

        def _octets(self, length: int) -> bytes:
            """As they come; fewer when the sender goes away."""
            taken = b""
            while len(taken) < length and (
                piece := self.rfile.read1(min(65_536, length - len(taken)))  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType]
            ):
                taken += piece
                fake.took(len(piece))
            return taken

        def _send(self, status: int, body: Json) -> None:
            raw = b"" if status == 204 else json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

        def _send_file(self, file: FakeFile) -> None:
            self.send_response(200)
            self.send_header("Content-Type", file.content_type)
            self.send_header("Content-Disposition", file.disposition)
            for name, value in file.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(file.content)))
            self.end_headers()
            self.wfile.write(file.content)

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
