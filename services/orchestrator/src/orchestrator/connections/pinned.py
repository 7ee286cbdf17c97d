"""Carries requests to the very addresses that were judged public, each hop anew."""

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable
from ipaddress import ip_address

import httpx2

from orchestrator.connections.addresses import AddressGuard, literal_address
from shared.networks import Address

CONNECT_S = 5.0
"""For one of a host's addresses."""
MAX_TRIED = 3
"""Of a host's addresses, in the order of the resolver."""

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
        """Raises AddressRefused, and what httpx2 raises."""
        failure: httpx2.TransportError | None = None
        for address in await self._addresses(request.url):
            try:
                return await self._transport.handle_async_request(_pinned(request, address))
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
    return httpx2.Request(
        request.method,
        request.url.copy_with(host=str(address)),
        headers=request.headers.raw,  # Host among them, as it was asked for
        stream=request.stream,
        extensions=extensions,
    )
