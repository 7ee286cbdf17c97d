"""Whoever uses the transports without the fetcher is guarded all the same."""

import asyncio
import socket
import threading

import httpx
import pytest
from support.reading import usual_tls
from support.web_servers import HERE, INSIDE, FakeDns, FakeWeb, guard_of, reply, web_server

from mcp_search.errors import AddressRefused
from mcp_search.web.transport import GuardedProxyTransport, PinnedTransport, Resolver
from shared.networks import Address


@pytest.mark.parametrize("host", [INSIDE, "localhost", "[::1]", "169.254.169.254", "wiki.internal"])
async def test_no_transport_carries_a_request_inside(web: FakeWeb, host: str) -> None:
    proxied = GuardedProxyTransport(guard_of(web), f"http://{HERE}:{web.port}", usual_tls())
    for transport in (PinnedTransport(guard_of(web), FakeDns(), usual_tls()), proxied):
        async with httpx.AsyncClient(transport=transport) as client:
            with pytest.raises(AddressRefused):
                await client.get(f"http://{host}/")
    assert web.connections == 0


async def test_a_redirect_that_a_client_follows_is_judged_too(web: FakeWeb) -> None:
    url = web.on(
        "www.example.com", "/", reply("", status=302, headers={"Location": f"http://{INSIDE}/"})
    )
    transport = PinnedTransport(guard_of(web), FakeDns(), usual_tls())
    async with httpx.AsyncClient(transport=transport, follow_redirects=True) as client:
        with pytest.raises(AddressRefused):
            await client.get(url)


async def test_the_next_of_a_hosts_addresses_is_tried_when_one_does_not_answer() -> None:
    async with web_server() as web:
        url = web.on("www.example.com", "/", reply("here"))
        dns = FakeDns()
        dns.on("www.example.com", ["::1", HERE])  # nobody listens at the first
        guard = guard_of(web, also="::1/128")
        async with httpx.AsyncClient(transport=PinnedTransport(guard, dns, usual_tls())) as client:
            assert (await client.get(url)).text == "here"


async def test_this_machines_resolver_gives_addresses() -> None:
    resolver = Resolver()
    found: list[Address] = await resolver("localhost")
    resolver.close()
    assert all(one.is_loopback for one in found)
    assert found


async def test_names_that_nobody_answers_for_leave_threads_for_everything_else(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answered = threading.Event()

    def silent(*_: object, **__: object) -> list[object]:
        answered.wait(30)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", silent)
    resolver = Resolver()
    lookups = [asyncio.create_task(resolver(f"{n}.example.com")) for n in range(50)]
    try:
        async with asyncio.timeout(5):
            assert await asyncio.to_thread(lambda: "done") == "done"
    finally:
        answered.set()
        for lookup in lookups:
            lookup.cancel()
        await asyncio.gather(*lookups, return_exceptions=True)
        resolver.close()
