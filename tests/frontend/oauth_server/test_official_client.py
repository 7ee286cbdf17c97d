"""The official MCP SDK's OAuth client comes by a token over real HTTP, by itself but for the person's yes."""

from collections.abc import Generator
from urllib.parse import urlsplit

import httpx
import httpx2
import pytest
from mcp.client.auth import OAuthClientProvider
from mcp.shared.auth import (
    AuthorizationCodeResult,
    OAuthClientInformationFull,
    OAuthClientMetadata,
    OAuthToken,
)
from pydantic import AnyUrl
from support.agents import MAIL, answer_of
from support.document_site import DocumentSite
from support.frontend_site import Site, csrf_token
from support.protected_resource import ProtectedResource, protected_resource

CALLBACK = "http://127.0.0.1:53682/callback"


class Memory:
    """What the client keeps."""

    def __init__(self) -> None:
        self.tokens: OAuthToken | None = None
        self.client: OAuthClientInformationFull | None = None

    async def get_tokens(self) -> OAuthToken | None:
        return self.tokens

    async def set_tokens(self, tokens: OAuthToken) -> None:
        self.tokens = tokens

    async def get_client_info(self) -> OAuthClientInformationFull | None:
        return self.client

    async def set_client_info(self, client_info: OAuthClientInformationFull) -> None:
        self.client = client_info


class Person:
    """Says yes to all that is asked, in a browser that is signed in."""

    def __init__(self, browser: httpx.Client) -> None:
        self.browser = browser
        self.asked: list[str] = []
        self._answer: dict[str, str] = {}

    async def open(self, url: str) -> None:
        page = self.browser.get(url)
        assert page.status_code == 200, page.text
        self.asked.append(page.text)
        rights = [part.partition('"')[0] for part in page.text.split('name="right" value="')[1:]]
        form = {"csrf_token": csrf_token(page.text), "decision": "allow", "right": rights}
        answer = self.browser.post(url, data=form)
        assert answer.headers["location"].startswith(f"{CALLBACK}?"), answer.text
        self._answer = answer_of(answer.headers["location"])

    async def callback(self) -> AuthorizationCodeResult:
        return AuthorizationCodeResult.model_validate(self._answer)


@pytest.fixture
def tool_server(agent_site: Site) -> Generator[ProtectedResource]:
    port = urlsplit(MAIL).port
    assert port is not None
    with protected_resource(port, agent_site.settings.issuer, "mail:read") as resource:
        yield resource


async def test_the_official_client_is_let_in_steps_up_and_refreshes(
    agent_site: Site, agent_maker: DocumentSite, tool_server: ProtectedResource
) -> None:
    agent_maker.describe(redirect_uris=[CALLBACK.replace(":53682", "")])
    memory, person = Memory(), Person(agent_site.sign_in())
    provider = OAuthClientProvider(
        tool_server.url,
        OAuthClientMetadata(redirect_uris=[AnyUrl(CALLBACK)], client_name="Travel Agent"),
        memory,
        redirect_handler=person.open,
        callback_handler=person.callback,
        client_metadata_url=agent_maker.url,
    )
    async with httpx2.AsyncClient(auth=provider) as http:
        assert (await http.get(tool_server.url)).status_code == 200
        assert (await http.get(f"{tool_server.url}/mail:send")).status_code == 200
        assert (await http.get(tool_server.url)).status_code == 200
        assert memory.tokens is not None
        before = memory.tokens.refresh_token
        provider.context.token_expiry_time = 1
        assert (await http.get(tool_server.url)).status_code == 200

    assert memory.client is not None
    assert memory.client.client_id == agent_maker.url
    assert memory.tokens.refresh_token != before
    assert [claims["scope"] for claims in tool_server.claims] == [
        "mail:read",
        *["mail:read mail:send"] * 3,
    ]
    assert len(person.asked) == 2
    assert "Travel Agent" in person.asked[0]
    new, _, old = person.asked[1].partition("You allowed it before to")
    assert "mail:send" in new
    assert 'value="mail:read"' not in new
    assert "mail:read" in old
