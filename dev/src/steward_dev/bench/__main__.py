"""Runs the measurements and prints a table."""

import asyncio
import statistics
from collections.abc import Awaitable, Callable

import aiohttp

from steward_dev.bench import databases, knowledge, mails
from steward_dev.bench.chats import Heard, ask_model, ask_orchestrator, ask_page
from steward_dev.bench.stops import measure_stops
from steward_dev.bench.system import Target, running_target

CHATS = (1, 32)
TOKENS = 128
DELAY_MS = 20
ROUNDS = 3

Ask = Callable[[aiohttp.ClientSession, Target, str], Awaitable[Heard]]
WAYS: dict[str, tuple[Ask, tuple[str, ...]]] = {
    "model, directly": (ask_model, ()),
    "through the orchestrator": (ask_orchestrator, ("orchestrator",)),
    "through the whole chain": (ask_page, ("orchestrator", "frontend")),
}


def main() -> None:
    """Measure each way with each number of chats; ways take turns, so that a drift of the machine hits all."""
    model = f"load:ttft=0,delay={DELAY_MS},tokens={TOKENS}"
    print(f"{TOKENS} tokens a reply, one every {DELAY_MS} ms; median of {ROUNDS} rounds\n")
    print(
        "| chats | way | first token p50 / p99, ms | tokens/s | longest gap p99, ms | CPU, ms per 1,000 tokens |"
    )
    print("| --- | --- | --- | --- | --- | --- |")
    with running_target(model) as target:
        for chats in CHATS:
            rounds = [asyncio.run(_round(target, model, chats)) for _ in range(ROUNDS)]
            for way in WAYS:
                print(_row(chats, way, [figures[way] for figures in rounds]))
        stops = asyncio.run(measure_stops(target))
    print(
        f"\nstop: {statistics.median(stops):.1f} / {_percentile(stops, 99):.1f} ms (p50 / p99 of {len(stops)}), "
        "from the request on another replica to `turn_finished`"
    )
    _print_databases()
    _print_mails()
    _print_knowledge()


def _print_databases() -> None:
    """What a database server adds to a query, by engine."""
    print(
        "\n| database | what | bare driver, ms | a ready answer over MCP, ms | through mcp-dbquery, ms |"
    )
    print("| --- | --- | --- | --- | --- |")
    measured = databases.measure()
    for engine, figures in measured.items():
        for what, (bare, ready, through) in figures.medians.items():
            print(f"| {engine} | {what} | {bare:.2f} | {ready:.2f} | {through:.2f} |")
    print("\n| database | what | p50, ms | p99, ms |")
    print("| --- | --- | --- | --- |")
    for engine, figures in measured.items():
        for what, (median, tail) in figures.spreads.items():
            print(f"| {engine} | {what} | {median:.1f} | {tail:.1f} |")


def _print_mails() -> None:
    """What mcp-email takes, with a large mailbox and with large mails."""
    figures = mails.measure()
    print(f"\nA mailbox of {mails.MAILS:,} mails, made in {figures.made_s:.0f} s:\n")
    print("| mail | p50, ms | p99, ms |")
    print("| --- | --- | --- |")
    for what, (median, tail) in figures.spreads.items():
        print(f"| {what} | {median:.1f} | {tail:.1f} |")
    print("\n| with a mail of 25 MB | memory at the most, MB |")
    print("| --- | --- |")
    for what, megabytes in figures.peaks.items():
        sign = "" if what == "before" else "+ "
        print(f"| {what} | {sign}{megabytes:.0f} |")


def _print_knowledge() -> None:
    """What a search among many documents takes, and taking one in."""
    print(f"\n| {knowledge.CHUNKS:,} chunks | p50, ms | p99, ms |")
    print("| --- | --- | --- |")
    for engine, figures in knowledge.measure().items():
        for what, (median, tail) in figures.spreads.items():
            print(f"| {engine}: {what} | {median:.1f} | {tail:.1f} |")
        print(f"| {engine}: chunks written a second | {figures.chunks_a_second:,.0f} | |")
    print("\n| taking in a text of 1 MB on SQLite | s |")
    print("| --- | --- |")
    for step, seconds in knowledge.measure_taking_in().items():
        print(f"| {step} | {seconds:.2f} |")


async def _round(target: Target, model: str, chats: int) -> dict[str, tuple[float, ...]]:
    connector = aiohttp.TCPConnector(limit=0)
    figures: dict[str, tuple[float, ...]] = {}
    async with aiohttp.ClientSession(connector=connector) as http:
        for way, (ask, processes) in WAYS.items():
            await ask(http, target, model)  # warm: connections, tool list
            before = target.cpu_s(*processes)
            heard = await asyncio.gather(*(ask(http, target, model) for _ in range(chats)))
            cpu_s = target.cpu_s(*processes) - before
            figures[way] = _figures(heard, cpu_s)
    return figures


def _figures(heard: list[Heard], cpu_s: float) -> tuple[float, ...]:
    firsts = [one.first_s * 1_000 for one in heard]
    gaps = [gap * 1_000 for one in heard for gap in one.gaps_s]
    tokens = sum(one.tokens for one in heard)
    longest_s = max(one.last_s for one in heard)
    return (
        statistics.median(firsts),
        _percentile(firsts, 99),
        tokens / longest_s,
        _percentile(gaps, 99),
        cpu_s * 1_000 / tokens * 1_000,
    )


def _row(chats: int, way: str, rounds: list[tuple[float, ...]]) -> str:
    p50, p99, rate, gap, cpu = (statistics.median(column) for column in zip(*rounds, strict=True))
    cost = "–" if not WAYS[way][1] else f"{cpu:.0f}"
    return f"| {chats} | {way} | {p50:.1f} / {p99:.1f} | {rate:,.0f} | {gap:.1f} | {cost} |"


def _percentile(values: list[float], percent: int) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)]


if __name__ == "__main__":
    main()
