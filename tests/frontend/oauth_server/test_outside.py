"""Documents are read from the public web only, and never for long."""

import ssl
from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from threading import Event, Semaphore

import pytest
from support.document_site import HERE, PATH, DocumentSite, Served, document_site

from frontend.oauth_server.outside import MAX_AT_ONCE, MAX_BYTES, CannotRead, parse
from shared.networks import Address


@pytest.fixture(scope="module")
def only_site(tmp_path_factory: pytest.TempPathFactory) -> Generator[DocumentSite]:
    with document_site(tmp_path_factory.mktemp("site")) as site:
        yield site


@pytest.fixture
def site(only_site: DocumentSite) -> DocumentSite:
    only_site.served.clear()
    only_site.asked.clear()
    only_site.lookups.clear()
    only_site.addresses[:] = [HERE]
    return only_site


def test_a_document_is_read(site: DocumentSite) -> None:
    site.served[PATH] = Served(b"{}", headers={"Content-Type": "application/json; charset=utf-8"})
    reply = site.outside().read(site.url)
    assert (reply.body, reply.media_type) == (b"{}", "application/json")


INSIDE = (
    "127.0.0.1", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0",
    "::1", "fe80::1", "fd00::1", "::ffff:127.0.0.1", "64:ff9b::7f00:1",
)  # fmt: skip


@pytest.mark.parametrize("address", INSIDE)
def test_nothing_inside_is_asked(site: DocumentSite, address: str) -> None:
    for addresses in ([address], ["93.184.215.14", address]):
        site.addresses[:] = addresses
        with pytest.raises(CannotRead, match="not on the public web"):
            site.outside(is_reachable=False).read(site.url)
    assert site.asked == []


def test_the_name_is_looked_up_once(site: DocumentSite) -> None:
    site.describe()
    site.outside().read(site.url)
    assert site.lookups == ["agent.test"]


def test_names_whose_servers_never_answer_hold_few_lookups_up(site: DocumentSite) -> None:
    asked, answered = Semaphore(0), Event()

    def never(_: str) -> list[Address]:
        asked.release()
        answered.wait(30)
        return []

    outside = replace(site.outside(), resolve=never)

    def read() -> str:
        with pytest.raises(CannotRead) as refused:
            outside.read(site.url)
        return str(refused.value)

    with ThreadPoolExecutor(MAX_AT_ONCE) as pool:
        waiting = [pool.submit(read) for _ in range(MAX_AT_ONCE)]
        assert all(asked.acquire(timeout=5) for _ in waiting)
        assert "many others" in read()
        answered.set()
    assert {one.result() for one in waiting} == {"is not on the public web"}
    assert read() == "is not on the public web"


def test_a_name_that_stands_for_nothing_cannot_be_read(site: DocumentSite) -> None:
    site.addresses.clear()
    with pytest.raises(CannotRead, match="not on the public web"):
        site.outside().read(site.url)


def test_redirects_are_not_followed(site: DocumentSite) -> None:
    site.served[PATH] = Served(status=302, headers={"Location": "/other.json"})
    with pytest.raises(CannotRead, match="status 302"):
        site.outside().read(site.url)
    assert site.asked == [PATH]


def test_long_documents_are_not_read(site: DocumentSite) -> None:
    site.served[PATH] = Served(b"x" * MAX_BYTES)
    assert len(site.outside().read(site.url).body) == MAX_BYTES
    site.served[PATH] = Served(b"x" * (MAX_BYTES + 1))
    with pytest.raises(CannotRead, match="larger than 16 KB"):
        site.outside().read(site.url)


def test_a_document_that_never_ends_is_cut_off(site: DocumentSite) -> None:
    never = Event()

    def drips() -> Iterator[bytes]:
        while not never.wait(0.05):
            yield b"x"

    site.served[PATH] = Served(drips(), headers={"Content-Length": "1000"})
    with pytest.raises(CannotRead, match="in time"):
        site.outside(within_s=0.3).read(site.url)
    never.set()


def test_packed_documents_are_not_read(site: DocumentSite) -> None:
    site.served[PATH] = Served(b"x", headers={"Content-Encoding": "gzip"})
    with pytest.raises(CannotRead, match="encoding"):
        site.outside().read(site.url)


def test_a_certificate_of_another_name_is_refused(site: DocumentSite) -> None:
    with pytest.raises(CannotRead, match="certificate"):
        site.outside().read(site.url.replace("agent.test", "other.test"))
    assert site.asked == []


def test_a_site_that_does_not_answer_is_said_to_be_one(site: DocumentSite) -> None:
    closed = f"https://agent.test:1{PATH}"
    with pytest.raises(CannotRead, match="does not answer"):
        site.outside().read(closed)


@pytest.mark.parametrize(
    "url",
    [
        "http://agent.test/client.json",
        "https://agent.test",
        "https://agent.test/",
        "https://user@agent.test/client.json",
        "https://user:secret@agent.test/client.json",
        "https://agent.test/a/../client.json",
        "https://agent.test/./client.json",
        "https://agent.test/client.json#part",
        "https://agent.test/client .json",
        "https://agent.test\\@other.test/client.json",
        "https://AGENT.test/client.json",
        "https://аgent.test/client.json",
        "https://[::1]/client.json",
        "https://agent.test:0/client.json",
        "https://agent.test:99999/client.json",
        "https://agent_test/client.json",
        "https://agent..test/client.json",
        "https:///client.json",
        "file:///etc/passwd",
    ],
)
def test_addresses_in_odd_forms_are_refused(url: str) -> None:
    with pytest.raises(CannotRead):
        parse(url)


def test_plain_addresses_are_taken() -> None:
    assert parse("https://agent.test/a/client.json?v=1") == (
        "agent.test",
        443,
        "/a/client.json?v=1",
    )
    assert parse("https://agent.test:8443/client") == ("agent.test", 8443, "/client")


def test_this_machines_certificates_are_trusted_unless_told_otherwise(tmp_path: Path) -> None:
    with document_site(tmp_path) as site:
        site.describe()
        outside = replace(site.outside(), make_tls=ssl.create_default_context)
        with pytest.raises(CannotRead, match="certificate"):
            outside.read(site.url)
