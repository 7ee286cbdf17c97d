"""What every tool server gets: verified callers, strict arguments, plain refusals, an audit."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from typing import Annotated, Literal, cast

import httpx
import httpx2
import jsonschema
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.server.mcpserver.exceptions import ToolError
from mcp.types import CallToolResult, TextContent
from pydantic import BaseModel, Field
from structlog.testing import capture_logs
from support.servers import serving

from shared.mcp_server import (
    Refused,
    Rendered,
    ToolServer,
    add_operations,
    current_principal,
    transport_security,
)
from shared.scopes import MAIL_READ, RESOURCES, needs
from shared.service_tokens import FixedKeys, Principal, SigningKey, TokenIssuer, TokenVerifier

ISSUER = "http://orchestrator.test"
RESOURCE = "http://tools.test/mcp"
MAIL = RESOURCES["mcp-email"]
ADA = Principal(
    subject="ada", tenant="acme", roles=frozenset({"member"}), locale="de", tz="Europe/Berlin"
)


class Answer(BaseModel):
    """A result with a row count."""

    who: str
    row_count: int = 1


def make_server(
    caller: Principal | None = None, verifier: TokenVerifier | None = None
) -> ToolServer:
    def who() -> Principal | None:
        return current_principal(caller)

    server = ToolServer(
        "toy", caller=who, resource=MAIL, audited_arguments={"mood"}, verifier=verifier
    )

    @server.tool(meta=needs(MAIL_READ))
    async def greet(
        mood: Annotated[str, Field(max_length=5)], secret: str = "", times: int = 1
    ) -> Answer:
        """Greet.

        Twice, if asked.
        """
        if mood == "angry":
            raise ToolError("Calm down first.")
        if mood == "rude":
            raise Refused("Not here.")
        if mood == "mad":
            raise ValueError(f"{secret} must not leak")
        principal = who()
        return Answer(who=repr(principal) if principal else "nobody", row_count=times)

    async def problems() -> Mapping[str, str | None]:
        return {"mood": "gone"}

    add_operations(server, problems)
    del greet
    return server


async def call(server: ToolServer, **arguments: object) -> CallToolResult:
    async with Client(server) as client:
        result = await client.call_tool("greet", dict(arguments))
    assert isinstance(result, CallToolResult)
    return result


def said(result: CallToolResult) -> str:
    return "".join(part.text for part in result.content if isinstance(part, TextContent))


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"mood": "angry"}, "Calm down first."),
        ({"mood": "rude"}, "Not here."),
        ({"mood": "good", "force": 1}, "There is no argument force. The arguments are: mood, secret, times."),
        ({"mood": "cheerful"}, "mood: String should have at most 5 characters."),
        ({"times": []}, "mood: is required; times: Input should be a valid integer."),
    ],
)  # fmt: skip
async def test_the_model_hears_one_plain_sentence(arguments: dict[str, object], text: str) -> None:
    result = await call(make_server(), **arguments)
    assert result.is_error
    assert said(result) == text


async def test_an_error_of_its_own_is_told_by_a_reference_into_the_log() -> None:
    with capture_logs() as logs:
        result = await call(make_server(), mood="mad", secret="k")
    (line,) = [log for log in logs if log["event"] == "tool_crashed"]
    assert said(result) == (
        f"greet broke off with an error of its own. It was logged as {line['reference']}."
    )
    assert result.structured_content is not None
    assert result.structured_content["code"] == "internal"
    assert result.structured_content["details"] == {"reference": line["reference"]}


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_large_fields_arrive_with_the_others(mode: Literal["auto", "legacy"]) -> None:
    server = make_server(ADA)

    @server.tool()
    async def big() -> Answer:
        """Answer what is rendered already."""
        return cast("Answer", Rendered({"who": "ada"}, "text", {"row_count": 2, "x": [[None, 1]]}))

    async with Client(server, mode=mode) as client:
        first, second = [await client.call_tool("big", {}) for _ in range(2)]
        small = await client.call_tool("greet", {"mood": "good"})
    del big
    assert isinstance(first, CallToolResult)
    assert first.structured_content == {"who": "ada", "row_count": 2, "x": [[None, 1]]}
    assert (said(first), first.content) == ("text", second.content)
    assert small.structured_content is not None
    assert set(small.structured_content) == {"who", "row_count"}


async def test_schemas_allow_no_other_arguments_and_descriptions_have_no_indent() -> None:
    async with Client(make_server()) as client:
        (tool,) = (await client.list_tools()).tools
    assert tool.input_schema["additionalProperties"] is False
    assert tool.description == "Greet.\n\nTwice, if asked."


async def test_the_text_beside_a_structured_result_is_not_indented() -> None:
    assert said(await call(make_server(), mood="good")) == '{"who":"nobody","row_count":1}'


@pytest.mark.parametrize(
    ("arguments", "decision", "rule", "rows"),
    [
        ({"mood": "good", "times": 7}, "done", None, 7),
        ({"mood": "angry"}, "failed", "ToolError", None),
        ({"mood": "rude"}, "refused", "Refused", None),
        ({"mood": "good", "force": 1}, "refused", "InvalidArguments", None),
        ({"mood": "mad"}, "crashed", "Internal", None),
    ],
)
async def test_every_call_is_audited_without_what_it_said(
    arguments: dict[str, object], decision: str, rule: str | None, rows: int | None
) -> None:
    with capture_logs() as logs:
        await call(make_server(ADA), secret="hush", **arguments)
    (line,) = [log for log in logs if log["event"] == "tool_called"]
    assert (line["decision"], line["rule"], line["rows"]) == (decision, rule, rows)
    assert (line["tool"], line["person"], line["tenant"]) == ("greet", "ada", "acme")
    assert line["mood"] == arguments["mood"]
    assert "hush" not in str(line)


async def test_without_a_token_the_fixed_caller_is_the_caller() -> None:
    assert "ada" in said(await call(make_server(ADA), mood="good"))


@asynccontextmanager
async def protected(key: SigningKey) -> AsyncGenerator[str]:
    verifier = TokenVerifier(RESOURCE, {ISSUER: FixedKeys(key.public_jwks())})
    server = make_server(ADA, verifier=verifier)
    app = server.streamable_http_app(transport_security=transport_security([]))
    async with serving(app) as url:
        yield url


async def test_the_token_says_who_calls_in_full() -> None:
    key = SigningKey.generate()
    token = TokenIssuer(ISSUER, key).issue(
        audience=RESOURCE, subject="bob", tenant="acme", roles=["admin"], lifetime_s=60, locale="fr", tier="pro",
        scope=MAIL_READ,
    )  # fmt: skip
    async with (
        protected(key) as url,
        httpx2.AsyncClient(headers={"Authorization": f"Bearer {token}"}) as http,
        Client(streamable_http_client(f"{url}/mcp", http_client=http)) as client,
    ):
        result = await client.call_tool("greet", {"mood": "good"})
    assert result.structured_content is not None
    for fact in ("'bob'", "'admin'", "'fr'", "'pro'"):
        assert fact in result.structured_content["who"]


@pytest.mark.parametrize(
    ("headers", "status"),
    [({}, 401), ({"Authorization": "Bearer x.y.z"}, 401), ({"Authorization": "Basic eDp5"}, 401)],
)
async def test_no_token_no_entry(headers: dict[str, str], status: int) -> None:
    async with protected(SigningKey.generate()) as url, httpx.AsyncClient() as http:
        answer = await http.post(f"{url}/mcp", json={}, headers=headers)
    assert answer.status_code == status


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Host": "evil.test"}, 421),
        ({"Origin": "http://evil.test"}, 403),
        ({"Origin": "null"}, 403),
    ],
)
async def test_what_a_web_page_could_send_is_turned_away(
    headers: dict[str, str], status: int
) -> None:
    key = SigningKey.generate()
    token = TokenIssuer(ISSUER, key).issue(
        audience=RESOURCE, subject="bob", tenant="acme", lifetime_s=60, scope=MAIL_READ
    )
    async with protected(key) as url, httpx.AsyncClient() as http:
        sent = {**headers, "Authorization": f"Bearer {token}"}
        answer = await http.post(f"{url}/mcp", json={}, headers=sent)
    assert answer.status_code == status


async def test_health_needs_no_token_and_unready_says_why() -> None:
    async with protected(SigningKey.generate()) as url, httpx.AsyncClient() as http:
        assert (await http.get(f"{url}/live")).status_code == 200
        ready = await http.get(f"{url}/ready")
        assert (ready.status_code, ready.json()["checks"]) == (503, {"mood": "gone"})
        assert "python_info" in (await http.get(f"{url}/metrics")).text


async def test_a_problem_fits_the_schema_that_clients_hold_answers_against() -> None:
    async with Client(make_server()) as client:
        (tool,) = (await client.list_tools()).tools
        answers = [await client.call_tool("greet", {"mood": mood}) for mood in ("rude", "glad")]
    assert tool.output_schema is not None
    for answer in answers:
        assert isinstance(answer, CallToolResult)
        jsonschema.validate(answer.structured_content, tool.output_schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"who": "nobody", "row_count": "many"}, tool.output_schema)
