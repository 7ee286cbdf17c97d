"""What is believed of a call whose answer was lost: one try that may have arrived is enough for doubt."""

from collections.abc import Sequence
from typing import Any

import httpx2
import pytest
from mcp.types import CallToolResult, TextContent, Tool, ToolAnnotations

from orchestrator.tools.calls import CallToSend, EndedCall, ToolCaller
from orchestrator.tools.catalogue import Catalogue, CatalogueTool
from orchestrator.tools.elicitation import InputQuestion
from orchestrator.tools.host import (
    BadAnswer,
    CallTimedOut,
    McpServer,
    ServerUnavailable,
    ToolAnswer,
)
from shared.errors import ExpectedError
from shared.service_tokens import Principal
from shared.wire.events import CallState, Origin

ADA = Principal(subject="ada", tenant="acme")
DONE = CallToolResult(content=[TextContent(type="text", text="done")])
ORIGIN = Origin(kind="tool", server="tracker", trusted=False)
LOST = ServerUnavailable("broke off", sent=True)
AWAY = ServerUnavailable("cannot be reached", sent=False)


class FlakyServer(McpServer):
    """Ends each try as it was told."""

    ends: list[CallToolResult | ExpectedError]

    async def call(self, *_: Any, **__: Any) -> ToolAnswer:  # type: ignore[override]
        end = self.ends.pop(0)
        if isinstance(end, ExpectedError):
            raise end
        return end


def unseen(*_: object) -> None:
    """Progress that nobody watches."""


async def nobody(_: str, __: InputQuestion) -> Any:
    raise AssertionError("nothing is asked")


async def state_after(
    ends: Sequence[CallToolResult | ExpectedError],
    *,
    reads: bool = False,
    repeatable: bool = True,
    may_have_arrived: bool = False,
) -> CallState:
    async with httpx2.AsyncHTTPTransport() as pool:
        url = "http://tools.test/mcp"
        server = FlakyServer(
            "tracker", url, own=True, pool=pool, call_timeout_s=1, origin=ORIGIN, audience=url
        )
        server.ends = list(ends)
        hints = ToolAnnotations(read_only_hint=reads, idempotent_hint=repeatable)
        tool = Tool(name="file", input_schema={"type": "object"}, annotations=hints)
        judged = CatalogueTool(server, tool, "tracker__file", {}, "hash", None)
        call = CallToSend("c1", judged, ADA, {}, "key", may_have_arrived=may_have_arrived)
        caller = ToolCaller(Catalogue.__new__(Catalogue))
        ended = await caller.send(call, unseen, nobody)
    assert isinstance(ended, EndedCall)
    return ended.state


@pytest.mark.parametrize(
    ("ends", "state"),
    [
        ([DONE], CallState.SUCCEEDED),
        ([LOST, DONE], CallState.SUCCEEDED),
        ([AWAY, DONE], CallState.SUCCEEDED),
        ([AWAY, AWAY], CallState.FAILED),
        ([LOST, LOST], CallState.OUTCOME_UNKNOWN),
        ([AWAY, LOST], CallState.OUTCOME_UNKNOWN),
        ([LOST, AWAY], CallState.OUTCOME_UNKNOWN),
        ([LOST, BadAnswer("?")], CallState.OUTCOME_UNKNOWN),
        ([CallTimedOut("late")], CallState.OUTCOME_UNKNOWN),
    ],
    ids=str,
)
async def test_one_try_that_may_have_arrived_is_enough_for_doubt(
    ends: Sequence[CallToolResult | ExpectedError], state: CallState
) -> None:
    assert await state_after(ends) is state


async def test_what_a_dead_replica_sent_may_have_been_done() -> None:
    ends = [AWAY, AWAY]
    assert await state_after(ends, may_have_arrived=True) is CallState.OUTCOME_UNKNOWN


async def test_reading_leaves_no_doubt() -> None:
    ends = [LOST, AWAY]
    assert await state_after(ends, reads=True, may_have_arrived=True) is CallState.FAILED
