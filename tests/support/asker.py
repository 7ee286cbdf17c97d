"""A tool server that asks people, for tests. Real MCP over HTTP, of any protocol version that can."""

import asyncio
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from mcp.server import MCPServer
from mcp.server.mcpserver import (
    AcceptedElicitation,
    Context,
    Elicit,
    ElicitationResult,
    RequestStateSecurity,
    Resolve,
)
from mcp.types import (
    CreateMessageRequest,
    CreateMessageRequestParams,
    ElicitRequest,
    ElicitRequestFormParams,
    ElicitRequestURLParams,
    InputRequiredResult,
    SamplingMessage,
    TextContent,
)
from pydantic import BaseModel, Field
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

NOW, LAST, OLD = "2026-07-28", "2025-11-25", "2025-06-18"
"""Protocol versions: the first to ask in its answers, and two that ask during the call."""
STATE_KEY = "the same key in every process of this server"
SIGN_IN_URL = "https://accounts.example/start?for=mail"
OTHERS_MODEL = CreateMessageRequestParams(
    messages=[SamplingMessage(role="user", content=TextContent(type="text", text="Hi"))],
    max_tokens=10,
)

FORM_IN_A_FORM: dict[str, Any] = {
    "type": "object",
    "properties": {"who": {"type": "object", "properties": {}}},
}


class Confirmation(BaseModel):
    send: bool = Field(default=True, description="Send it?")
    copies: Annotated[int, Field(ge=1, le=3)] = 1
    tone: Literal["plain", "warm"] = "plain"


def confirm(to: str) -> Elicit[Confirmation]:
    return Elicit(f"Send the message to {to}?", Confirmation)


@dataclass
class Asker:
    """What the tools saw."""

    sent: list[str] = field(default_factory=list[str])
    working: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when `work` or `ask_and_work` has begun what it never ends."""
    cancelled: asyncio.Event = field(default_factory=asyncio.Event)

    def app(self, *, speaks: str = NOW, stateless: bool = False) -> ASGIApp:
        app = build(self).streamable_http_app(stateless_http=stateless)
        return app if speaks == NOW else _UpTo(app, speaks)


@dataclass
class _UpTo:
    """Knows no protocol version after this one, as servers of its time do."""

    app: ASGIApp
    version: str

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def receive_offer_of_version() -> Message:
            message = await receive()
            offer = b'"protocolVersion":"%s"'
            wanted, known = offer % LAST.encode(), offer % self.version.encode()
            return {**message, "body": message.get("body", b"").replace(wanted, known)}

        if (b"mcp-protocol-version", NOW.encode()) in scope.get("headers", []):
            await Response("Bad Request", 400)(scope, receive, send)
        elif scope["type"] == "http":
            await self.app(scope, receive_offer_of_version, send)
        else:
            await self.app(scope, receive, send)


def build(asker: Asker) -> MCPServer:
    server = MCPServer(
        "asker", subscriptions=False, request_state_security=RequestStateSecurity(keys=[STATE_KEY])
    )

    @server.tool()
    async def send_mail(
        to: str, answer: Annotated[ElicitationResult[Confirmation], Resolve(confirm)]
    ) -> str:
        """Sends a message after it was confirmed."""
        if not isinstance(answer, AcceptedElicitation):
            return f"Not sent: {answer.action}."
        asker.sent += [to] * answer.data.copies
        return f"Sent {answer.data.copies} to {to}, {answer.data.tone}."

    @server.tool()
    async def sign_in(ctx: Context[Any, Any]) -> str | InputRequiredResult:
        """Has the person sign in somewhere."""
        if ctx.protocol_version == NOW:
            if (responses := ctx.input_responses) is not None:
                return f"Signed in: {responses['sign-in'].model_dump()['action']}."
            params = ElicitRequestURLParams(message="Sign in.", url=SIGN_IN_URL)
            return InputRequiredResult(input_requests={"sign-in": ElicitRequest(params=params)})
        result = await ctx.elicit_url("Sign in.", SIGN_IN_URL, "elicitation-1")
        return f"Signed in: {result.action}."

    @server.tool()
    async def think(ctx: Context[Any, Any]) -> str | InputRequiredResult:
        """Wants to use the host's model."""
        if ctx.protocol_version == NOW:
            request = CreateMessageRequest(params=OTHERS_MODEL)
            return InputRequiredResult(input_requests={"think": request})
        await ctx.session.send_request(CreateMessageRequest(params=OTHERS_MODEL), BaseModel)
        return "thought"

    @server.tool()
    async def ask_oddly() -> InputRequiredResult:
        """Asks with a form inside a form."""
        params = ElicitRequestFormParams(message="Who?", requested_schema=FORM_IN_A_FORM)
        return InputRequiredResult(input_requests={"who": ElicitRequest(params=params)})

    @server.tool()
    async def work() -> str:
        """Works for ever."""
        await never()
        return "done"

    @server.tool()
    async def ask_and_work(to: str, answer: Annotated[Confirmation, Resolve(confirm)]) -> str:
        """Asks, then works for ever."""
        await never()
        return f"done {to} {answer.send}"

    async def never() -> None:
        asker.working.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            asker.cancelled.set()
            raise

    return server
