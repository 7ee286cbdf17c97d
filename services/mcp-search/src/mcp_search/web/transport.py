"""Carries a request to the very address that was judged public, under the name that was asked for."""

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_address

import httpx

from mcp_search.errors import FetchFailed
from mcp_search.web.guard import Guard, Target
from shared.networks import Address

CONNECT_S = 5.0
"""For one of a host's addresses."""
MAX_TRIED = 3
"""Of a host's addresses, in the order of the resolver."""
LOOKUPS_AT_ONCE = 8

Resolve = Callable[[str], Awaitable[list[Address]]]
"""All addresses of a name, best first. Raises OSError where there are none to be had."""


class Resolver:
    """This machine's, in threads of its own.

    A name whose servers are silent holds one for half a minute, also when nobody waits any more: whoever gives us such
    names shall not have the threads in which everything else is done.
    """

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(LOOKUPS_AT_ONCE, "names")

    async def __call__(self, name: str) -> list[Address]:
        """As `Resolve`."""
        found = await asyncio.get_running_loop().run_in_executor(self._threads, _looked_up, name)
        return list(dict.fromkeys(found))

    def close(self) -> None:
        """Lookups that are under way end by themselves."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def _looked_up(name: str) -> list[Address]:
    return [
        ip_address(entry[4][0]) for entry in socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
    ]


class PinnedTransport(httpx.AsyncBaseTransport):
    """Resolves a name once, has all answers judged, and connects to what was judged and nothing else.

    A second look at DNS would let a name be public when it is judged and internal when it is called (rebinding). One
    answer that is not public is enough to refuse: somebody who controls the name would only have to ask again.
    """

    def __init__(self, guard: Guard, resolve: Resolve, tls: ssl.SSLContext | None = None) -> None:
        """`tls`: whose certificates are trusted; None: those that this machine's Python trusts."""
        self._guard = guard
        self._resolve = resolve
        # Connections are not kept: two names may share an address, and the pool, which knows addresses only, would hand
        # the second the connection on which the first showed its certificate.
        self._transport = httpx.AsyncHTTPTransport(
            verify=tls or ssl.create_default_context(),
            trust_env=False,
            limits=httpx.Limits(max_keepalive_connections=0),
        )

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Raises AddressRefused, FetchFailed, and what httpx raises."""
        target = self._guard.target(str(request.url))
        failure: httpx.TransportError | None = None
        for address in await self._addresses(target):
            try:
                return await self._transport.handle_async_request(_pinned(request, target, address))
            except (httpx.ConnectError, httpx.ConnectTimeout) as error:
                failure = error
        if failure is None:
            raise unknown_host()
        raise failure

    async def _addresses(self, target: Target) -> list[Address]:
        if target.address is not None:
            return [target.address]
        try:
            addresses = await self._resolve(target.host)
        except OSError:
            raise unknown_host() from None
        if not addresses:
            raise unknown_host()
        self._guard.check(addresses)
        return addresses[:MAX_TRIED]

    async def aclose(self) -> None:
        await self._transport.aclose()


def _pinned(request: httpx.Request, target: Target, address: Address) -> httpx.Request:
    """The request to the address, still with the name in Host and in TLS, whose certificate must be the name's."""
    headers = [(name, value) for name, value in request.headers.raw if name.lower() != b"host"]
    extensions = dict(request.extensions)
    if target.address is None:
        extensions["sni_hostname"] = target.host
    timeouts = dict(extensions.get("timeout") or {})
    timeouts["connect"] = min(CONNECT_S, timeouts.get("connect") or CONNECT_S)
    extensions["timeout"] = timeouts
    url = httpx.URL(scheme=target.scheme, host=str(address), port=target.port)
    return httpx.Request(
        request.method,
        url.copy_with(raw_path=target.resource.encode("ascii")),
        headers=[(b"Host", target.authority.encode("ascii")), *headers],
        stream=request.stream,
        extensions=extensions,
    )


class GuardedProxyTransport(httpx.AsyncBaseTransport):
    """Has the proxy fetch what the guard allows by its text.

    It is then the proxy that resolves names: whether they are public, only its own rules can say.
    """

    def __init__(self, guard: Guard, proxy: str, tls: ssl.SSLContext | None = None) -> None:
        self._guard = guard
        self._transport = httpx.AsyncHTTPTransport(
            verify=tls or ssl.create_default_context(), trust_env=False, proxy=httpx.Proxy(proxy)
        )

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Raises AddressRefused and what httpx raises."""
        self._guard.target(str(request.url))
        return await self._transport.handle_async_request(request)

    async def aclose(self) -> None:
        await self._transport.aclose()


def unknown_host() -> FetchFailed:
    return FetchFailed("There is no such host.", hint="Check the spelling of the address.")
