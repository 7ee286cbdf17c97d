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
from mcp.server import MCPServer
from mcp.server.auth.middleware.auth_context import get_access_token
from mcp.server.auth.provider import AccessToken
from mcp.server.auth.settings import AuthSettings
from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp.server.mcpserver import Context
from mcp.server.mcpserver.exceptions import ToolError, UnexpectedToolError
from mcp.server.transport_security import TransportSecuritySettings
from mcp.types import CallToolResult, InputRequiredResult, TextContent, Tool
from pydantic import BaseModel, ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from shared import health
from shared.errors import NotSignedIn, Unavailable
from shared.service_tokens import Principal, TokenVerifier

LOOPBACK_HOSTS = ("127.0.0.1:*", "localhost:*", "[::1]:*")

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
        audited_arguments: Collection[str] = (),
        verifier: TokenVerifier | None = None,
        **of_the_sdk: Any,
    ) -> None:
        """Arguments named in `audited_arguments` are written to the audit; of all others only a digest.

        With a verifier, HTTP requests need a token that it accepts.
        """
        if verifier is not None:
            of_the_sdk["token_verifier"] = _SdkVerifier(verifier)
            of_the_sdk["auth"] = _auth_settings(verifier)
        super().__init__(name, middleware=[_put_in_large_fields], **of_the_sdk)
        self._caller = caller
        self._audited_arguments = frozenset(audited_arguments)

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


@dataclass(frozen=True, slots=True)
class _SdkVerifier:
    """Our token verifier in the shape the SDK asks for. A refused token is None, which the SDK answers with 401."""

    verifier: TokenVerifier

    async def verify_token(self, token: str) -> AccessToken | None:
        try:
            principal = await self.verifier.verify(token)
        except NotSignedIn:
            return None
        except Unavailable:
            log.warning("issuer_keys_unavailable")  # The SDK can only say 401 to this, too.
            return None
        return _VerifiedToken(
            token=token,
            client_id=principal.issuer,
            scopes=sorted(principal.scopes),
            expires_at=principal.expires_at_s,
            resource=self.verifier.audience,
            subject=principal.subject,
            claims={"iss": principal.issuer},
            principal=principal,
        )


class _VerifiedToken(AccessToken):
    """The SDK's token with the caller it was verified to name."""

    principal: Principal


def _auth_settings(verifier: TokenVerifier) -> AuthSettings:
    """The SDK's settings of a protected server. Plain strings: its URL type adds a slash that breaks discovery."""
    return AuthSettings.model_validate(
        {
            "issuer_url": next(iter(verifier.issuers), verifier.audience),
            "resource_server_url": verifier.audience,
            "validate_token_resource": True,
        }
    )


def current_principal(otherwise: Principal | None) -> Principal | None:
    """Who calls: from the verified token, else the one given (stdio, where the local user is the caller)."""
    token = get_access_token()
    return token.principal if isinstance(token, _VerifiedToken) else otherwise


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
    server: MCPServer, problems: Callable[[], Awaitable[Mapping[str, str | None]]]
) -> None:
    """Add `/live`, `/ready` and `/metrics`; `problems` says what the server cannot work without."""

    @server.custom_route("/live", methods=["GET"])
    async def live(_: Request) -> Response:
        return JSONResponse(health.LIVE)

    @server.custom_route("/ready", methods=["GET"])
    async def ready(_: Request) -> Response:
        status, body = health.readiness(await problems())
        return JSONResponse(body, status_code=status)

    @server.custom_route("/metrics", methods=["GET"])
    async def metrics(_: Request) -> Response:
        body, content_type = health.metrics()
        return Response(body, media_type=content_type)

    del live, ready, metrics  # registered by their decorators
