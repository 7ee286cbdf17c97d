"""What the conformance suite looks for in a server: tools, resources and prompts with the names and answers it knows.

They hang on the class that all our servers are made of, so what is judged is how that class answers on the wire.
"""

import asyncio
import base64
import json
import warnings
from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Literal

from mcp import MCPError
from mcp.server.caching import CacheHint
from mcp.server.mcpserver import Context
from mcp.server.mcpserver.exceptions import ToolError
from mcp.server.mcpserver.prompts.base import Message, UserMessage
from mcp.server.mcpserver.tools import Tool
from mcp.types import (
    AudioContent,
    CallToolResult,
    ClientCapabilities,
    Completion,
    CreateMessageRequest,
    CreateMessageRequestParams,
    CreateMessageResult,
    ElicitRequest,
    ElicitRequestFormParams,
    ElicitResult,
    EmbeddedResource,
    EmptyResult,
    ImageContent,
    InputRequiredResult,
    InputResponses,
    ListRootsRequest,
    ListRootsResult,
    SamplingCapability,
    SamplingMessage,
    SetLevelRequestParams,
    SubscribeRequestParams,
    TextContent,
    TextResourceContents,
    UnsubscribeRequestParams,
)
from pydantic import BaseModel, Field, WithJsonSchema

from shared.mcp_server import ToolServer
from shared.scopes import Resource

MISSING_CAPABILITY = -32021
CACHED = (
    "tools/list",
    "server/discover",
    "prompts/list",
    "resources/list",
    "resources/templates/list",
    "resources/read",
)
CONTACT_SCHEMA: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "$defs": {
        "address": {
            "$anchor": "addressDef",
            "type": "object",
            "properties": {"street": {"type": "string"}, "city": {"type": "string"}},
        }
    },
    "properties": {
        "name": {"type": "string"},
        "address": {"$ref": "#/$defs/address"},
        "contactMethod": {"type": "string", "enum": ["phone", "email"]},
        "phone": {"type": "string"},
        "email": {"type": "string"},
    },
    "allOf": [{"anyOf": [{"required": ["phone"]}, {"required": ["email"]}]}],
    "if": {"properties": {"contactMethod": {"const": "phone"}}, "required": ["contactMethod"]},
    "then": {"required": ["phone"]},
    "else": {"required": ["email"]},
    "additionalProperties": False,
}
"""What a schema can say since SEP-1613 and SEP-2106, and hosts must be shown."""
TICK_S = 0.01
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg=="
SILENCE = base64.b64encode(
    b"RIFF\x24\x00\x00\x00WAVEfmt \x10\x00\x00\x00\x01\x00\x01\x00\x40\x1f\x00\x00\x80\x3e\x00\x00"
    b"\x02\x00\x10\x00data\x00\x00\x00\x00"
).decode()
Ctx = Context[Any, Any]
Asked = CallToolResult | InputRequiredResult


def fixture_server() -> ToolServer:
    """A server that has all that the suite's server scenarios of both revisions call, read and get."""
    server = ToolServer(
        "fixtures",
        caller=lambda: None,
        resource=Resource("Fixtures", frozenset(), frozenset()),
        version="1",
        subscriptions=False,
        cache_hints=dict.fromkeys(CACHED, CacheHint(ttl_ms=60_000, scope="private")),
        tools=[_schema_tool()],
    )
    for add in (_add_contents, _add_calls_back, _add_questions, _add_resources, _add_prompts):
        add(server)
    _add_methods_of_old(server)
    return server


def _text(text: str) -> TextContent:
    return TextContent(type="text", text=text)


def _image() -> ImageContent:
    return ImageContent(type="image", data=PIXEL, mime_type="image/png")


def _embedded(uri: str, text: str, mime_type: str = "text/plain") -> EmbeddedResource:
    contents = TextResourceContents(uri=uri, text=text, mime_type=mime_type)
    return EmbeddedResource(type="resource", resource=contents)


def _schema_tool() -> Tool:
    async def contact() -> str:
        """Takes what CONTACT_SCHEMA says."""
        return "done"

    tool = Tool.from_function(contact, name="json_schema_2020_12_tool")
    return tool.model_copy(update={"parameters": CONTACT_SCHEMA})


def _add_contents(server: ToolServer) -> None:
    """Tools that answer at once."""

    def answering(name: str, *content: Any) -> None:
        async def tool() -> CallToolResult:
            return CallToolResult(content=list(content))

        server.add_tool(tool, name=name, description=f"Answers {name}.")

    mixed = _embedded(
        "test://mixed-content-resource", '{"test":"data","value":123}', "application/json"
    )
    answering("test_simple_text", _text("This is a simple text response for testing."))
    answering("test_image_content", _image())
    answering("test_audio_content", AudioContent(type="audio", data=SILENCE, mime_type="audio/wav"))
    answering(
        "test_embedded_resource",
        _embedded("test://embedded-resource", "This is an embedded resource content."),
    )
    answering("test_multiple_content_types", _text("Multiple content types test:"), _image(), mixed)

    @server.tool()
    async def test_error_handling() -> str:
        """Fails."""
        raise ToolError("This tool intentionally returns an error for testing")

    @server.tool()
    async def test_headers(
        region: Annotated[str, WithJsonSchema({"type": "string", "x-mcp-header": "Region"})],
    ) -> str:
        """Has an argument that clients repeat in a header."""
        return region

    del test_error_handling, test_headers


class _Contact(BaseModel):
    username: str = Field(description="User's response")
    email: str = Field(description="User's email address")


class _Defaults(BaseModel):
    name: str = "John Doe"
    age: int = 30
    score: float = 95.5
    status: Literal["active", "inactive", "pending"] = "active"
    verified: bool = True


def _titled(*pairs: tuple[str, str]) -> list[dict[str, str]]:
    return [{"const": value, "title": title} for value, title in pairs]


class _Choices(BaseModel):
    """Every way to offer choices (SEP-1330). The names are the suite's."""

    untitledSingle: Annotated[  # noqa: N815
        str, WithJsonSchema({"type": "string", "enum": ["option1", "option2", "option3"]})
    ]
    titledSingle: Annotated[  # noqa: N815
        str,
        WithJsonSchema(
            {
                "type": "string",
                "oneOf": _titled(("value1", "First Option"), ("value2", "Second Option")),
            }
        ),
    ]
    legacyEnum: Annotated[  # noqa: N815
        str,
        WithJsonSchema(
            {"type": "string", "enum": ["opt1", "opt2"], "enumNames": ["Option One", "Option Two"]}
        ),
    ]
    untitledMulti: Annotated[  # noqa: N815
        list[str],
        WithJsonSchema(
            {"type": "array", "items": {"type": "string", "enum": ["option1", "option2"]}}
        ),
    ]
    titledMulti: Annotated[  # noqa: N815
        list[str],
        WithJsonSchema(
            {
                "type": "array",
                "items": {
                    "anyOf": _titled(("value1", "First Choice"), ("value2", "Second Choice"))
                },
            }
        ),
    ]


def _add_calls_back(server: ToolServer) -> None:
    """Tools that talk to the client while the call is open."""

    @server.tool()
    async def test_tool_with_progress(ctx: Ctx) -> str:
        """Tells how far it is."""
        for progress in (0, 50, 100):
            await ctx.report_progress(progress, 100)
            await asyncio.sleep(TICK_S)
        return "done"

    async def logs(ctx: Ctx) -> str:
        """Logs what it does."""
        for line in ("Tool execution started", "Tool processing data", "Tool execution completed"):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # Deprecated, and asked for by the older revision.
                await ctx.info(line)  # pyright: ignore[reportDeprecated]
            await asyncio.sleep(TICK_S)
        return "done"

    for name in ("test_tool_with_logging", "test_logging_tool"):
        server.add_tool(logs, name=name)

    @server.tool()
    async def test_sampling(prompt: str, ctx: Ctx) -> str:
        """Asks the client's model."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # As above.
            said = await ctx.session.create_message(  # pyright: ignore[reportDeprecated]
                [_asking(prompt)], max_tokens=100
            )
        return f"LLM response: {said.content.text if isinstance(said.content, TextContent) else ''}"

    def asking(name: str, fields: type[BaseModel], message: str) -> None:
        async def tool(ctx: Ctx) -> str:
            answer = await ctx.elicit(message, fields)
            content = answer.data.model_dump_json() if answer.action == "accept" else "{}"
            return f"Elicitation completed: action={answer.action}, content={content}"

        server.add_tool(tool, name=name, description=f"Asks: {message}")

    asking("test_elicitation_sep1034_defaults", _Defaults, "Please check who you are")
    asking("test_elicitation_sep1330_enums", _Choices, "Please choose")

    @server.tool()
    async def test_elicitation(message: str, ctx: Ctx) -> str:
        """Asks the person."""
        answer = await ctx.elicit(message, _Contact)
        content = answer.data.model_dump_json() if answer.action == "accept" else "{}"
        return f"User response: action={answer.action}, content={content}"

    del test_tool_with_progress, test_sampling, test_elicitation


def _asking(prompt: str) -> SamplingMessage:
    return SamplingMessage(role="user", content=_text(prompt))


def _form(message: str, field: str, kind: str = "string") -> ElicitRequest:
    schema = {"type": "object", "properties": {field: {"type": kind}}, "required": [field]}
    return ElicitRequest(params=ElicitRequestFormParams(message=message, requested_schema=schema))


def _sample(prompt: str) -> CreateMessageRequest:
    params = CreateMessageRequestParams(messages=[_asking(prompt)], max_tokens=100)
    return CreateMessageRequest(params=params)


def _need(state: str | None = None, **requests: Any) -> InputRequiredResult:
    return InputRequiredResult(input_requests=requests, request_state=state)


def _said(ctx: Ctx, key: str, field: str) -> str | None:
    """What the person filled in; None when that was not answered, or not as asked."""
    answer = (ctx.input_responses or {}).get(key)
    if not isinstance(answer, ElicitResult) or answer.action != "accept":
        return None
    found = (answer.content or {}).get(field)
    return None if found is None else str(found)


def _answered(text: str) -> CallToolResult:
    return CallToolResult(content=[_text(text)])


def _add_questions(server: ToolServer) -> None:
    """Tools that end with a question and are called again with its answer (SEP-2322)."""

    def asks(name: str, tool: Callable[[Ctx], Awaitable[Asked]]) -> None:
        async def asked(ctx: Ctx) -> CallToolResult | InputRequiredResult:
            return await tool(ctx)

        server.add_tool(asked, name=name, description=f"Asks for what {name} needs.")

    for name, tool in {
        "test_input_required_result_elicitation": _ask_name,
        "test_streaming_elicitation": _ask_name,
        "test_input_required_result_sampling": _ask_model,
        "test_input_required_result_list_roots": _ask_roots,
        "test_input_required_result_request_state": _ask_with_state,
        "test_input_required_result_tampered_state": _ask_with_state,
        "test_input_required_result_multiple_inputs": _ask_three,
        "test_input_required_result_multi_round": _ask_twice,
        "test_input_required_result_capabilities": _ask_what_can_be_answered,
        "test_missing_capability": _insist_on_model,
    }.items():
        asks(name, tool)


async def _ask_name(ctx: Ctx) -> Asked:
    name = _said(ctx, "user_name", "name")
    if name is None:
        return _need(user_name=_form("What is your name?", "name"))
    return _answered(f"Hello, {name}!")


async def _ask_model(ctx: Ctx) -> Asked:
    said = (ctx.input_responses or {}).get("capital_question")
    if not isinstance(said, CreateMessageResult):
        return _need(capital_question=_sample("What is the capital of France?"))
    return _answered(said.content.text if isinstance(said.content, TextContent) else "")


async def _ask_roots(ctx: Ctx) -> Asked:
    said = (ctx.input_responses or {}).get("client_roots")
    if not isinstance(said, ListRootsResult):
        return _need(client_roots=ListRootsRequest())
    return _answered(", ".join(str(root.uri) for root in said.roots))


async def _ask_with_state(ctx: Ctx) -> Asked:
    if ctx.request_state != "asked" or _said(ctx, "confirm", "ok") is None:
        return _need("asked", confirm=_form("Please confirm", "ok", "boolean"))
    return _answered("state-ok")


async def _ask_three(ctx: Ctx) -> Asked:
    keys = ("user_name", "greeting", "client_roots")
    responses: InputResponses = ctx.input_responses or {}
    if ctx.request_state != "asked" or not all(key in responses for key in keys):
        return _need(
            "asked",
            user_name=_form("What is your name?", "name"),
            greeting=_sample("Generate a greeting"),
            client_roots=ListRootsRequest(),
        )
    return _answered("All three are answered.")


async def _ask_twice(ctx: Ctx) -> Asked:
    name, color = _said(ctx, "step1", "name"), _said(ctx, "step2", "color")
    if ctx.request_state == "round 2" and color is not None:
        return _answered(f"You like {color}.")
    if ctx.request_state == "round 1" and name is not None:
        return _need("round 2", step2=_form("Step 2: What is your favorite color?", "color"))
    return _need("round 1", step1=_form("Step 1: What is your name?", "name"))


async def _ask_what_can_be_answered(ctx: Ctx) -> Asked:
    told = ctx.client_capabilities or ClientCapabilities()
    questions: dict[str, Any] = {
        **({"user_name": _form("What is your name?", "name")} if told.elicitation else {}),
        **({"greeting": _sample("Generate a greeting")} if told.sampling else {}),
    }
    return _need(**questions) if questions else _answered("Nothing can be asked.")


async def _insist_on_model(ctx: Ctx) -> Asked:
    if ctx.client_capabilities is None or ctx.client_capabilities.sampling is None:
        required = ClientCapabilities(sampling=SamplingCapability())
        raise MCPError(
            code=MISSING_CAPABILITY,
            message="This needs a client with a model.",
            data={"requiredCapabilities": required.model_dump(by_alias=True, exclude_none=True)},
        )
    return await _ask_model(ctx)


def _add_resources(server: ToolServer) -> None:
    @server.resource("test://static-text", mime_type="text/plain")
    async def static_text() -> str:
        """A text."""
        return "This is the content of the static text resource."

    @server.resource("test://static-binary", mime_type="image/png")
    async def static_binary() -> bytes:
        """A picture."""
        return base64.b64decode(PIXEL)

    @server.resource("test://watched-resource", mime_type="text/plain")
    async def watched() -> str:
        """One to be told about."""
        return "Nothing new."

    @server.resource("test://template/{id}/data", mime_type="application/json")
    async def of_template(id: str) -> str:  # noqa: A002 - the template's name
        """One of many."""
        return json.dumps({"id": id, "templateTest": True, "data": f"Data for ID: {id}"})

    del static_text, static_binary, watched, of_template


def _add_prompts(server: ToolServer) -> None:
    @server.prompt()
    async def test_simple_prompt() -> list[Message]:
        """Needs nothing."""
        return [UserMessage(_text("This is a simple prompt for testing."))]

    @server.prompt()
    async def test_prompt_with_arguments(arg1: str, arg2: str) -> list[Message]:
        """Puts arguments in."""
        return [UserMessage(_text(f"Prompt with arguments: arg1='{arg1}', arg2='{arg2}'"))]

    @server.prompt()
    async def test_prompt_with_embedded_resource(resourceUri: str) -> list[Message]:  # noqa: N803
        """Carries a resource."""
        resource = _embedded(resourceUri, "Embedded resource content for testing.")
        return [
            UserMessage(resource),
            UserMessage(_text("Please process the embedded resource above.")),
        ]

    @server.prompt()
    async def test_prompt_with_image() -> list[Message]:
        """Carries a picture."""
        return [UserMessage(_image()), UserMessage(_text("Please analyze the image above."))]

    @server.prompt()
    async def test_input_required_result_prompt(ctx: Ctx) -> list[Message] | InputRequiredResult:
        """Asks before it is made."""
        context = _said(ctx, "user_context", "context")
        if context is None:
            return _need(user_context=_form("What context should the prompt use?", "context"))
        return [UserMessage(_text(f"Use this context: {context}"))]

    @server.completion()
    async def complete(*_: object) -> Completion:
        return Completion(values=["paris", "park", "party"], total=3, has_more=False)

    del test_simple_prompt, test_prompt_with_arguments, test_prompt_with_embedded_resource
    del test_prompt_with_image, test_input_required_result_prompt, complete


def _add_methods_of_old(server: ToolServer) -> None:
    """Methods that 2026-07-28 no longer has."""

    async def done(*_: object) -> EmptyResult:
        return EmptyResult()

    add = server._lowlevel_server.add_request_handler  # pyright: ignore[reportPrivateUsage]
    add("logging/setLevel", SetLevelRequestParams, done)
    add("resources/subscribe", SubscribeRequestParams, done)
    add("resources/unsubscribe", UnsubscribeRequestParams, done)
