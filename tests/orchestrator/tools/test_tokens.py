"""Tokens that we sign for tool servers allow what the call needs, and nothing to a server that is not ours."""

from collections import defaultdict
from typing import Any

from mcp.server.caching import CacheHint
from mcp.types import Tool, ToolAnnotations
from support.models import ScriptedModel, calls
from support.servers import serving
from support.world import World

from orchestrator.tools.fingerprint import canonical_hash, definition
from shared.key_file import rotate_by_command
from shared.mcp_server import ToolServer, current_principal
from shared.scopes import LOOK, MAIL_READ, MAIL_SEND, RESOURCES, needs
from shared.service_tokens import FixedKeys, SigningKey, TokenVerifier
from shared.wire.events import ApprovalNeeded, Preview

AUDIENCE = "https://mail.example.org/mcp"
ISSUER = "http://orchestrator.test"


class NotingServer(ToolServer):
    """A mail server that notes what tokens allow."""

    def __init__(self, world: World) -> None:
        key = SigningKey.load(world.directory / "key.json")
        super().__init__(
            "mcp-email",
            caller=lambda: current_principal(None),
            resource=RESOURCES["mcp-email"],
            verifier=TokenVerifier(AUDIENCE, {ISSUER: FixedKeys(key.public_jwks())}),
            cache_hints={"tools/list": CacheHint(ttl_ms=60_000, scope="private")},
            subscriptions=False,
        )
        self.noted: defaultdict[str, set[frozenset[str]]] = defaultdict(set)

    def note(self, what: str) -> None:
        principal = current_principal(None)
        assert principal is not None
        self.noted[what].add(principal.scopes)

    async def list_tools(self) -> list[Tool]:
        self.note("tools/list")
        return await super().list_tools()


def noting(world: World) -> NotingServer:
    server = NotingServer(world)

    @server.tool(
        meta=needs(MAIL_READ) | {"io.steward/hidden": True},
        annotations=ToolAnnotations(read_only_hint=True),
    )
    async def preview_send() -> Preview:
        """What it would send."""
        server.note("preview_send")
        return Preview(summary="Send it", changes=[])

    @server.tool(meta=needs(MAIL_SEND) | {"io.steward/preview": "preview_send"})
    async def send() -> str:
        """Send it."""
        server.note("send")
        return "sent"

    del preview_send, send  # registered by their decorators
    return server


async def test_each_token_allows_what_its_call_needs(world: World) -> None:
    server = noting(world)
    model = ScriptedModel([[calls(("email__send", "{}"))], ["Done."]])
    async with serving(server.streamable_http_app()) as url:
        servers: dict[str, Any] = {
            "email": {"url": f"{url}/mcp", "audience": AUDIENCE, "own": True}
        }
        async with world.orchestrator(model, tool_servers=servers):
            api = world.api()
            async with api.ask("Send it") as reader:
                needed = await reader.until(ApprovalNeeded)
                await api.decide(needed.call_id, "approve")
                await reader.rest()
    assert server.noted == {
        "tools/list": {LOOK},
        "preview_send": {frozenset({MAIL_READ})},
        "send": {frozenset({MAIL_SEND})},
    }


async def test_a_server_that_is_not_ours_gets_a_token_that_allows_nothing(world: World) -> None:
    server = noting(world)
    async with serving(server.streamable_http_app()) as url:
        servers = {"email": {"url": f"{url}/mcp", "audience": AUDIENCE, "own": False}}
        async with world.orchestrator(ScriptedModel([]), tool_servers=servers):
            answer = await world.api().request("GET", "/v1/tools")
    (listed,) = answer.json()["servers"]
    assert "does not accept our sign-in" in listed["problem"]
    assert server.noted == {}


async def test_a_rotated_key_signs_without_a_restart_and_the_one_before_stays_published(
    world: World,
) -> None:
    """The server knows the key that there was at the start."""
    async with serving(noting(world).streamable_http_app()) as url:
        servers = {"email": {"url": f"{url}/mcp", "audience": AUDIENCE, "own": True}}
        async with world.orchestrator(ScriptedModel([]), tool_servers=servers):
            before = await world.api("ada").request("GET", "/v1/tools")
            told = rotate_by_command(world.directory / "key.json", published_before_s=0)
            after = await world.api("bob").request("GET", "/v1/tools")
            published = await world.http.get(f"{world.url}/.well-known/jwks.json")
    assert before.json()["servers"][0]["problem"] is None
    assert "does not accept our sign-in" in after.json()["servers"][0]["problem"]
    old, new = (key["kid"] for key in published.json()["keys"])
    assert new in told
    assert old not in told


def test_a_server_that_begins_to_say_what_tokens_need_keeps_its_accepted_tools() -> None:
    def hash_with(meta: dict[str, Any] | None) -> str:
        return canonical_hash(
            definition(Tool(name="send", input_schema={"type": "object"}, _meta=meta))
        )

    hidden = {"io.steward/hidden": True}
    assert hash_with(needs(MAIL_SEND)) == hash_with(None)
    assert hash_with(needs(MAIL_SEND) | hidden) == hash_with(hidden) != hash_with(None)
