"""A tool server for tests whose answers can be kept under a name. Real MCP over HTTP."""

from dataclasses import dataclass, field
from typing import Any, ClassVar

from mcp.server.mcpserver import Context
from mcp.types import ToolAnnotations
from pydantic import BaseModel
from starlette.applications import Starlette

from shared.mcp_server import InvalidArguments, Problem, ToolServer
from shared.scopes import RESOURCES

READS = ToolAnnotations(read_only_hint=True, open_world_hint=False)
WRITES = ToolAnnotations(read_only_hint=False, destructive_hint=False, open_world_hint=False)


class NameTaken(Problem):
    """The shelf holds something else under this name."""

    code: ClassVar[str] = "conflict"


class Found(BaseModel):
    columns: list[dict[str, str]]
    rows: list[list[Any]]
    row_count: int
    truncated: bool = False


class Kept(BaseModel):
    name: str
    text: str


@dataclass
class Library:
    """What is kept, and how it was asked for."""

    shelf: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])
    """Name → arguments."""
    keys: dict[str, str] = field(default_factory=dict[str, str])
    """Name → the idempotency key it was kept with."""
    is_hidden: bool = True
    """Whether the companion says that it is not for models."""
    description: str = "Keep a search."

    def app(self) -> Starlette:
        server = ToolServer(
            "library", caller=lambda: None, resource=RESOURCES["mcp-search"], subscriptions=False
        )

        @server.tool(annotations=READS, meta={"io.steward/keep": "keep_search"})
        async def search(words: str) -> Found:
            """Titles with these words."""
            if words == "nothing":
                raise InvalidArguments("Use other words.")
            column = {"name": "title", "type": "text"}
            return Found(columns=[column], rows=[[f"About {words}"]], row_count=1)

        @server.tool(annotations=READS)
        async def count_books() -> int:
            """How many there are."""
            return 7

        @server.tool(
            description=self.description,
            annotations=WRITES,
            meta={"io.steward/hidden": self.is_hidden},
        )
        async def keep_search(
            name: str, title: str, arguments: dict[str, Any], ctx: Context[Any, Any]
        ) -> Kept:
            key = str(dict(ctx.request_context.meta or {}).get("io.steward/idempotency-key", ""))
            if name.startswith("bad"):
                raise InvalidArguments("Not a name for a search.")
            if self.keys.get(name, key) != key:
                raise NameTaken(f"There is a search called {name} already.")
            self.shelf[name], self.keys[name] = arguments, key
            return Kept(name=name, text=f"Kept as {name}: {title}.")

        return server.streamable_http_app()
