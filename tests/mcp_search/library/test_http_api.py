"""Files over HTTP: who may, how large, cut off, and what a browser is told of them."""

import asyncio
import tempfile
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from mcp.server.transport_security import TransportSecurityMiddleware
from starlette.types import ASGIApp
from support.documents import lines, pdf
from support.servers import serving
from support.taking_in import ADA, BOB, HeldQueue, PlayedEmbedder, knowledge_base

from mcp_search.config import Knowledge
from mcp_search.knowledge.http_api import HttpApi
from mcp_search.knowledge.ingestion.reading import ConfinedReader
from mcp_search.knowledge.library import Library, Upload
from shared.mcp_server import ToolServer, current_principal, transport_security
from shared.scopes import KB_READ, KB_WRITE, RESOURCES, WEB_SEARCH
from shared.service_tokens import FixedKeys, Principal, SigningKey, TokenIssuer, TokenVerifier

AUDIENCE = "https://search.test"
ISSUER = "https://login.test"
LIMIT = 1_000


@dataclass(frozen=True, slots=True)
class Site:
    url: str
    key: SigningKey

    def client(
        self, principal: Principal, audience: str = AUDIENCE, scope: str = f"{KB_READ} {KB_WRITE}"
    ) -> httpx.AsyncClient:
        token = TokenIssuer(ISSUER, self.key).issue(
            audience=audience,
            subject=principal.subject,
            tenant=principal.tenant,
            roles=principal.roles,
            name=principal.name,
            scope=scope,
            lifetime_s=60,
        )
        return httpx.AsyncClient(
            base_url=self.url, headers={"Authorization": f"Bearer {token}"}, trust_env=False
        )


@pytest.fixture
async def site(library: Library) -> AsyncGenerator[Site]:
    key = SigningKey.generate()
    async with serving(app_of(library, key)) as url:
        yield Site(url, key)


def app_of(library: Library, key: SigningKey | None, local: Principal | None = None) -> ASGIApp:
    """The routes as the tool server has them: behind its guard, or without a key open for the local user."""
    verifier = key and TokenVerifier(AUDIENCE, {ISSUER: FixedKeys(key.public_jwks())})

    def caller() -> Principal | None:
        return current_principal(local)

    server = ToolServer(
        "mcp-search", caller=caller, resource=RESOURCES["mcp-search"], verifier=verifier
    )
    guard = transport_security([])
    files = HttpApi(library, caller)
    files.add_to(server, TransportSecurityMiddleware(guard))
    return server.streamable_http_app(transport_security=guard)


async def test_an_upload_is_accepted_and_told_of(site: Site, queue: HeldQueue) -> None:
    async with site.client(ADA) as http:
        first = await http.put("/v1/documents", params={"name": "plän.txt"}, content=b"Some words.")
        again = await http.put("/v1/documents", params={"name": "b.txt"}, content=b"Some words.")
        document = first.json()["document"]
        newer = await http.put(
            "/v1/documents",
            params={"document_id": document["id"], "access": "person:ada"},
            content=b"Newer words.",
        )
    assert (first.status_code, again.status_code, newer.status_code) == (202, 202, 202)
    assert (first.json()["duplicate"], again.json()["duplicate"]) == (False, True)
    assert (document["name"], document["state"], document["octets"]) == ("plän.txt", "queued", 11)
    assert again.json()["document"]["id"] == document["id"]
    assert newer.json()["document"]["version"] == 2
    assert [job.version for job in queue.jobs] == [1, 2]


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer nonsense"},
        {"Authorization": "Basic YTpi"},
        {"Authorization": "Bearer"},
    ],
)
async def test_without_a_token_that_counts_nothing_is_read(
    site: Site, library: Library, headers: dict[str, str]
) -> None:
    document = (await library.add(ADA, Upload("a.txt", b"a"))).document
    async with httpx.AsyncClient(base_url=site.url, headers=headers, trust_env=False) as http:
        put = await http.put("/v1/documents", content=b"b")
        got = await http.get(f"/v1/documents/{document.id}/original")
        picture = await http.get("/v1/passages/aaaaaaaaaa/page.png")
    for answer in (put, got, picture):
        assert answer.status_code == 401
        assert f'scope="{KB_READ} {WEB_SEARCH}"' in answer.headers["WWW-Authenticate"]
        assert answer.json()["code"] == "not_signed_in"
    assert len(await library.documents(ADA)) == 1


async def test_a_token_for_another_service_does_not_count(site: Site) -> None:
    async with site.client(ADA, audience="https://mail.test") as http:
        assert (await http.put("/v1/documents", content=b"b")).status_code == 401


async def test_a_token_that_only_reads_adds_nothing_and_the_reverse(
    site: Site, library: Library
) -> None:
    document = (await library.add(ADA, Upload("a.txt", b"a"))).document
    async with site.client(ADA, scope=KB_READ) as http:
        put = await http.put("/v1/documents", content=b"b")
        got = await http.get(f"/v1/documents/{document.id}/original")
    async with site.client(ADA, scope=KB_WRITE) as http:
        unread = await http.get(f"/v1/documents/{document.id}/original")
        picture = await http.get("/v1/passages/aaaaaaaaaa/page.png")
    assert got.status_code == 200
    for answer, needed in ((put, KB_WRITE), (unread, KB_READ), (picture, KB_READ)):
        assert (answer.status_code, answer.json()["code"]) == (403, "insufficient_scope")
        assert 'error="insufficient_scope", ' in answer.headers["WWW-Authenticate"]
        assert f'scope="{needed}"' in answer.headers["WWW-Authenticate"]
    assert len(await library.documents(ADA)) == 1


async def in_parts(part: bytes, times: int) -> AsyncIterator[bytes]:
    for _ in range(times):
        yield part


async def test_too_much_is_refused_while_it_comes(library: Library) -> None:
    parts: list[int] = []
    answered: list[Any] = []

    async def receive() -> dict[str, Any]:
        parts.append(100)
        assert len(parts) < 50
        return {"type": "http.request", "body": bytes(100), "more_body": True}

    async def send(message: Any) -> None:
        answered.append(message)

    app = app_of(library, None, ADA)
    scope: dict[str, Any] = {
        "type": "http", "method": "PUT", "path": "/v1/documents", "query_string": b"",
        "headers": [(b"host", b"127.0.0.1:8004")],
    }  # fmt: skip
    await app(scope, receive, send)
    assert answered[0]["status"] == 413
    assert sum(parts) == LIMIT + 100


@pytest.mark.parametrize("said", [True, False])
async def test_too_much_is_told_to_be_too_much(site: Site, library: Library, said: bool) -> None:
    body = bytes(20_000_000) if said else in_parts(bytes(100_000), 200)
    async with site.client(ADA) as http:
        answer = await http.put("/v1/documents", content=body)
        fits = await http.put("/v1/documents", content=in_parts(b"a" * 100, 10))
    assert answer.status_code == 413
    assert answer.json()["code"] == "limit_exceeded"
    assert "larger than" in answer.json()["message"]
    assert answer.json()["hint"]
    assert fits.status_code == 202
    assert len(await library.documents(ADA)) == 1


async def raw(site: Site, headers: list[str], body: bytes) -> bytes:
    """What comes back to a request that is then cut off."""
    async with site.client(ADA) as http:
        token = http.headers["authorization"]
    host, _, port = site.url.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    head = ["PUT /v1/documents HTTP/1.1", f"Host: {host}", f"Authorization: {token}", *headers]
    writer.write("\r\n".join([*head, "", ""]).encode() + body)
    await writer.drain()
    writer.write_eof()
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    return answer


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        (["Content-Length: 900"], b"half of it"),
        (["Transfer-Encoding: chunked"], b"5\r\nhello\r\n"),
        (["Transfer-Encoding: chunked"], b"ffffffff\r\nhello"),
    ],
)
async def test_an_upload_that_is_cut_off_leaves_nothing(
    site: Site,
    library: Library,
    queue: HeldQueue,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    headers: list[str],
    body: bytes,
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    answer = await raw(site, headers, body)
    assert b" 202 " not in answer
    assert (await library.documents(ADA), queue.jobs) == ([], [])
    kept = [each.readlink() for each in Path("/proc/self/fd").iterdir() if each.is_symlink()]
    assert not [path for path in kept if tmp_path in path.parents and "(deleted)" in path.name]
    assert {each.name.partition(".")[0] for each in tmp_path.iterdir()} == {"knowledge"}


async def test_a_length_that_is_too_small_does_not_let_more_in(
    site: Site, library: Library
) -> None:
    await raw(site, ["Content-Length: 5"], b"hello and much more")
    assert all(each.octets == 5 for each in await library.documents(ADA))


@pytest.mark.parametrize(
    ("name", "content", "media_type"),
    [
        ("a.txt", b"Some words.", "text/plain"),
        ('evil".html', b"<html><script>alert(1)</script></html>", "application/octet-stream"),
        ("a.png", b"\x89PNG\r\n\x1a\n" + bytes(50), "application/octet-stream"),
    ],
)
async def test_an_original_is_downloaded_and_never_shown(
    site: Site, library: Library, name: str, content: bytes, media_type: str
) -> None:
    document = (await library.add(ADA, Upload(name, content))).document
    async with site.client(ADA) as http:
        answer = await http.get(f"/v1/documents/{document.id}/original")
    assert (answer.status_code, answer.content) == (200, content)
    assert answer.headers["Content-Type"].partition(";")[0] == media_type
    assert answer.headers["Content-Disposition"].startswith("attachment; filename*=UTF-8''")
    assert '"' not in answer.headers["Content-Disposition"]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "no-store" in answer.headers["Cache-Control"]


async def test_the_page_of_a_passage_is_a_picture_for_those_who_may_read_it(tmp_path: Path) -> None:
    embedder = PlayedEmbedder()
    reader = ConfinedReader(Knowledge(), embedder)
    key = SigningKey.generate()
    async with knowledge_base(tmp_path, reader=reader, embedder=embedder) as base:
        file = pdf(lines("The kettle boils at noon."))
        await base.settled((await base.library.add(ADA, Upload("tea.pdf", file))).document)
        [found] = await base.matching(ADA, "kettle")
        async with serving(app_of(base.library, key)) as url:
            path = f"/v1/passages/{found.passage.id}/page.png"
            async with Site(url, key).client(ADA) as http:
                picture = await http.get(path, timeout=30)
            async with Site(url, key).client(BOB) as http:
                hidden = await http.get(path)
    assert (picture.status_code, picture.headers["Content-Type"]) == (200, "image/png")
    assert picture.content.startswith(b"\x89PNG")
    begin, end = map(float, picture.headers["X-Passage-Mark"].split())
    assert 0 < begin < end < 0.2
    assert hidden.status_code == 404


async def test_what_is_not_there_and_what_is_not_yours_are_told_alike(
    site: Site, library: Library
) -> None:
    document = (await library.add(ADA, Upload("a.txt", b"a"))).document
    async with site.client(BOB) as http:
        hidden = await http.get(f"/v1/documents/{document.id}/original")
        absent = await http.get("/v1/documents/0123/original")
        passage = await http.get("/v1/passages/aaaaaaaaaa/page.png")
        replaced = await http.put(
            "/v1/documents", params={"document_id": document.id}, content=b"b"
        )
    assert (hidden.status_code, absent.status_code, passage.status_code) == (404, 404, 404)
    assert hidden.json() == absent.json()
    assert replaced.status_code == 404


async def test_refusals_have_a_status_of_their_own(site: Site, library: Library) -> None:
    handbook = await library.make_collection(ADA, "Handbook")
    async with site.client(BOB) as http:
        forbidden = await http.put(
            "/v1/documents", params={"collection": handbook.id}, content=b"b"
        )
        misspelt = await http.put("/v1/documents", params={"folder": "x"}, content=b"b")
        for number in range(6):
            await http.put("/v1/documents", content=f"{number}".encode())
        throttled = await http.put("/v1/documents", content=b"more")
    assert (forbidden.status_code, forbidden.json()["code"]) == (403, "permission_denied")
    assert (misspelt.status_code, misspelt.json()["code"]) == (400, "invalid_argument")
    assert (throttled.status_code, throttled.json()["code"]) == (429, "rate_limited")
    assert int(throttled.headers["Retry-After"]) > 80_000


async def test_an_upload_for_which_there_is_no_room_is_refused_in_words(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "not there"))
    async with site.client(ADA) as http:
        refused = await http.put("/v1/documents", params={"name": "a.txt"}, content=b"Some words.")
        assert (refused.status_code, refused.json()["code"]) == (503, "upstream_unavailable")
        assert str(tmp_path) not in refused.text
        monkeypatch.undo()
        taken = await http.put("/v1/documents", params={"name": "a.txt"}, content=b"Some words.")
    assert taken.status_code == 202
