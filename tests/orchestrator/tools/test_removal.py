"""Our own tool servers are asked, each by a token for itself, and nothing is done before all of them have."""

from dataclasses import dataclass, field

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from support.models import ScriptedModel
from support.servers import serving
from support.world import World

from shared.scopes import REMOVAL
from shared.service_tokens import FixedKeys, Principal, SigningKey, TokenVerifier


@dataclass
class Keeper:
    """A tool server that keeps something, of which each request deletes a part."""

    left: int
    status: int = 200
    callers: list[Principal] = field(default_factory=list[Principal])

    def app(self, key: SigningKey, audience: str) -> Starlette:
        verifier = TokenVerifier(
            audience, {"http://orchestrator.test": FixedKeys(key.public_jwks())}
        )

        async def remove(request: Request) -> Response:
            token = request.headers["Authorization"].removeprefix("Bearer ")
            self.callers.append(await verifier.verify(token))
            self.left = max(0, self.left - 1)
            return JSONResponse({"done": self.left == 0}, status_code=self.status)

        return Starlette(routes=[Route("/v1/tenant", remove, methods=["DELETE"])])


async def test_every_server_of_ours_deletes_its_part(world: World) -> None:
    mail, documents, strangers = Keeper(3), Keeper(1), Keeper(1)
    key = SigningKey.load(world.make_settings().key_file)
    keepers = {"mail": mail, "search": documents, "other": strangers}
    apps = {name: keeper.app(key, f"http://{name}.test/mcp") for name, keeper in keepers.items()}
    async with (
        serving(apps["mail"]) as a,
        serving(apps["search"]) as b,
        serving(apps["other"]) as c,
    ):
        servers = {
            name: {
                "url": f"{url}/mcp",
                "audience": f"http://{name}.test/mcp",
                "own": name != "other",
            }
            for name, url in {"mail": a, "search": b, "other": c}.items()
        }
        async with world.orchestrator(ScriptedModel([]), tool_servers=servers):
            purge = world.api("frontend", roles=[], scope=REMOVAL)
            answers = [await purge.request("DELETE", "/v1/tenant") for _ in range(3)]
            assert [answer.json() for answer in answers] == [
                {"done": False},
                {"done": False},
                {"done": True},
            ]
            documents.status = 503
            away = await purge.request("DELETE", "/v1/tenant")
            assert away.status_code == 503
    assert (mail.callers[0].tenant, mail.callers[0].scopes) == ("acme", {REMOVAL})
    assert strangers.callers == []
