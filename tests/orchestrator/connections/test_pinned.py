"""A name is judged by all that it stands for, once, and what was judged is what is asked."""

from collections.abc import AsyncGenerator
from ipaddress import IPv4Address, ip_network

import httpx2
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import StreamingResponse
from starlette.routing import Route
from support.servers import serving

from orchestrator.connections.addresses import AddressGuard, AddressRefused
from orchestrator.connections.exchange import BadIssuer, Exchange, IssuerUnavailable
from orchestrator.connections.pinned import MAX_BYTES, PinnedTransport
from shared.networks import Address

PUBLIC, INTERNAL = IPv4Address("198.41.0.4"), IPv4Address("10.1.2.3")


async def asked(*addresses: Address) -> None:
    async def resolve(name: str) -> list[Address]:
        assert name == "notes.example"
        return list(addresses)

    transport = PinnedTransport(AddressGuard(), resolve)
    try:
        await Exchange(transport).find("https://notes.example/metadata")
    finally:
        await transport.aclose()


@pytest.mark.parametrize(
    "addresses", [(INTERNAL,), (PUBLIC, INTERNAL), (IPv4Address("127.0.0.1"),)]
)
async def test_one_address_that_is_not_public_is_enough_to_refuse(
    addresses: tuple[Address, ...],
) -> None:
    with pytest.raises(AddressRefused):
        await asked(*addresses)


async def test_a_name_that_stands_for_nothing_is_not_asked() -> None:
    with pytest.raises(AddressRefused):
        await asked()


async def test_without_encryption_only_what_is_named_for_development_is_asked() -> None:
    guard = AddressGuard((ip_network("127.0.0.0/8"),))
    assert str(guard.target("http://127.0.0.1:3000/mcp")) == "http://127.0.0.1:3000/mcp"
    assert guard.target("http://localhost:3000/mcp").host == "localhost"
    for address in ("http://10.0.0.1/mcp", "http://notes.example/mcp", "http://[::1]/mcp"):
        with pytest.raises(AddressRefused):
            guard.target(address)


async def test_redirects_and_endless_answers_of_a_service_are_not_followed() -> None:
    async def answer(request: httpx2.Request) -> httpx2.Response:
        if request.url.path == "/away":
            return httpx2.Response(302, headers={"Location": "http://10.1.2.3/"})
        if request.url.path == "/down":
            return httpx2.Response(503)
        return httpx2.Response(200, content=b"x" * 300_000)

    exchange = Exchange(httpx2.MockTransport(answer))
    assert await exchange.find("https://login.example/away") is None
    with pytest.raises(IssuerUnavailable):
        await exchange.find("https://login.example/down")
    with pytest.raises(BadIssuer):
        await exchange.find("https://login.example/endless")


@pytest.mark.parametrize("path", ["/large", "/compressed"])
async def test_more_than_there_is_room_for_is_not_read(path: str) -> None:
    asked: list[str] = []

    async def answer(request: Request) -> StreamingResponse:
        asked.append(request.headers["accept-encoding"])

        async def pieces() -> AsyncGenerator[bytes]:
            for _ in range(MAX_BYTES // 2**20 + 1):
                yield b"x" * 2**20

        headers = {"Content-Encoding": "gzip"} if request.url.path == "/compressed" else {}
        return StreamingResponse(pieces(), headers=headers)

    app = Starlette(routes=[Route(path, answer)])
    transport = PinnedTransport(AddressGuard((ip_network("127.0.0.0/8"),)))
    async with serving(app) as url, httpx2.AsyncClient(transport=transport) as http:
        with pytest.raises(httpx2.ReadError):
            await http.get(f"{url}{path}")
    assert asked == ["identity"]
