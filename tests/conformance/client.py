"""What the conformance suite runs as the client: our own host class, and a person who agrees to everything.

The suite starts it with the address of a scenario's server and says in the environment what to do beyond calling each
tool once. Exit status 0 means that it came to its end; what is right and wrong the suite sees on the wire.
"""

import asyncio
import json
import os
import sys
from collections.abc import Mapping, Sequence
from typing import Any, cast

from mcp.types import CallToolResult, ElicitRequestParams, ElicitResult, InputResponses, Tool
from pydantic import JsonValue

from orchestrator.tools.elicitation import (
    InputQuestion,
    elicit_result,
    question_of,
    questions_of,
)
from orchestrator.tools.host import McpServer, new_pool
from shared.errors import ExpectedError
from shared.wire.events import InputAction, Origin

CALL_TIMEOUT_S = 20.0
MAX_ROUNDS = 10
ORIGIN = Origin(kind="tool", server="peer", trusted=False)
PARTITION, TOKEN = "acme/ada", "conformance"
ANY_VALUE: Mapping[str, JsonValue] = {
    "string": "x",
    "integer": 1,
    "number": 1,
    "boolean": True,
    "object": {},
    "array": [],
}
Call = tuple[str, dict[str, JsonValue]]


def filled_in(schema: Mapping[str, Any]) -> dict[str, JsonValue]:
    """An object that fits: what is preset, and anything for what is required besides."""
    fields = cast("dict[str, dict[str, Any]]", schema.get("properties", {}))
    preset = {name: field["default"] for name, field in fields.items() if "default" in field}
    required = {n: ANY_VALUE[fields[n].get("type", "object")] for n in schema.get("required", [])}
    return required | preset


def agree(question: InputQuestion) -> ElicitResult:
    return elicit_result(question.mode, InputAction.ACCEPT, filled_in(question.schema or {}))


async def answer_at_once(params: ElicitRequestParams) -> ElicitResult:
    return agree(question_of(params))


async def call(server: McpServer, tool: str, arguments: dict[str, JsonValue]) -> None:
    """Call a tool and answer what it asks until it is done."""
    responses: InputResponses | None = None
    state: str | None = None
    for _ in range(MAX_ROUNDS):
        answer = await server.call(
            PARTITION,
            TOKEN,
            tool,
            arguments,
            on_elicit=answer_at_once,
            input_responses=responses,
            request_state=state,
        )
        if isinstance(answer, CallToolResult):
            return
        responses = {question.key: agree(question) for question in questions_of(answer)} or None
        state = answer.request_state
    raise RuntimeError(f"{tool} does not stop asking")


def calls_of(scenario: str, context: dict[str, Any], tools: Sequence[Tool]) -> list[Call]:
    schemas = {tool.name: tool.input_schema for tool in tools}
    if scenario == "http-custom-headers":
        wanted = context.get("toolCalls", [])
        return [(c["name"], c.get("arguments") or {}) for c in wanted if c["name"] in schemas]
    if scenario == "json-schema-2020-12-preservation":
        return [("json_schema_echo", {"schema": schemas["json_schema_2020_12_tool"]})]
    return [(name, filled_in(schema)) for name, schema in schemas.items()]


async def main() -> None:
    scenario = os.environ["MCP_CONFORMANCE_SCENARIO"]
    context = json.loads(os.environ.get("MCP_CONFORMANCE_CONTEXT") or "{}")
    async with new_pool() as pool:
        server = McpServer("peer", sys.argv[1], False, pool, CALL_TIMEOUT_S, ORIGIN, sys.argv[1])
        tools = await server.list_tools(PARTITION, TOKEN)
        for tool, arguments in calls_of(scenario, context, tools):
            try:
                await call(server, tool, arguments)
            except ExpectedError as error:  # some scenarios' servers misbehave on purpose
                sys.stderr.write(f"{tool}: {error!r}\n")


if __name__ == "__main__":
    asyncio.run(main())
