"""A person's browser on its way to a sign-in service and back, without the pages of Steward."""

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
from support.third_party import Notes
from support.world import Api

PUBLIC_URL = "https://steward.test"
LOOPBACK = ["127.0.0.0/8"]
SECRET = "a secret of a test, long enough to keep something"


async def add_notes(api: Api, notes: Notes, **changes: Any) -> httpx.Response:
    """As an admin does."""
    body = {"name": "notes", "url": f"{notes.url}/mcp", **changes}
    return await api.request("POST", "/v1/servers", json=body)


async def tools_of(api: Api, server: str = "notes") -> dict[str, Any]:
    """What the tools page shows of a server."""
    servers = (await api.request("GET", "/v1/tools")).json()["servers"]
    return next(one for one in servers if one["server"] == server)


async def accept_all(api: Api, server: str = "notes") -> None:
    """An admin has looked at every tool."""
    for tool in (await tools_of(api, server))["tools"]:
        path = f"/v1/tools/{server}/{tool['tool']}/acceptance"
        body = {"definition_hash": tool["definition_hash"]}
        assert (await api.request("PUT", path, json=body)).status_code == 200


@dataclass
class Journey:
    """One sign-in."""

    sent_to: str
    """The sign-in service's page."""
    brought_back: dict[str, str] = field(default_factory=dict[str, str])
    """What the browser is sent back with."""

    @property
    def asked(self) -> dict[str, str]:
        return dict(parse_qsl(urlsplit(self.sent_to).query))

    async def finish(self, api: Api, **changes: str | None) -> httpx.Response:
        answer = {**self.brought_back, **changes}
        body = {name: value for name, value in answer.items() if value is not None}
        return await api.request("POST", "/v1/connections/callback", json=body)


async def begin(api: Api, server: str = "notes") -> httpx.Response:
    return await api.request("POST", f"/v1/connections/{server}/sign-in")


async def go(api: Api, server: str = "notes") -> Journey:
    """To the service, whose page sends the browser back at once."""
    begun = await begin(api, server)
    assert begun.status_code == 200, begun.text
    journey = Journey(begun.json()["url"])
    page = await api.http.get(journey.sent_to)
    assert page.headers["location"].startswith(f"{PUBLIC_URL}/connections/callback?")
    journey.brought_back = dict(parse_qsl(urlsplit(page.headers["location"]).query))
    return journey


async def sign_in(api: Api, server: str = "notes") -> httpx.Response:
    journey = await go(api, server)
    signed_in = await journey.finish(api)
    assert signed_in.status_code == 200, signed_in.text
    return signed_in


async def connection(api: Api, server: str = "notes") -> dict[str, Any]:
    """What the connections page shows."""
    mine = (await api.request("GET", "/v1/connections")).json()["connections"]
    return next(one for one in mine if one["server"] == server)
