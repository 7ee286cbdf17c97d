"""What every Steward tool server needs around the MCP SDK: verified callers, plain refusals, an audit, a clean stop."""

import asyncio
import hashlib
import inspect
import json
import secrets
import time
from collections.abc import (
    AsyncGenerator,
    Awaitable,
    Callable,
    Collection,
    Mapping,
    Sequence,
)
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, Protocol, TypeVar, cast

import orjson
import structlog
from mcp import MCPError
from mcp.server import MCPServer
from mcp.server.auth.middleware.auth_context import get_access_token
from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp.server.mcpserver import Context
from mcp.server.mcpserver.exceptions import ToolError, UnexpectedToolError
from mcp.server.transport_security import TransportSecuritySettings
from mcp.types import CallToolResult, InputRequiredResult, TextContent, Tool
from pydantic import BaseModel, ValidationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from shared import health
from shared.resource_server import (
    LOOKS,
    METADATA_MAX_AGE_S,
    REMOVAL_PATH,
    RequireToken,
    ResourceServer,
    VerifiedToken,
    insufficient,
    note_scopes_refused,
    refuse_scopes,
)
from shared.scopes import Resource, allows, in_order, needed_by
from shared.service_tokens import Principal, TokenVerifier

LOOPBACK_HOSTS = ("127.0.0.1:*", "localhost:*", "[::1]:*")

INSUFFICIENT_SCOPE = -31403
"""The protocol error of a request that the token does not allow. Not among the codes that JSON-RPC reserves."""

Serve = Callable[[Request], Awaitable[Response]]
Decision = Literal["done", "refused", "failed", "cancelled", "crashed"]

log = structlog.get_logger()


class Problem(ToolError):
    """What a tool answers when it cannot do as asked: a sentence for the model, and the same as data beside it."""

    code: ClassVar[str] = "failed"
    """What went wrong, in one word of the tool's contract."""
    retryable: ClassVar[bool] = False
    """Trying the same again later may work."""

    def __init__(
        self,
        message: str,
        *,
        hint: str | None = None,
        retry_after_s: float | None = None,
        **details: Any,
    ) -> None:
        """`hint` says what to do instead; `details` are facts of this code, JSON values."""
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.retry_after_s = retry_after_s
        self.details = details

    def __str__(self) -> str:
        return f"{self.message} {self.hint}" if self.hint else self.message

    def add_hint(self, hint: str) -> None:
        """Say more of what to do instead, where it is known higher up."""
        self.hint = f"{self.hint} {hint}" if self.hint else hint

    def as_data(self) -> dict[str, Any]:
        """What programs read: `code`, `message`, `retryable`, and where they are known the others."""
        data: dict[str, Any] = {
            "code": self.code,
            "message": self.message,
            "retryable": self.retryable,
            "retry_after_s": self.retry_after_s,
            "hint": self.hint,
            "details": self.details or None,
        }
        return {name: value for name, value in data.items() if value is not None}

    def as_result(self) -> CallToolResult:
        """The answer to the call."""
        text = TextContent(type="text", text=str(self))
        return CallToolResult(content=[text], structured_content=self.as_data(), is_error=True)


PROBLEM_SCHEMA: Mapping[str, Any] = {
    "title": "Problem",
    "type": "object",
    "properties": {
        "code": {"type": "string"},
        "message": {"type": "string"},
        "retryable": {"type": "boolean"},
        "retry_after_s": {"type": "number"},
        "hint": {"type": "string"},
        "details": {"type": "object"},
    },
    "required": ["code", "message", "retryable"],
}
"""What `Problem.as_data` gives (JSON Schema 2020-12)."""


class Refused(Problem):
    """A rule forbids the call: who asks, or what is asked. Audited as a refusal, not as a failure."""

    code = "permission_denied"


class InsufficientScope(Refused):
    """The token does not allow the call. `details`: the `scope` that it needs."""

    code = "insufficient_scope"

    def __init__(self, tool: str, scopes: Collection[str]) -> None:
        super().__init__(
            insufficient(tool, scopes),
            hint="Sign in again and agree to that.",
            scope=in_order(scopes),
        )


class InvalidArguments(Refused):
    """The arguments are not what the tool's schema says."""

    code = "invalid_argument"


class Internal(Problem):
    """An error of the server's own. `details`: the `reference` under which the log has the rest."""

    code = "internal"


@dataclass(frozen=True, slots=True)
class Rendered:
    """A tool's answer that is JSON already: large ones are neither validated nor rendered a second time.

    It must be as the tool's return annotation promises; nothing looks at it again.
    """

    structured: dict[str, Any]
    text: str
    """For hosts that read nothing else."""
    large: dict[str, Any] = field(default_factory=dict[str, Any])
    """Fields of the structured result, of plain JSON values, that are spared the SDK's walks over every value."""


_late: ContextVar[dict[str, Any] | None] = ContextVar("large_fields", default=None)


async def _put_in_large_fields(
    ctx: ServerRequestContext[Any, Any], call_next: CallNext
) -> HandlerResult:
    """Put the large fields of a result in where the SDK has shaped the rest of it for the wire.

    It copies results twice, value by value: for 5,000 rows that takes longer than the query.
    """
    large: dict[str, Any] = {}
    putting = _late.set(large)
    try:
        result = await call_next(ctx)
    finally:
        _late.reset(putting)
    # Absent for clients of protocols that had no structured results.
    if large and isinstance(result, dict) and "structuredContent" in result:
        cast("dict[str, Any]", result["structuredContent"]).update(large)
    return result


_facts: ContextVar[dict[str, Any] | None] = ContextVar("tool_call_facts", default=None)


def note_in_audit(**facts: Any) -> None:
    """Add to the audit line of the call that is running. Nothing happens outside of one."""
    noted = _facts.get()
    if noted is not None:
        noted.update(facts)


class ToolServer(MCPServer[Any]):
    """The SDK's server with strict arguments, refusals in plain words, and one audit line per call.

    The SDK ignores arguments that a tool does not have; a person could approve a call for one that never counted.
    It also puts its own words, and pydantic's, before what the model is told, and validates and renders results,
    which are our own models, wastefully.
    """

    def __init__(
        self,
        name: str,
        *,
        caller: Callable[[], Principal | None],
        resource: Resource,
        audited_arguments: Collection[str] = (),
        verifier: TokenVerifier | None = None,
        **of_the_sdk: Any,
    ) -> None:
        """Arguments named in `audited_arguments` are written to the audit; of all others only a digest.

        With a verifier, HTTP requests need a token that it accepts and that allows what they ask.
        """
        super().__init__(
            name,
            title=resource.name,
            middleware=[self._hold_looks_against_token, _put_in_large_fields],
            **of_the_sdk,
        )
        self._caller = caller
        self._audited_arguments = frozenset(audited_arguments)
        self._open_paths: set[str] = set()
        self._guard = ResourceServer(resource, self._scopes_of, verifier)
        if verifier is not None:
            self.open_route(self._guard.metadata_path)(self._tell_metadata)

    def streamable_http_app(self, **options: Any) -> Starlette:
        """All of its routes need a token, but those added by `open_route`."""
        app = super().streamable_http_app(**options)
        if self._guard.verifier is not None:
            app.add_middleware(RequireToken, server=self._guard, open_paths=self._open_paths)
        return app

    def open_route(self, path: str) -> Callable[[Serve], Serve]:
        """A GET that needs no token: what it answers is for everybody."""
        self._open_paths.add(path)
        return self.custom_route(path, methods=["GET"])

    def needing(self, *scopes: str) -> Callable[[Serve], Serve]:
        """For functions that serve a custom route: the caller's token must allow these."""

        def guarded(serve: Serve) -> Serve:
            async def served(request: Request) -> Response:
                token = _verified_token()
                if token is not None and not allows(token.principal.scopes, scopes):
                    return refuse_scopes(self._guard, token.principal, "this", scopes)
                return await serve(request)

            return served

        return guarded

    def on_removal(self, remove: Callable[[str], Awaitable[bool]]) -> None:
        """Serve `DELETE /v1/tenant`, where tokens are asked for.

        `remove` deletes a part of what is kept of a tenant, and says whether nothing is left. It may raise Problem.
        """
        if self._guard.verifier is None:
            return

        @self.custom_route(REMOVAL_PATH, methods=["DELETE"])
        async def removed(_: Request) -> Response:
            token = _verified_token()
            if token is None or not self._guard.may_remove(token.principal):
                raise RuntimeError("served without its guard")
            tenant = token.principal.tenant
            try:
                is_done = await remove(tenant)
            except Problem as problem:
                log.warning("tenant_not_removed", tenant=tenant, code=problem.code)
                return JSONResponse(problem.as_data(), status_code=503)
            log.info("tenant_removed", tenant=tenant, done=is_done)
            return JSONResponse({"done": is_done})

        del removed  # registered by its decorator

    async def _tell_metadata(self, _: Request) -> Response:
        headers = {"Cache-Control": f"public, max-age={METADATA_MAX_AGE_S}"}
        return JSONResponse(self._guard.metadata(), headers=headers)

    def _scopes_of(self, name: str) -> frozenset[str] | None:
        tool = self._tool_manager.get_tool(name)
        return needed_by(tool.meta) if tool is not None else None

    async def _hold_looks_against_token(
        self, ctx: ServerRequestContext[Any, Any], call_next: CallNext
    ) -> HandlerResult:
        """For protocols whose requests do not say in their headers what they are."""
        token = _verified_token()
        if token is not None and ctx.method in LOOKS:
            lacking = self._guard.lacking(token.principal.scopes, ctx.method)
            if lacking:
                note_scopes_refused(token.principal, ctx.method, lacking)
                raise MCPError(
                    code=INSUFFICIENT_SCOPE,
                    message=insufficient("this", lacking),
                    data={"scope": in_order(lacking)},
                )
        return await call_next(ctx)

    def _hold_call_against_token(self, name: str) -> None:
        """Raises InsufficientScope; Refused: nothing says what the tool needs, or there is no token."""
        if self._guard.verifier is None or self._tool_manager.get_tool(name) is None:
            return
        token, needed = _verified_token(), self._scopes_of(name)
        if token is None or not needed:
            raise Refused("Sign in first." if token is None else f"{name} is allowed by no token.")
        if not allows(token.principal.scopes, needed):
            note_scopes_refused(token.principal, name, needed)
            raise InsufficientScope(name, needed)

    async def list_tools(self) -> list[Tool]:
        """The tools, their descriptions without a docstring's indent, their schemas without room for more arguments.

        Their output schemas allow a problem, too: clients of the TypeScript SDK 1 hold errors against them as well, and
        would show an error of their own in place of ours.
        """
        return [
            tool.model_copy(
                update={
                    "description": inspect.cleandoc(tool.description or ""),
                    "input_schema": {**tool.input_schema, "additionalProperties": False},
                    "output_schema": tool.output_schema and _or_problem(tool.output_schema),
                }
            )
            for tool in await super().list_tools()
        ]

    async def call_tool(
        self, name: str, arguments: dict[str, Any], context: Context[Any, Any] | None = None
    ) -> CallToolResult | InputRequiredResult:
        """A problem is an answer, too. Raises ToolError with exactly the text the model is to read for other errors."""
        started = time.monotonic()
        decision: Decision = "crashed"
        facts: dict[str, Any] = {"rule": None, "rows": None, "bytes": None}
        noting = _facts.set(facts)
        try:
            self._hold_call_against_token(name)
            result = await self._call(name, arguments, context)
            decision = "done"
            facts |= _size(result)
        except ToolError as error:
            if not isinstance(error, Internal):
                decision = "refused" if isinstance(error, Refused) else "failed"
            facts["rule"] = _rule(error)
            if not isinstance(error, Problem):
                raise
            result = error.as_result()
        except asyncio.CancelledError:
            decision = "cancelled"
            raise
        finally:
            _facts.reset(noting)
            principal = self._caller()
            log.info(
                "tool_called",
                tool=name,
                person=principal.subject if principal else None,
                tenant=principal.tenant if principal else None,
                arguments_digest=_digest(arguments),
                decision=decision,
                duration_s=round(time.monotonic() - started, 4),
                **{
                    **{key: arguments[key] for key in self._audited_arguments & set(arguments)},
                    **facts,
                },
            )
        return result

    async def _call(
        self, name: str, arguments: dict[str, Any], context: Context[Any, Any] | None
    ) -> CallToolResult | InputRequiredResult:
        tool = self._tool_manager.get_tool(name)
        if tool is None:
            raise ToolError(f"Unknown tool: {name}")
        _refuse_unknown_arguments(arguments, tool.parameters.get("properties", {}))
        if context is None:
            context = Context(mcp_server=self)
        try:
            answer = await tool.run(arguments, context)
            return _as_result(answer) or tool.fn_metadata.convert_result(answer)
        except UnexpectedToolError as error:
            reference = secrets.token_hex(4)
            log.exception("tool_crashed", tool=name, reference=reference)
            raise Internal(
                f"{name} broke off with an error of its own. It was logged as {reference}.",
                reference=reference,
            ) from error
        except ToolError as error:
            if isinstance(error.__cause__, ValidationError):
                raise InvalidArguments(_in_words(error.__cause__)) from None
            if isinstance(error.__cause__, ToolError):
                raise error.__cause__ from None
            raise


def _or_problem(schema: Mapping[str, Any]) -> dict[str, Any]:
    """A schema for the result or a problem. Its type stays at the root, where the protocol wants it."""
    result = {name: part for name, part in schema.items() if name != "$defs"}
    either: dict[str, Any] = {"type": "object", "anyOf": [result, PROBLEM_SCHEMA]}
    return either | ({"$defs": schema["$defs"]} if "$defs" in schema else {})


def _refuse_unknown_arguments(
    arguments: Mapping[str, Any], properties: Mapping[str, object]
) -> None:
    unknown = sorted(set(arguments) - set(properties))
    if unknown:
        known = ", ".join(properties) or "none"
        raise InvalidArguments(f"There is no argument {unknown[0]}. The arguments are: {known}.")


def _in_words(error: ValidationError) -> str:
    """One clause per argument that is wrong, without the values."""
    problems: dict[str, str] = {}
    for detail in error.errors(include_url=False, include_input=False, include_context=False):
        name = str(detail["loc"][0]) if detail["loc"] else "arguments"
        what = "is required" if detail["type"] == "missing" else detail["msg"]
        problems.setdefault(name, what.removeprefix("Value error, "))
    return "; ".join(f"{name}: {what}" for name, what in problems.items()) + "."


def _as_result(answer: object) -> CallToolResult | None:
    """The result of a model or of what is rendered already; None for other things, which the SDK converts.

    The text beside a structured result is for hosts that read nothing else: the same, and not indented.
    """
    if isinstance(answer, BaseModel) and not isinstance(
        answer, (CallToolResult, InputRequiredResult)
    ):
        structured = answer.model_dump(mode="json", by_alias=True)
        answer = Rendered(structured, orjson.dumps(structured).decode())
    if not isinstance(answer, Rendered):
        return None
    text = TextContent(type="text", text=answer.text)
    late = _late.get()
    if late is None:  # not called over the protocol
        structured = answer.structured | answer.large
        return CallToolResult(content=[text], structured_content=structured)
    late.update(answer.large)
    return CallToolResult(content=[text], structured_content=answer.structured)


def _rule(error: ToolError) -> str:
    rule: object = error.details.get("rule") if isinstance(error, Problem) else None
    return rule if isinstance(rule, str) else type(error).__name__


def _size(result: CallToolResult | InputRequiredResult) -> dict[str, object]:
    if not isinstance(result, CallToolResult):
        return {}
    structured: object = result.structured_content
    rows = (
        cast("dict[str, object]", structured).get("row_count")
        if isinstance(structured, dict)
        else None
    )
    texts = [part.text for part in result.content if isinstance(part, TextContent)]
    return {"rows": rows, "bytes": sum(len(text.encode()) for text in texts)}


def _digest(arguments: Mapping[str, Any]) -> str:
    text = json.dumps(arguments, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _verified_token() -> VerifiedToken | None:
    token = get_access_token()
    return token if isinstance(token, VerifiedToken) else None


def current_principal(otherwise: Principal | None) -> Principal | None:
    """Who calls: from the verified token, else the one given (stdio, where the local user is the caller)."""
    token = _verified_token()
    return token.principal if token is not None else otherwise


def signed_in(principal: Principal | None) -> Principal:
    """The same. Raises Refused: it is nobody."""
    if principal is None:
        raise Refused("Sign in first: the request names nobody.")
    return principal


class Startable(Protocol):
    """What a server's tools work with: it connects when it starts, and is let go at the end."""

    async def start(self) -> None:
        """Once; again does nothing. Raises BadSetup."""
        ...

    async def close(self) -> None: ...


PartsT = TypeVar("PartsT", bound=Startable)


@asynccontextmanager
async def started(parts: PartsT) -> AsyncGenerator[PartsT]:
    """For as long as they are needed. Raises BadSetup."""
    try:
        await parts.start()
        yield parts
    finally:
        await parts.close()


def lifespan_of(
    parts: Startable,
) -> Callable[[MCPServer[Any]], AbstractAsyncContextManager[object]]:
    """What the SDK does around serving: the parts are started, and let go."""
    return lambda _: started(parts)


def transport_security(hosts: Sequence[str]) -> TransportSecuritySettings:
    """Accept requests for loopback and these Host headers only, and none that a web page sends (DNS rebinding)."""
    return TransportSecuritySettings(allowed_hosts=[*LOOPBACK_HOSTS, *hosts], allowed_origins=[])


def add_operations(
    server: ToolServer, problems: Callable[[], Awaitable[Mapping[str, str | None]]]
) -> None:
    """Add `/live`, `/ready` and `/metrics`; `problems` says what the server cannot work without."""

    @server.open_route("/live")
    async def live(_: Request) -> Response:
        return JSONResponse(health.LIVE)

    @server.open_route("/ready")
    async def ready(_: Request) -> Response:
        status, body = health.readiness(await problems())
        return JSONResponse(body, status_code=status)

    @server.open_route("/metrics")
    async def metrics(_: Request) -> Response:
        body, content_type = health.metrics()
        return Response(body, media_type=content_type)

    del live, ready, metrics  # registered by their decorators
