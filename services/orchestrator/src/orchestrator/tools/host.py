"""One configured MCP server, as a host sees it: list its tools, call one.

A short-lived SDK client per request over one shared connection pool: one transport error kills a client with all
that hangs on it, so nothing is kept but the pool and what the server said of itself (docs/adr/0004).
"""

import math
import secrets
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, TypeAlias, TypeVar, cast

import httpx2
import structlog
from mcp import Client, MCPError
from mcp.client import CacheConfig, ClientRequestContext, InMemoryResponseCacheStore
from mcp.client.session import ElicitationFnT
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.dispatcher import ProgressFnT
from mcp.types import (
    CONNECTION_CLOSED,
    INTERNAL_ERROR,
    INVALID_PARAMS,
    INVALID_REQUEST,
    REQUEST_TIMEOUT,
    CallToolResult,
    DiscoverResult,
    ElicitRequestParams,
    ElicitRequestURLParams,
    ElicitResult,
    ErrorData,
    InputRequiredResult,
    InputResponses,
    RequestParamsMeta,
    Tool,
)
from pydantic import ValidationError

from orchestrator.tools.call_clock import CallClock
from shared.errors import ExpectedError, Unavailable, UpstreamFailed
from shared.wire.events import Origin

MODERN = "2026-07-28"
FIRST_WITH_ADDRESSES = "2025-11-25"
MAX_PAGES = 50
MAX_ANSWER_BYTES = 8 * 2**20
LIST_TIMEOUT_S = 10.0
"""For each page of a list of tools; calls have a clock of their own."""
HTTP_TIMEOUT = httpx2.Timeout(5.0, read=330.0, pool=10.0)
"""The read timeout must exceed every call's own: when httpx gives up, the whole client dies with it."""
ASKING_HTTP_TIMEOUT = httpx2.Timeout(5.0, read=None, pool=10.0)
"""A server says nothing while it waits for a person's answer; the call's own clock is the limit."""
CUT_OFF = "The tool server's sign-in ended while the call went on."
TIMED_OUT = "The tool did not answer in time and was cancelled."
NOT_SENT = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout)
CALL = b'"tools/call"'
"""Stands in the body of the request that calls a tool; in another's arguments at worst, which errs on the safe side."""
NOT_MCP_STATUSES = frozenset({421, 429, 502, 503, 504})

log = structlog.get_logger()

T = TypeVar("T")
OnProgress = ProgressFnT
"""Awaited with progress, total and message."""
Token: TypeAlias = str | Callable[[], str] | httpx2.Auth
"""A function makes a token for each request: the first may run out while a person thinks. Where people sign in
themselves, an Auth knows how."""
OnElicit: TypeAlias = Callable[[ElicitRequestParams], Awaitable[ElicitResult]]
"""Answers what a server of the protocol before 2026-07-28 asks during a call."""
ToolAnswer: TypeAlias = CallToolResult | InputRequiredResult
"""A result, or what the server must know before there is one."""


class ServerUnavailable(Unavailable):
    """The server cannot be reached or broke off. `sent`: the request may have arrived (never repeat writes then)."""

    code = "tool_server_unavailable"

    def __init__(self, message: str, *, sent: bool) -> None:
        super().__init__(message)
        self.sent = sent


class SignInRefused(ExpectedError):
    """The server does not accept our token."""

    code = "tool_server_refused_sign_in"
    status = 502


class CallTimedOut(Unavailable):
    """The server did not answer the call in time; the call was cancelled there."""

    code = "tool_timed_out"


class BadAnswer(UpstreamFailed):
    """The server answered, but with nothing that MCP allows. The tool may have run."""

    code = "tool_answered_garbage"


class CallRefused(UpstreamFailed):
    """The server refused the request with a protocol error."""

    code = "tool_refused"


class BearerAuth(httpx2.Auth):
    """Sends a token with each request."""

    def __init__(self, token: str | Callable[[], str]) -> None:
        self._token = token

    def auth_flow(self, request: httpx2.Request) -> Any:
        token = self._token if isinstance(self._token, str) else self._token()
        request.headers["authorization"] = f"Bearer {token}"
        yield request


def new_pool() -> httpx2.AsyncHTTPTransport:
    """One per process: making a TLS context takes 20 ms."""
    return httpx2.AsyncHTTPTransport(
        limits=httpx2.Limits(max_connections=200, max_keepalive_connections=50)
    )


@dataclass(slots=True)
class McpServer:
    """Connection settings and what was learnt of one server."""

    key: str
    url: str
    own: bool
    pool: httpx2.AsyncBaseTransport
    call_timeout_s: float
    origin: Origin
    """Of the texts it answers with."""
    audience: str
    """What tokens for it name: its address as other agents know it."""
    is_added: bool = False
    """By an admin, for one tenant: people sign in there themselves, and no tool is used that nobody has looked at."""
    _store: InMemoryResponseCacheStore = field(default_factory=InMemoryResponseCacheStore)
    _discovered: DiscoverResult | None = None

    async def list_tools(self, partition: str, token: Token) -> list[Tool]:
        """All tools this principal may see, in the server's order.

        Raises:
            ServerUnavailable, SignInRefused, SignInNeeded, CallTimedOut, BadAnswer, CallRefused.
        """

        async def list_all(client: Client) -> list[Tool]:
            tools: list[Tool] = []
            cursor: str | None = None
            for _ in range(MAX_PAGES):
                page = await client.list_tools(cursor=cursor)
                tools += page.tools
                cursor = page.next_cursor
                if cursor is None:
                    return tools
            raise BadAnswer("The tool server's list of tools does not end.")

        return await self._run(partition, token, list_all)

    async def call(
        self,
        partition: str,
        token: Token,
        tool: str,
        arguments: Mapping[str, Any],
        *,
        meta: Mapping[str, Any] | None = None,
        on_progress: OnProgress | None = None,
        timeout_s: float | None = None,
        on_elicit: OnElicit | None = None,
        input_responses: InputResponses | None = None,
        request_state: str | None = None,
    ) -> ToolAnswer:
        """Call a tool once. Cancelling this cancels it on the server.

        Servers are told that they may ask only when there is an `on_elicit`. One of 2026-07-28 answers with an
        InputRequiredResult and forgets the call: to go on, call again, at any later time and from any process,
        with the same tool and arguments, the `input_responses` and the `request_state` it gave (None when it gave
        none). An older one asks through `on_elicit` and waits for as long as that takes: the call's limit stands
        still meanwhile. `on_elicit` is cancelled when the call ends without its answer; the message of an
        ExpectedError from it is told to the server.

        Args:
            timeout_s: for the server's own time, `call_timeout_s` when None.

        Raises:
            ServerUnavailable, SignInRefused, SignInNeeded, CallTimedOut, BadAnswer, CallRefused.
        """
        clock = CallClock(self.call_timeout_s if timeout_s is None else timeout_s)

        async def call_it(client: Client) -> ToolAnswer:
            await (
                client.list_tools()
            )  # from the cache; gives the session the schemas it checks against
            async with clock.running():
                return await client.session.call_tool(
                    tool,
                    dict(arguments),
                    read_timeout_seconds=math.inf,  # the SDK's clock would run while a person thinks
                    progress_callback=on_progress,
                    meta=cast("RequestParamsMeta", dict(meta)) if meta else None,
                    input_responses=input_responses,
                    request_state=request_state,
                    allow_input_required=True,
                )

        ask = None if on_elicit is None else _asking(on_elicit, clock)
        return await self._run(partition, token, call_it, ask)

    @asynccontextmanager
    async def _client(
        self, partition: str, http: "_Http", ask: ElicitationFnT | None
    ) -> AsyncGenerator[Client]:
        mode = MODERN if self.own or self._discovered is not None else "auto"
        client = Client(
            streamable_http_client(self.url, http_client=http, max_sse_event_size=MAX_ANSWER_BYTES),
            mode=mode,
            prior_discover=self._discovered,
            read_timeout_seconds=LIST_TIMEOUT_S,
            elicitation_callback=ask,
            cache=CacheConfig(store=self._store, partition=partition, target_id=self.url),
        )
        async with client:
            # A retry must carry another JSON-RPC id (MCP 2026-07-28, multi round-trip requests), but every
            # client counts from 1. There is no public knob in SDK 2.3.
            client.session._dispatcher._next_id = secrets.randbelow(2**52)  # noqa: SLF001 # pyright: ignore[reportPrivateUsage, reportAttributeAccessIssue, reportUnknownMemberType]
            await self._learn(client)
            yield client

    async def _learn(self, client: Client) -> None:
        if self._discovered is not None:
            return
        if self.own:
            raw = await client.session.send_discover(MODERN)
            self._discovered = DiscoverResult.model_validate(raw, by_name=False)
            client.session.adopt(self._discovered)
        elif client.session.discover_result is not None:
            self._discovered = client.session.discover_result

    async def _run(
        self,
        partition: str,
        token: Token,
        body: Callable[[Client], Awaitable[T]],
        ask: ElicitationFnT | None = None,
    ) -> T:
        outcome = await self._guarded(partition, token, body, ask)
        if isinstance(outcome, ExpectedError):
            raise outcome
        return outcome

    async def _guarded(
        self,
        partition: str,
        token: Token,
        body: Callable[[Client], Awaitable[T]],
        ask: ElicitationFnT | None,
    ) -> T | ExpectedError:
        # An AsyncClient around the shared pool costs 0.03 ms; closing it would close the pool.
        timeout = HTTP_TIMEOUT if ask is None else ASKING_HTTP_TIMEOUT
        auth = token if isinstance(token, httpx2.Auth) else BearerAuth(token)
        http = _Http(transport=self.pool, timeout=timeout, auth=auth)
        try:
            async with self._client(partition, http, ask) as client:
                try:  # inside, because outside everything arrives as an exception group
                    return await body(client)
                except MCPError as error:
                    return _of_protocol(error)
                except TimeoutError:
                    return CallTimedOut(TIMED_OUT)
                except ExpectedError as error:
                    return error
                except (RuntimeError, ValidationError) as error:
                    return BadAnswer(
                        f"The tool server's answer breaks its own schema: {error}"[:300]
                    )
        except BaseException as error:  # noqa: BLE001 - the SDK raises nested groups; all but ours is raised again
            return self._of_transport(error, sent=http.call_may_have_left)

    def _of_transport(self, error: BaseException, *, sent: bool) -> ExpectedError:
        cause = _leaf(error)
        if isinstance(cause, ExpectedError):
            return cause
        if isinstance(cause, MCPError):
            return _of_protocol(cause)
        if isinstance(cause, ValidationError):
            return BadAnswer("The tool server does not speak MCP as it should.")
        if isinstance(cause, httpx2.TransportError):
            self._discovered = None
            return ServerUnavailable(f"The tool server “{self.key}” cannot be reached.", sent=sent)
        raise error


def _asking(on_elicit: OnElicit, clock: CallClock) -> ElicitationFnT:
    async def ask(
        context: ClientRequestContext, params: ElicitRequestParams
    ) -> ElicitResult | ErrorData:
        version = context.session.protocol_version or ""
        if isinstance(params, ElicitRequestURLParams) and version < FIRST_WITH_ADDRESSES:
            message = f"No server of {version} asks to open an address."
            return ErrorData(code=INVALID_PARAMS, message=message)
        try:
            with clock.stopped():
                return await on_elicit(params)
        except ExpectedError as error:
            return ErrorData(code=INVALID_REQUEST, message=error.message)
        except Exception:  # the SDK would tell the server what it says
            log.exception("question_not_answered")
            return ErrorData(code=INTERNAL_ERROR, message="The question could not be answered.")

    return ask


def _of_protocol(error: MCPError) -> ExpectedError:
    if error.code == REQUEST_TIMEOUT:
        return CallTimedOut(TIMED_OUT)
    if error.code == CONNECTION_CLOSED:
        return ServerUnavailable("The connection to the tool server broke off.", sent=True)
    return CallRefused(f"The tool server refused the request: {error.error.message}"[:300])


def _leaf(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = cast("BaseExceptionGroup[BaseException]", error).exceptions[0]
    return error


class _Http(httpx2.AsyncClient):
    """Names what the SDK would report as one vague protocol error, and notes whether a call may have arrived.

    The error alone does not tell: when a stream breaks off, the SDK's next request (to resume it, to take the call
    back) may be the one whose failure is seen, and that one finds nobody to connect to.
    """

    call_may_have_left = False

    async def send(self, request: httpx2.Request, **options: Any) -> httpx2.Response:
        had_left = self.call_may_have_left
        try:
            response = await super().send(request, **options)
        except NOT_SENT:
            raise
        except ExpectedError:  # of whoever signs the request: it was refused, or has never left
            if had_left:
                raise ServerUnavailable(CUT_OFF, sent=True) from None
            raise
        except BaseException:
            self._note(request)
            raise
        if response.status_code in {401, 403}:
            await response.aclose()
            if had_left:
                raise ServerUnavailable(CUT_OFF, sent=True)
            raise SignInRefused("The tool server does not accept our sign-in.")
        self._note(request)
        if response.status_code in NOT_MCP_STATUSES:
            await response.aclose()
            raise ServerUnavailable(
                f"The tool server is not available now (HTTP {response.status_code}).",
                sent=response.status_code in {502, 504},
            )
        return response

    def _note(self, request: httpx2.Request) -> None:
        if request.method == "POST" and CALL in request.content:
            self.call_may_have_left = True
