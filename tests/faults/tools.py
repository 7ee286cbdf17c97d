"""The tool server of the fault tests: what it does is written to a file, which outlives every process.

Run by a nursery as `faults.tools serve --http HOST:PORT LEDGER`. It speaks real MCP over HTTP.
"""

import asyncio
import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import uvicorn
from faults.scenarios import CITED
from mcp.server import MCPServer
from mcp.server.mcpserver import Context
from mcp.types import ElicitRequest, ElicitRequestFormParams, InputRequiredResult, ToolAnnotations
from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from support.tracker import WRITES, OrderStatus, Tracker, build

from shared.wire.knowledge import CitationsJudged, PassageShown, SentenceChecked

READS = ToolAnnotations(read_only_hint=True, open_world_hint=False)
REPEATABLE = ToolAnnotations(
    read_only_hint=False, destructive_hint=False, idempotent_hint=True, open_world_hint=False
)
SURE = {"type": "object", "properties": {"sure": {"type": "boolean"}}}
STEPS = 4
STEP_S = 0.03


@dataclass(frozen=True, slots=True)
class Ledger:
    """Lines of JSON: what was done and under which idempotency key."""

    path: Path

    def write(self, what: str, key: str = "") -> None:
        """Append one line; whole, as it is one write to a file opened for appending."""
        descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            os.write(descriptor, f"{json.dumps({'what': what, 'key': key})}\n".encode())
        finally:
            os.close(descriptor)

    def lines(self) -> list[dict[str, str]]:
        if not self.path.exists():
            return []
        return [json.loads(line) for line in self.path.read_text().splitlines()]


class _Writes(list[tuple[int, str, str]]):
    """The tracker's writes, written down the moment they are done."""

    def __init__(self, ledger: Ledger) -> None:
        super().__init__()
        self._ledger = ledger

    def append(self, write: tuple[int, str, str], /) -> None:
        super().append(write)
        self._ledger.write("set_status", write[2])


def server(ledger: Ledger) -> MCPServer:
    """The tracker, with tools that take their time."""
    tracker = build(Tracker(writes=_Writes(ledger)))
    tracker.remove_tool("order")  # ours loses every answer

    @tracker.tool(annotations=READS)
    async def survey(ctx: Context[Any, Any]) -> str:
        """Counts everything, step by step."""
        for step in range(STEPS):
            await ctx.report_progress(step, STEPS, f"step {step}")
            await asyncio.sleep(STEP_S)
        return "surveyed"

    @tracker.tool(annotations=REPEATABLE)
    async def file_note(text: Annotated[str, Field(max_length=100)], ctx: Context[Any, Any]) -> str:
        """Files a note; the same key files it once."""
        key = _key(ctx)
        if not any(line["key"] == key for line in ledger.lines()):
            ledger.write("file_note", key)
        await asyncio.sleep(STEPS * STEP_S)
        return f"filed {text}"

    @tracker.tool(annotations=WRITES, meta={"io.steward/status": "was_ordered"})
    async def order(ctx: Context[Any, Any]) -> str:
        """Does it, and never says so."""
        ledger.write("order", _key(ctx))
        await asyncio.Event().wait()
        return "unreachable"

    @tracker.tool(annotations=READS, meta={"io.steward/hidden": True})
    async def was_ordered(idempotency_key: str) -> OrderStatus:
        """Whether an order arrived."""
        done = any(line["key"] == idempotency_key for line in ledger.lines())
        return OrderStatus(answer="done" if done else "not_done", text="As the ledger says.")

    @tracker.tool(annotations=READS)
    async def ask_first(ctx: Context[Any, Any]) -> str | InputRequiredResult:
        """Wants to hear from the person."""
        if ctx.input_responses is not None:
            return "heard"
        params = ElicitRequestFormParams(message="Really?", requested_schema=SURE)
        return InputRequiredResult(input_requests={"sure": ElicitRequest(params=params)})

    @tracker.tool(annotations=READS, meta={"io.steward/citations": "check_cited"})
    async def find_passage() -> str:
        """Finds what can be cited."""
        return f"Visitors park on level 2. Cite as [^{CITED}]."

    @tracker.tool(annotations=READS, meta={"io.steward/hidden": True})
    async def check_cited(text: str) -> CitationsJudged:
        """Whether the passage says so."""
        passage = PassageShown(id=CITED, document_id="d", title="Parking", start=0, end=26)
        sentence = SentenceChecked(
            start=0, end=len(text), passages=[CITED], support="supported", judged_by="words"
        )
        return CitationsJudged(passages=[passage], sentences=[sentence])

    @tracker.tool(annotations=READS)
    async def hold() -> str:
        """Never ends by itself."""
        ledger.write("held")
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            ledger.write("cancelled")
            raise
        return "unreachable"

    return tracker


def _key(ctx: Context[Any, Any]) -> str:
    meta = dict(ctx.request_context.meta or {})
    return str(meta.get("io.steward/idempotency-key", ""))


def main() -> None:
    """`serve --http HOST:PORT LEDGER`."""
    _, _, _, address, path = sys.argv
    app = server(Ledger(Path(path))).streamable_http_app()

    async def ready(_: Request) -> Response:
        return Response()

    app.router.routes.append(Route("/ready", ready))
    host, _, port = address.rpartition(":")
    uvicorn.run(app, host=host, port=int(port), log_config=None, timeout_graceful_shutdown=1)
