"""How quick mcp-email is with a large embedded mailbox, and its memory with large mails: over real HTTP."""

import asyncio
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx
from mcp import Client
from mcp.client import ClientRequestContext
from mcp.types import ElicitRequestParams, ElicitResult

from steward_dev.bench import big_mailbox
from steward_dev.launcher.ports import free_port

MAILS = 50_000
SEARCHES = 60
READS = 200
SENDS = 40
WARM = 3
MB = 1_000_000
START_TIMEOUT_S = 60
CONFIG = """
[limits]
mail_bytes = 26214400
sends_a_minute = 10000
sends_a_day = 10000
a_day_to_one = 10000

[accounts.mailbox]
kind = "embedded"
"""
COMMON_LETTERS = "banbanbanban"
"""In no mail; each three letters in a row of it are in two of three mails."""
KINDS: dict[str, dict[str, object]] = {
    "the newest": {},
    "a word of every 10th mail": {"text": "invoice"},
    "a word of every 1,000th mail": {"text": "kingfisher"},
    "two words": {"text": "invoice kingfisher"},
    "two letters": {"text": "ba"},
    "two letters that stand nowhere": {"text": "qx"},
    "text that stands nowhere": {"text": "quetzalcoatl"},
    "the same, each three letters of it in most mails": {"text": COMMON_LETTERS},
    "from": {"sender": "person17@"},
    "from nobody": {"sender": "person999@"},
    "a month four years ago": {"since": date(2022, 3, 1), "before": date(2022, 4, 1)},
    "a word in that month": {
        "text": "invoice",
        "since": date(2022, 3, 1),
        "before": date(2022, 4, 1),
    },
    "with files": {"has_attachment": True},
    "a word, with files": {"text": "kingfisher", "has_attachment": True},
    "read ones, of which there are none": {"unread": False},
}
TO = "person1@northwind.example"
PAGES = "100 pages of a word, each"

Json = dict[str, Any]


@dataclass(slots=True)
class Figures:
    """What was measured."""

    made_s: float
    """How long it took to make the mailbox."""
    spreads: dict[str, tuple[float, float]] = field(default_factory=dict[str, tuple[float, float]])
    """Milliseconds, median and 99th percentile, by what was asked."""
    peaks: dict[str, float] = field(default_factory=dict[str, float])
    """How much more memory than before a large mail the server held at the most (MB), by what was done."""


def measure() -> Figures:
    """Make a mailbox and try it."""
    with TemporaryDirectory(prefix="steward-bench-") as directory:
        folder = Path(directory)
        started = time.perf_counter()
        asyncio.run(big_mailbox.fill(folder / "mailboxes.db", MAILS))
        figures = Figures(time.perf_counter() - started)
        with _serving(folder) as (process, url):
            asyncio.run(_try(figures, process.pid, url))
        return figures


@contextmanager
def _serving(folder: Path) -> Generator[tuple["subprocess.Popen[bytes]", str]]:
    """The server as people start it."""
    config, address = folder / "mail.toml", f"127.0.0.1:{free_port()}"
    config.write_text(CONFIG)
    environment = {
        **os.environ,  # noqa: TID251 - handed on
        "MCP_EMAIL_STDIO_TENANT": big_mailbox.PERSON,
        "MCP_EMAIL_STDIO_SUBJECT": big_mailbox.PERSON,
        "MCP_EMAIL_READS_PER_MINUTE": "10000",
        "MCP_EMAIL_LOG_LEVEL": "ERROR",
    }
    command = [sys.executable, "-m", "mcp_email", "serve", "--http", address, "--insecure-no-auth"]
    command += ["--config", str(config), "--data", str(folder)]
    with subprocess.Popen(command, env=environment) as process:
        try:
            with httpx.Client(transport=httpx.HTTPTransport(retries=50)) as http:
                http.get(f"http://{address}/ready", timeout=START_TIMEOUT_S).raise_for_status()
            yield process, f"http://{address}/mcp"
        finally:
            process.terminate()


async def _try(figures: Figures, pid: int, url: str) -> None:
    async with Client(url, elicitation_callback=_yes) as client:
        for what, search in KINDS.items():
            asked = {
                name: str(one) if isinstance(one, date) else one for name, one in search.items()
            }
            figures.spreads[f"search: {what}"] = await _spread(
                SEARCHES, lambda asked=asked: _call(client, "search_email", asked)
            )
        figures.spreads[f"search: {PAGES}"] = await _paging(client)
        figures.spreads["read_email"] = await _reading(client)
        figures.spreads["send_email, until the mail is in the sent folder"] = await _sending(client)
        figures.peaks = await _memory(client, pid)


async def _yes(context: ClientRequestContext, params: ElicitRequestParams) -> ElicitResult:
    del context, params
    return ElicitResult(action="accept", content={"send": True})


async def _call(client: Client, tool: str, arguments: Json) -> Json:
    result = await client.call_tool(tool, arguments)
    if result.is_error or result.structured_content is None:
        raise SystemExit(f"{tool} failed: {result.content}")
    return result.structured_content


async def _spread(times: int, act: Callable[[], Awaitable[object]]) -> tuple[float, float]:
    """Median and 99th percentile in milliseconds, once it was done a few times."""
    for _ in range(WARM):
        await act()
    taken: list[float] = []
    for _ in range(times):
        started = time.perf_counter()
        await act()
        taken.append((time.perf_counter() - started) * 1_000)
    return statistics.median(taken), sorted(taken)[times * 99 // 100]


async def _paging(client: Client) -> tuple[float, float]:
    cursor: str | None = None

    async def next_page() -> None:
        nonlocal cursor
        page = await _call(client, "search_email", {"text": "invoice", "cursor": cursor})
        cursor = page["next_cursor"]

    return await _spread(100, next_page)


async def _reading(client: Client) -> tuple[float, float]:
    """Each time another mail, of all five years."""
    ids: list[str] = []
    for year in range(2022, 2027):
        page = await _call(client, "search_email", {"before": f"{year}-11-01", "limit": 100})
        ids += [mail["id"] for mail in page["mails"]]
    turns = (ids[number * 7 % len(ids)] for number in count())
    return await _spread(READS, lambda: _call(client, "read_email", {"id": next(turns)}))


async def _sending(client: Client) -> tuple[float, float]:
    """Question and answer, ledger, SMTP to the server inside, and the copy; each time another mail."""
    numbers = count()

    async def send() -> None:
        subject = f"Lunch {next(numbers)}"
        mail = {"to": [TO], "subject": subject, "body": "At noon?"}
        _require_sent(await _call(client, "send_email", mail))

    return await _spread(SENDS, send)


async def _memory(client: Client, pid: int) -> dict[str, float]:
    found = await _call(client, "search_email", {"subject": big_mailbox.LARGE_SUBJECT})
    mail = {"id": found["mails"][0]["id"]}
    before = _memory_mb(pid, "VmRSS")
    peaks = {"before": before}

    async def peak_of(what: str, tool: str, **more: object) -> Json:
        _forget_peak(pid)
        answer = await _call(client, tool, {**mail, **more})
        peaks[what] = _memory_mb(pid, "VmHWM") - before
        return answer

    read = await peak_of("read_email", "read_email")
    file = read["attachments"][0]["attachment_id"]
    text = "get_attachment, the text of a file of 4.75 MB"
    await peak_of(text, "get_attachment", attachment_id=file)
    handle = "get_attachment, a handle of it"
    await peak_of(handle, "get_attachment", attachment_id=file, form="handle")
    sending = "forward_email, sent with all its files"
    _require_sent(await peak_of(sending, "forward_email", to=[TO], mode="send"))
    return peaks


def _require_sent(answer: Json) -> None:
    if answer["status"] != "sent":
        raise SystemExit(f"A mail was not sent: {answer}")


def _forget_peak(pid: int) -> None:
    """VmHWM begins anew (proc(5))."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")


def _memory_mb(pid: int, name: str) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    kilobytes = status.partition(f"{name}:")[2].split()[0]
    return int(kilobytes) * 1_024 / MB
