"""A tool server for tests: one tool that reads, one that writes, and some that misbehave. Real MCP over HTTP."""

import asyncio
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from mcp.server import MCPServer
from mcp.server.mcpserver import Context
from mcp.server.mcpserver.exceptions import ToolError
from mcp.types import ToolAnnotations
from pydantic import BaseModel, Field
from starlette.applications import Starlette

Status = Literal["todo", "in_progress", "done"]
READS = ToolAnnotations(read_only_hint=True, open_world_hint=False)
WRITES = ToolAnnotations(read_only_hint=False, destructive_hint=False, idempotent_hint=False)


class Change(BaseModel):
    item: str
    field: str
    old: str | None
    new: str


class Preview(BaseModel):
    summary: str
    changes: list[Change]


class OrderStatus(BaseModel):
    answer: Literal["done", "not_done", "unknown"]
    text: str


class Table(BaseModel):
    columns: list[dict[str, str]]
    rows: list[list[Any]]
    row_count: int
    truncated: bool = False


class Records(BaseModel):
    columns: list[dict[str, str]]
    rows: list[list[Any]] = []
    records: list[dict[str, Any]]
    row_count: int


@dataclass
class Tracker:
    """What the tools work on, and what happened to it."""

    statuses: dict[int, str] = field(default_factory=lambda: {42: "in_progress", 43: "todo"})
    writes: list[tuple[int, str, str]] = field(default_factory=list[tuple[int, str, str]])
    """Task, status and idempotency key of each write that was done."""
    hold: asyncio.Event = field(default_factory=asyncio.Event)
    """`slow` and `slow_write` wait for this."""
    held: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when one of them has begun to wait."""
    cancelled: asyncio.Event = field(default_factory=asyncio.Event)
    description: str = "Count tasks by status."
    write_description: str = "Set a task's status."
    orders: dict[str, int] = field(default_factory=dict[str, int])
    """Amount by request id."""
    loses: int = 0
    """How many answers to `order` get lost: 1 loses the next after it was done, -1 before it is."""
    knows_orders: bool = True

    def app(self) -> Starlette:
        return build(self).streamable_http_app()


def build(tracker: Tracker) -> MCPServer:
    server = MCPServer("tracker", subscriptions=False)

    async def count_tasks() -> Table:
        return Table(
            columns=[{"name": "status", "type": "text"}],
            rows=[[status] for status in tracker.statuses.values()],
            row_count=len(tracker.statuses),
        )

    server.add_tool(
        count_tasks, title="Count tasks", description=tracker.description, annotations=READS
    )

    @server.tool(annotations=READS, meta={"io.steward/hidden": True})
    async def preview_set_status(task_id: int, status: Status) -> Preview:
        """What set_status would change."""
        if task_id not in tracker.statuses:
            raise ToolError(f"There is no task {task_id}.")
        old = tracker.statuses[task_id]
        change = Change(item=f"Task {task_id}", field="status", old=old, new=status)
        return Preview(summary=f"Set task {task_id} to {status}", changes=[change])

    @server.tool(
        description=tracker.write_description,
        annotations=WRITES,
        meta={"io.steward/preview": "preview_set_status"},
    )
    async def set_status(
        task_id: Annotated[int, Field(ge=1)], status: Status, ctx: Context[Any, Any]
    ) -> Preview:
        meta = dict(ctx.request_context.meta or {})
        tracker.writes.append((task_id, status, str(meta.get("io.steward/idempotency-key", ""))))
        old, tracker.statuses[task_id] = tracker.statuses[task_id], status
        change = Change(item=f"Task {task_id}", field="status", old=old, new=status)
        return Preview(summary=f"Task {task_id} is {status}", changes=[change])

    async def wait() -> None:
        tracker.held.set()
        try:
            await tracker.hold.wait()
        except asyncio.CancelledError:
            tracker.cancelled.set()
            raise

    @server.tool(annotations=READS)
    async def slow(ctx: Context[Any, Any]) -> str:
        """Reads for a long time."""
        await ctx.report_progress(1, 2, "half way")
        await wait()
        return "done"

    @server.tool(annotations=WRITES)
    async def slow_write() -> str:
        """Writes for a long time."""
        await wait()
        return "written"

    @server.tool(
        annotations=WRITES,
        meta={
            "io.steward/idempotency-argument": "request_id",
            "io.steward/status": "order_status",
        },
    )
    async def order(amount: Annotated[int, Field(ge=1)], request_id: str) -> str:
        """Order something."""
        loses, tracker.loses = tracker.loses, 0
        if loses >= 0:
            tracker.orders[request_id] = amount
        if loses:
            await wait()
        return f"Ordered {amount}."

    @server.tool(annotations=READS)
    async def list_all(rows: int) -> Table:
        """Every task there ever was."""
        return Table(
            columns=[{"name": "title", "type": "text"}],
            rows=[[f"Task {number} " + "x" * 90] for number in range(rows)],
            row_count=rows,
        )

    @server.tool(annotations=READS)
    async def list_records(rows: int) -> Records:
        """Every task there ever was, as objects."""
        return Records(
            columns=[{"name": "title", "type": "text"}],
            records=[{"title": f"Task {number} " + "x" * 90} for number in range(rows)],
            row_count=rows,
        )

    @server.tool(annotations=WRITES)
    async def note(text: str) -> str:
        """Write something down."""
        return f"Noted: {text}"

    @server.tool(annotations=READS, meta={"io.steward/hidden": True})
    async def order_status(idempotency_key: str) -> OrderStatus:
        """Whether an order arrived."""
        if not tracker.knows_orders:
            return OrderStatus(answer="unknown", text="The book is closed.")
        amount = tracker.orders.get(idempotency_key)
        if amount is None:
            return OrderStatus(answer="not_done", text="No such order.")
        return OrderStatus(answer="done", text=f"{amount} were ordered.")

    @server.tool(annotations=READS)
    async def broken() -> str:
        """Always fails."""
        raise ToolError("The index is missing. Try count_tasks instead.")

    @server.tool(annotations=READS)
    async def crash() -> str:
        """Has a bug."""
        raise RuntimeError("secret-connection-string")

    return server
