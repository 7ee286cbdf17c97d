"""A web for tests: many hosts on one port of this machine, a DNS of its own, and answers of every sort."""

import asyncio
import gzip
import json
import ssl
from collections import defaultdict, deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from urllib.parse import parse_qs, urlsplit

from mcp_search.web.guard import WEB_PORTS, Guard
from shared.networks import Address

HERE = "127.0.0.1"
"""Where the servers of the tests' web are; the guard of a test takes it for public."""
INSIDE = "127.0.0.2"
"""This machine's, too, and public for nobody."""


@dataclass(frozen=True)
class Asked:
    """A request as it came."""

    method: str
    host: str
    path: str
    """Without the query."""
    query: dict[str, list[str]]
    headers: dict[str, str]
    """Names in lower case."""
    body: bytes = b""
    server_name: str | None = None
    """That TLS was asked for."""

    @property
    def json(self) -> dict[str, object]:
        return json.loads(self.body)


Write = Callable[[bytes], Awaitable[None]]
Answer = Callable[[Asked, Write], Awaitable[None]]


def reply(
    body: str | bytes = b"",
    content_type: str = "text/html; charset=utf-8",
    status: int = 200,
    headers: Mapping[str, str] | None = None,
) -> Answer:
    """A response that says its length."""
    octets = body.encode() if isinstance(body, str) else body

    async def answer(_: Asked, write: Write) -> None:
        fields = {
            "Content-Type": content_type,
            "Content-Length": str(len(octets)),
            **(headers or {}),
        }
        await write(head(status, fields) + octets)

    return answer


def in_json(value: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Answer:
    return reply(json.dumps(value), "application/json", status, headers)


def redirect(location: str, status: int = 302) -> Answer:
    return reply("", status=status, headers={"Location": location})


def gzipped(body: bytes, coding: str = "gzip", content_type: str = "text/html") -> Answer:
    return reply(gzip.compress(body), content_type, headers={"Content-Encoding": coding})


def endless(piece: bytes = b"<p>more</p>" * 1_000) -> Answer:
    """A page without an end."""

    async def answer(_: Asked, write: Write) -> None:
        await write(head(200, {"Content-Type": "text/html"}))
        while True:
            await write(piece)

    return answer


def silent() -> Answer:
    """No answer until the client goes away."""

    async def answer(_asked: Asked, _write: Write) -> None:
        await asyncio.Event().wait()

    return answer


def raw(octets: bytes) -> Answer:
    async def answer(_: Asked, write: Write) -> None:
        await write(octets)

    return answer


def head(status: int, fields: Mapping[str, str]) -> bytes:
    lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return f"HTTP/1.1 {status} Whatever\r\n{lines}Connection: close\r\n\r\n".encode("latin-1")


@dataclass
class FakeWeb:
    """All hosts of one port."""

    port: int = 0
    pages: dict[tuple[str, str], deque[Answer]] = field(
        default_factory=lambda: defaultdict(deque[Answer])
    )
    """By host and path; the last answer is repeated."""
    asked: list[Asked] = field(default_factory=list[Asked])
    connections: int = 0

    def on(self, host: str, path: str, *answers: Answer) -> str:
        """Answer so there, once each, the last for ever. Gives the address."""
        self.pages[(host, path)].extend(answers)
        return f"http://{host}:{self.port}{path}"

    def paths(self, host: str) -> list[str]:
        """That were asked for there, but for robots.txt."""
        return [one.path for one in self.asked if one.host == host and one.path != "/robots.txt"]

    async def answer(self, asked: Asked, write: Write) -> None:
        answers = self.pages.get((asked.host, asked.path))
        if not answers:
            await reply("nothing here", "text/plain", 404)(asked, write)
        elif len(answers) > 1:
            await answers.popleft()(asked, write)
        else:
            await answers[0](asked, write)


@asynccontextmanager
async def web_server(
    address: str = HERE, tls: ssl.SSLContext | None = None, port: int = 0
) -> AsyncGenerator[FakeWeb]:
    """Gone at the end with all its connections."""
    web = FakeWeb()
    talks: set[asyncio.Task[None]] = set()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        web.connections += 1

        async def write(octets: bytes) -> None:
            writer.write(octets)
            await writer.drain()

        try:
            asked = await _request(reader, writer)
            web.asked.append(asked)
            await web.answer(asked, write)
        except (OSError, asyncio.IncompleteReadError):
            pass
        except asyncio.CancelledError:
            writer.transport.abort()  # A client that reads no more would keep what is left for ever.
            raise
        finally:
            writer.close()

    def started(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(talk(reader, writer))
        talks.add(task)
        task.add_done_callback(talks.discard)

    listener = await asyncio.start_server(started, address, port, ssl=tls)
    web.port = listener.sockets[0].getsockname()[1]
    try:
        yield web
    finally:
        listener.close()
        for task in list(talks):
            task.cancel()
        await asyncio.gather(*talks, return_exceptions=True)
        await listener.wait_closed()


async def _request(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Asked:
    lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    method, target, _ = lines[0].split(" ")
    headers = {
        name.lower(): value.strip()
        for name, _, value in (line.partition(":") for line in lines[1:] if line)
    }
    parts = urlsplit(target)
    host = (parts.netloc or headers.get("host", "")).rpartition(":")
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    secured = writer.get_extra_info("ssl_object")
    return Asked(
        method,
        host[0] or host[2],
        parts.path,
        parse_qs(parts.query),
        headers,
        body,
        getattr(secured, "told_name", None),
    )


@dataclass
class FakeDns:
    """Names and what they stand for: at each lookup the next list of addresses, the last one for ever."""

    names: dict[str, deque[list[Address]]] = field(default_factory=dict[str, deque[list[Address]]])
    lookups: list[str] = field(default_factory=list[str])

    def on(self, name: str, *answers: Sequence[str]) -> None:
        self.names[name] = deque([ip_address(one) for one in answer] for answer in answers)

    async def __call__(self, name: str) -> list[Address]:
        """Every name stands for the tests' web unless something else was said."""
        self.lookups.append(name)
        answers = self.names.get(name)
        if answers is None:
            return [ip_address(HERE)]
        return answers.popleft() if len(answers) > 1 else answers[0]


def guard_of(
    *webs: FakeWeb,
    allow: Sequence[str] | None = None,
    deny: Sequence[str] = (),
    also: str = f"{HERE}/32",
) -> Guard:
    """The rules of a server whose public web are these, and the network `also`."""
    ports = WEB_PORTS | {web.port for web in webs}
    return Guard(allow, deny, ports, [ip_network(f"{HERE}/32"), ip_network(also)])
