"""Carries requests to the very addresses that were judged public, each hop anew."""

import asyncio
import socket
import ssl
from collections.abc import AsyncGenerator, Awaitable, Callable
from ipaddress import ip_address
from typing import cast

import httpx2

from orchestrator.connections.addresses import AddressGuard, literal_address
from shared.networks import Address

CONNECT_S = 5.0
"""For one of a host's addresses."""
MAX_TRIED = 3
"""Of a host's addresses, in the order of the resolver."""

MAX_BYTES = 8 * 2**20
"""Of one answer that is no stream of events; whoever reads those bounds each."""
IDENTITY = "identity"

Resolve = Callable[[str], Awaitable[list[Address]]]
"""All addresses of a name, best first. Raises OSError when there are none to be had."""


async def resolve(name: str) -> list[Address]:
    """As this machine's resolver says."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(name, None, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(ip_address(entry[4][0]) for entry in found))


class PinnedTransport(httpx2.AsyncBaseTransport):
    """Resolves a name once, has all answers judged, and connects to what was judged and nothing else.

    A second look at DNS would let a name be public when it is judged and internal when it is called (rebinding). One
    answer that is not public is enough to refuse.
    """

    def __init__(
        self, guard: AddressGuard, resolve: Resolve = resolve, tls: ssl.SSLContext | None = None
    ) -> None:
        """`tls`: whose certificates are trusted; None: those that this machine's Python trusts."""
        self._guard = guard
        self._resolve = resolve
        # Connections are not kept: two names may share an address, and the pool, which knows addresses only, would hand
        # the second the connection on which the first showed its certificate.
        self._transport = httpx2.AsyncHTTPTransport(
            verify=tls or ssl.create_default_context(),
            trust_env=False,
            limits=httpx2.Limits(max_connections=200, max_keepalive_connections=0),
        )

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Raises AddressRefused, and what httpx2 raises: also when an answer is too large, or compressed unasked."""
        failure: httpx2.TransportError | None = None
        for address in await self._addresses(request.url):
            try:
                answer = await self._transport.handle_async_request(_pinned(request, address))
                return await _bounded(answer)
            except (httpx2.ConnectError, httpx2.ConnectTimeout) as error:
                failure = error
        raise failure or httpx2.ConnectError("There is no such host.")

    async def _addresses(self, url: httpx2.URL) -> list[Address]:
        target = self._guard.target(str(url))
        address = literal_address(target)
        if address is not None:
            return [address]
        try:
            addresses = await self._resolve(url.raw_host.decode("ascii"))
        except OSError as error:
            raise httpx2.ConnectError("There is no such host.") from error
        self._guard.check(addresses)
        return addresses[:MAX_TRIED]

    async def aclose(self) -> None:
        await self._transport.aclose()


def _pinned(request: httpx2.Request, address: Address) -> httpx2.Request:
    """The request to the address, still with the name in Host and in TLS, whose certificate must be the name's."""
    extensions = dict(request.extensions)
    extensions["sni_hostname"] = request.url.raw_host.decode("ascii").strip("[]")
    timeouts = dict(extensions.get("timeout") or {})
    timeouts["connect"] = min(CONNECT_S, timeouts.get("connect") or CONNECT_S)
    extensions["timeout"] = timeouts
    request.headers["accept-encoding"] = (
        IDENTITY  # a little that is compressed may unfold to more than there is room
    )
    return httpx2.Request(
        request.method,
        request.url.copy_with(host=str(address)),
        headers=request.headers.raw,  # Host among them, as it was asked for
        stream=request.stream,
        extensions=extensions,
    )


class _BoundedStream(httpx2.AsyncByteStream):
    def __init__(self, stream: httpx2.AsyncByteStream) -> None:
        self._stream = stream

    async def __aiter__(self) -> AsyncGenerator[bytes]:
        left = MAX_BYTES
        async for piece in self._stream:
            left -= len(piece)
            if left < 0:
                raise httpx2.ReadError("The answer is too large.")
            yield piece

    async def aclose(self) -> None:
        await self._stream.aclose()


async def _bounded(response: httpx2.Response) -> httpx2.Response:
    stream = cast(httpx2.AsyncByteStream, response.stream)
    if response.headers.get("content-encoding", IDENTITY).lower() != IDENTITY:
        await stream.aclose()
        raise httpx2.ReadError("The answer is compressed, although nobody asked for that.")
    if not response.headers.get("content-type", "").startswith("text/event-stream"):
        response.stream = _BoundedStream(stream)
    return response
