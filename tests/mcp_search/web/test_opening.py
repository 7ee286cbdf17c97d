"""The configuration decides who is asked and by which way pages come."""

from pathlib import Path

import pytest
from support.search_engines import plain_client, rows, searxng, tavily
from support.web_servers import HERE, FakeDns, FakeWeb, guard_of, reply

from mcp_search.config import Limits, Web
from mcp_search.errors import AddressRefused, FetchRefused, TooMuch
from mcp_search.knowledge.parsing.process import parse
from mcp_search.web.opening import open_web
from mcp_search.web.providers.port import Query
from shared.errors import BadSetup


async def test_a_proxy_fetches_what_the_guard_allows_and_looks_names_up_itself(
    web: FakeWeb,
) -> None:
    web.on("www.example.com", "/", reply("<p>Through the proxy.</p>"))
    config = Web.model_validate(
        {"proxy": f"http://{HERE}:{web.port}", "deny": ["*.bad.example.com"]}
    )
    dns = FakeDns()
    opened = open_web(config, Limits(), parse, resolve=dns)
    page = await opened.reader.read("http://www.example.com/", "acme")
    assert page.text == "Through the proxy."
    for url in ("http://10.0.0.1/", "http://wiki.internal/", "http://169.254.169.254/"):
        with pytest.raises(AddressRefused):
            await opened.reader.read(url, "acme")
    with pytest.raises(FetchRefused):
        await opened.reader.read("http://www.bad.example.com/", "acme")
    assert [one.host for one in web.asked] == ["www.example.com", "www.example.com"]
    assert dns.lookups == []
    await opened.close()


async def test_providers_are_asked_in_the_order_of_the_file_with_their_keys(
    web: FakeWeb, tmp_path: Path
) -> None:
    (tmp_path / "key").write_text("a-key\n")
    config = Web.model_validate({
        "providers": [
            {"kind": "searxng", "url": web.on(HERE, "/search", searxng()).removesuffix("/search")},
            {"kind": "tavily", "url": web.on(HERE, "/t", tavily(rows("a"))), "key": {"file": tmp_path / "key"}},
            {"kind": "duckduckgo"},
        ]
    })  # fmt: skip
    limits = Limits(query_characters=20)
    opened = open_web(config, limits, parse, guard=guard_of(web), client=plain_client)
    opened.start()
    assert opened.search.names == ("searxng", "tavily", "duckduckgo")
    result = await opened.search.search(Query("red foxes"), "acme")
    assert [one.status for one in result.providers] == ["empty", "ok", "skipped"]
    assert web.asked[-1].headers["authorization"] == "Bearer a-key"
    with pytest.raises(TooMuch):
        await opened.search.search(Query("more than twenty letters"), "acme")
    await opened.close()


def test_a_key_that_is_not_there_is_told_at_the_start() -> None:
    config = Web.model_validate({"providers": [{"kind": "brave", "key": {"env": "NO_SUCH_KEY"}}]})
    with pytest.raises(BadSetup, match="NO_SUCH_KEY"):
        open_web(config, Limits(), parse)
