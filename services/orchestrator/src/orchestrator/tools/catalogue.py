"""Which tools there are for a person, and which of them may be used.

A tool is usable while its definition is the one that was accepted. The first definition seen of a configured server is
accepted with the server itself; of one that an admin has added, once somebody has looked at it. Any change disables the
tool until somebody has looked at the difference: an admin of each tenant, for that tenant.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any, cast

import structlog
from mcp.types import Tool, ToolAnnotations
from pydantic import JsonValue

from orchestrator.connections.tokens import SignInNeeded
from orchestrator.database import Database
from orchestrator.models.port import ToolForModel
from orchestrator.policy.conditions import ToolTraits
from orchestrator.tools.fingerprint import canonical_hash, definition, name_for_model, tool_of
from orchestrator.tools.host import LIST_TIMEOUT_S, McpServer, ServerUnavailable, Token
from orchestrator.tools.queries import EVERY_TENANT, add_definition, find_definitions
from orchestrator.tools.remote import RemoteServers
from shared.errors import ExpectedError
from shared.scopes import LOOK, in_order, needed_by
from shared.service_tokens import Principal, TokenIssuer
from shared.sql import utc_now

LIFETIME_S = 60.0
FAILED_LIFETIME_S = 5.0
MAX_SLOTS = 5_000
TOKEN_LIFETIME_S = 120
MAX_DESCRIPTION_CHARACTERS = 4_000
PREVIEW_META = "io.steward/preview"
HIDDEN_META = "io.steward/hidden"
IDEMPOTENCY_META = "io.steward/idempotency-key"
IDEMPOTENCY_ARGUMENT_META = "io.steward/idempotency-argument"
STATUS_META = "io.steward/status"
KEEP_META = "io.steward/keep"
CITATIONS_META = "io.steward/citations"
QUESTION_META = "io.steward/question"

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class CatalogueTool:
    """A tool of a server, judged against the definition that was accepted."""

    server: McpServer
    tool: Tool
    model_name: str
    definition: dict[str, JsonValue]
    definition_hash: str
    accepted: dict[str, JsonValue] | None
    """The accepted definition when it is another one, None when this is it or there is none."""
    needed: Mapping[str, frozenset[str]] = field(default_factory=dict[str, frozenset[str]])
    """What tokens must allow for each tool of the server, this one and its companions."""
    is_new: bool = False
    """Nobody has looked at it yet, and somebody has to."""

    @property
    def is_changed(self) -> bool:
        return self.accepted is not None

    @property
    def is_off(self) -> bool:
        """Not to be called as it is now defined."""
        return self.is_changed or self.is_new

    @property
    def is_hidden(self) -> bool:
        return bool((self.tool.meta or {}).get(HIDDEN_META))

    @property
    def title(self) -> str:
        annotations = self.tool.annotations
        return self.tool.title or (annotations.title if annotations else None) or self.tool.name

    @property
    def traits(self) -> ToolTraits:
        return traits_of(self.tool.annotations, own=self.server.own)

    @property
    def reads_only(self) -> bool:
        return self.traits.own_server and self.traits.read_only_hint

    @property
    def is_repeatable(self) -> bool:
        """May be sent again after a crash: only our own servers' word counts."""
        hints = self.tool.annotations
        return self.server.own and bool(hints and (hints.read_only_hint or hints.idempotent_hint))

    @property
    def preview_tool(self) -> str | None:
        """Name of the tool that says what this one would do. Only our own servers' word counts."""
        name = (self.tool.meta or {}).get(PREVIEW_META)
        return name if self.server.own and isinstance(name, str) else None

    @property
    def status_tool(self) -> str | None:
        """Name of the tool that says whether a call of this one was done, asked by its idempotency key."""
        name = (self.tool.meta or {}).get(STATUS_META)
        return name if isinstance(name, str) else None

    @property
    def keep_tool(self) -> str | None:
        """Name of the tool that keeps a call of this one under a name. Only our own servers' word counts."""
        name = (self.tool.meta or {}).get(KEEP_META)
        return name if self.reads_only and isinstance(name, str) else None

    @property
    def citations_tool(self) -> str | None:
        """Name of the tool that says whether sentences are supported by passages of this one's results.

        Only our own servers' word counts.
        """
        name = (self.tool.meta or {}).get(CITATIONS_META)
        return name if self.reads_only and isinstance(name, str) else None

    @property
    def idempotency_argument(self) -> str | None:
        """The argument in which the tool wants the idempotency key. It is ours to fill, not the model's."""
        name = (self.tool.meta or {}).get(IDEMPOTENCY_ARGUMENT_META)
        return name if isinstance(name, str) else None

    @property
    def parameters(self) -> dict[str, Any]:
        """JSON Schema of the arguments that a model or a person chooses."""
        schema = self.tool.input_schema
        ours = self.idempotency_argument
        if ours is None:
            return schema
        properties = {k: v for k, v in schema.get("properties", {}).items() if k != ours}
        required = [name for name in schema.get("required", []) if name != ours]
        return {**schema, "properties": properties, "required": required}

    def with_key(self, arguments: dict[str, JsonValue], key: str) -> dict[str, JsonValue]:
        """The arguments as they are sent."""
        ours = self.idempotency_argument
        return arguments if ours is None else {**arguments, ours: key}

    def for_model(self) -> ToolForModel:
        return ToolForModel(
            name=self.model_name,
            description=(self.tool.description or "")[:MAX_DESCRIPTION_CHARACTERS],
            parameters=cast("dict[str, JsonValue]", self.parameters),
        )


@dataclass(frozen=True, slots=True)
class ServerTools:
    """What one server offers to one person now; `problem` when it cannot be asked."""

    server: McpServer
    tools: tuple[CatalogueTool, ...] = ()
    problem: ExpectedError | None = None
    sign_in_needed: bool = False
    """It tells the person nothing before they sign in there. The tools are those that were accepted."""


@dataclass(frozen=True, slots=True)
class Toolbox:
    """All tools of one person, by the names the model calls them."""

    servers: tuple[ServerTools, ...] = ()

    def for_model(self) -> list[ToolForModel]:
        return [
            tool.for_model() for tool in self._tools() if not tool.is_hidden and not tool.is_off
        ]

    def by_model_name(self, name: str) -> CatalogueTool | None:
        return next((t for t in self._tools() if t.model_name == name and not t.is_hidden), None)

    def find(self, server: str, tool: str) -> CatalogueTool | None:
        return next(
            (t for t in self._tools() if t.server.key == server and t.tool.name == tool), None
        )

    @property
    def problems(self) -> list[tuple[str, ExpectedError]]:
        return [(s.server.key, s.problem) for s in self.servers if s.problem is not None]

    def _tools(self) -> Sequence[CatalogueTool]:
        return [tool for server in self.servers for tool in server.tools]


@dataclass(slots=True)
class _Slot:
    """One server's tools for one person; the lock lets one request list them for all that wait."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    listed: ServerTools | None = None
    listed_at: float = 0.0

    def fresh(self, now: float, max_age_s: float) -> ServerTools | None:
        if self.listed is None:
            return None
        if self.listed.sign_in_needed:  # they may have signed in on another replica meanwhile
            return None
        lifetime_s = max_age_s if self.listed.problem is None else min(max_age_s, FAILED_LIFETIME_S)
        return self.listed if now - self.listed_at < lifetime_s else None


@dataclass(slots=True)
class Catalogue:
    """Lists tools per person, keeps the lists for a minute, and knows which definitions are accepted."""

    servers: Mapping[str, McpServer]
    issuer: TokenIssuer
    database: Database
    remote: RemoteServers | None = None
    """Those that admins have added; None when this installation does not have that."""
    _slots: dict[tuple[str, str, str], _Slot] = field(
        default_factory=dict[tuple[str, str, str], _Slot]
    )

    async def toolbox(self, principal: Principal, *, max_age_s: float = LIFETIME_S) -> Toolbox:
        """The person's tools. A server that fails is part of the answer, not an error."""
        servers = [*self.servers.values(), *await self._added(principal.tenant)]
        listed = await asyncio.gather(
            *(self._tools_of(server, principal, max_age_s) for server in servers)
        )
        return Toolbox(tuple(listed))

    def token_for(
        self, tool: CatalogueTool, principal: Principal, companion: str | None = None
    ) -> str:
        """A short-lived token in the person's name, which allows what a call of the tool needs and no more.

        Or a call of a companion of it, by its name.
        """
        scopes = tool.needed.get(companion or tool.tool.name, frozenset())
        return self._token(tool.server, principal, scopes)

    def _token(self, server: McpServer, principal: Principal, scopes: frozenset[str]) -> str:
        return self.issuer.issue(
            audience=server.audience,
            subject=principal.subject,
            tenant=principal.tenant,
            roles=principal.roles,
            name=principal.name,
            tier=principal.tier,
            locale=principal.locale,
            tz=principal.tz,
            scope=in_order(scopes),
            actor="orchestrator",
            lifetime_s=TOKEN_LIFETIME_S,
        )

    def sign(
        self, tool: CatalogueTool, principal: Principal, companion: str | None = None
    ) -> Token:
        """What a call's requests carry: our own token (`token_for`), or the person's from their sign-in there."""
        if tool.server.is_added and self.remote is not None:
            return self.remote.access(tool.server, principal)
        return partial(self.token_for, tool, principal, companion)

    def _sign_list(self, server: McpServer, principal: Principal) -> Token:
        if server.is_added and self.remote is not None:
            return self.remote.access(server, principal)
        return self._token(server, principal, LOOK if server.own else frozenset())

    async def _added(self, tenant_id: str) -> list[McpServer]:
        """A server that the operator has configured later under the same name comes first."""
        if self.remote is None:
            return []
        added = await self.remote.of_tenant(tenant_id)
        return [server for server in added if server.key not in self.servers]

    def forget(self) -> None:
        """List everything anew when next asked: an acceptance changed what is usable."""
        self._slots.clear()

    async def _tools_of(
        self, server: McpServer, principal: Principal, max_age_s: float
    ) -> ServerTools:
        key = (server.key, partition(principal), " ".join(sorted(principal.roles)))
        slot = self._slots.setdefault(key, _Slot())
        loop = asyncio.get_running_loop()
        async with slot.lock:
            known = slot.fresh(loop.time(), max_age_s)
            if known is not None:
                return known
            slot.listed = await self._list(server, principal)
            slot.listed_at = loop.time()
        while len(self._slots) > MAX_SLOTS:
            del self._slots[next(iter(self._slots))]
        return slot.listed

    async def _list(self, server: McpServer, principal: Principal) -> ServerTools:
        try:
            async with asyncio.timeout(LIST_TIMEOUT_S):
                token = self._sign_list(server, principal)
                tools = await server.list_tools(partition(principal), token)
        except SignInNeeded:
            return await self._accepted_tools(server, principal.tenant)
        except ExpectedError as error:
            log.warning("tools_not_listed", server=server.key, code=error.code)
            return ServerTools(server, problem=error)
        except TimeoutError:
            log.warning("tools_not_listed", server=server.key, code="timed_out")
            return ServerTools(server, problem=_too_slow(server))
        judged = await self._judge_definitions(server, tools, principal.tenant)
        return ServerTools(server, tuple(judged))

    async def _judge_definitions(
        self, server: McpServer, tools: Sequence[Tool], tenant_id: str
    ) -> list[CatalogueTool]:
        described = {tool.name: definition(tool) for tool in tools}
        hashes = {name: canonical_hash(value) for name, value in described.items()}
        async with self.database.reading() as session:
            accepted = await find_definitions(session, server.key, tenant_id)
        needed = _needed(server, tools)
        unseen = [name for name in described if name not in accepted]
        if unseen and not server.is_added:
            await self._accept_unseen(server, {name: described[name] for name in unseen})
        return [
            CatalogueTool(
                server=server,
                tool=tool,
                model_name=name_for_model(server.key, tool.name),
                definition=described[tool.name],
                definition_hash=hashes[tool.name],
                accepted=_other_than(accepted.get(tool.name), hashes[tool.name]),
                needed=needed,
                is_new=server.is_added and tool.name not in accepted,
            )
            for tool in tools
        ]

    async def _accepted_tools(self, server: McpServer, tenant_id: str) -> ServerTools:
        """What the model is offered of a server that lists nothing before the person signs in: a call will ask them."""
        async with self.database.reading() as session:
            accepted = await find_definitions(session, server.key, tenant_id)
        tools = [
            CatalogueTool(
                server=server,
                tool=tool_of(value),
                model_name=name_for_model(server.key, name),
                definition=value,
                definition_hash=definition_hash,
                accepted=None,
            )
            for name, (definition_hash, value) in sorted(accepted.items())
        ]
        return ServerTools(server, tuple(tools), sign_in_needed=True)

    async def _accept_unseen(
        self, server: McpServer, unseen: Mapping[str, dict[str, JsonValue]]
    ) -> None:
        now: datetime = utc_now()
        async with self.database.writing() as session:
            for name, value in unseen.items():
                await add_definition(
                    session,
                    server.key,
                    name,
                    value,
                    tenant_id=EVERY_TENANT,
                    accepted_by="first_seen",
                    now=now,
                )
        log.info("tool_definitions_accepted", server=server.key, tools=sorted(unseen))


def traits_of(hints: ToolAnnotations | None, *, own: bool) -> ToolTraits:
    """What a tool says of itself. The protocol's default for what it does not say is the dangerous one."""
    return ToolTraits(
        own_server=own,
        read_only_hint=bool(hints and hints.read_only_hint),
        destructive_hint=not hints or hints.destructive_hint is not False,
        idempotent_hint=bool(hints and hints.idempotent_hint),
        open_world_hint=not hints or hints.open_world_hint is not False,
    )


def partition(principal: Principal) -> str:
    """What separates one person's cached answers from another's."""
    return f"{principal.tenant}/{principal.subject}"


def _needed(server: McpServer, tools: Sequence[Tool]) -> dict[str, frozenset[str]]:
    """Tool → what a token must allow. Only our own servers say so in our words."""
    if not server.own:
        return {}
    return {tool.name: needed_by(tool.meta) or frozenset() for tool in tools}


def _other_than(
    accepted: tuple[str, dict[str, JsonValue]] | None, definition_hash: str
) -> dict[str, JsonValue] | None:
    if accepted is None or accepted[0] == definition_hash:
        return None
    return accepted[1]


def _too_slow(server: McpServer) -> ExpectedError:
    return ServerUnavailable(f"The tool server “{server.key}” does not answer.", sent=False)
