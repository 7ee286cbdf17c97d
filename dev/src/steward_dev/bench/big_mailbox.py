"""A large embedded mailbox to measure with: the same mails every time."""

import base64
import random
import sqlite3
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from functools import partial
from multiprocessing import get_context
from pathlib import Path

from mcp_email.embedded.database import Database
from mcp_email.embedded.mailbox import EmbeddedMailbox
from mcp_email.embedded.parsed import ParsedMail, parsed
from mcp_email.embedded.rows import Owner, add_mail
from mcp_email.embedded.store import EmbeddedStore

PERSON = "bench"
"""Whose it is; of the tenant with the same name."""
BATCH = 1_000
WORDS = 4_000
PEOPLE = 300
START = datetime(2021, 11, 1, tzinfo=UTC)
END = datetime(2026, 11, 1, tzinfo=UTC)
LARGE_SUBJECT = "Plans of the whole harbour"
LARGE_FILES = 4
LARGE_FILE_BYTES = 4_750_000
"""Four of them, in base64, are 24.8 MiB: just under what a mailbox takes."""

Dated = tuple[ParsedMail, float]


async def fill(path: Path, count: int) -> None:
    """Make a mailbox with `count` mails of 0.5 to 4 KB, over five years, and a newest one of 25 MB."""
    await _make(path)
    database = Database(path)
    database.open()
    batches = [range(first, min(count, first + BATCH)) for first in range(0, count, BATCH)]
    # Reading the mails takes longer than keeping them.
    with ProcessPoolExecutor(mp_context=get_context("spawn")) as readers:
        for mails in readers.map(partial(_batch, count), batches):
            await database.write(partial(_add, mails))
    await database.write(partial(_add, [(parsed(_large()), END.timestamp())]))
    database.close()


async def _make(path: Path) -> EmbeddedMailbox:
    store = EmbeddedStore(path, seeded=lambda _owner, _now: [])
    store.start()
    try:
        return await store.mailbox(
            PERSON, PERSON, "mailbox", f"{PERSON}@tidewater.example", "Bench"
        )
    finally:
        store.close()


def _add(mails: list[Dated], connection: sqlite3.Connection) -> None:
    row = connection.execute(
        "SELECT id, secret FROM mailbox WHERE subject = ?", (PERSON,)
    ).fetchone()
    for mail, at_s in mails:
        add_mail(connection, Owner(*row), mail, role="inbox", received_at=at_s)


def _batch(count: int, numbers: range) -> list[Dated]:
    writer, step_s = _Writer(), (END - START).total_seconds() / count
    return [
        (parsed(writer.mail(number)), START.timestamp() + number * step_s) for number in numbers
    ]


class _Writer:
    def __init__(self) -> None:
        source = random.Random(7)  # noqa: S311 - text to measure with, not secrets
        syllables = [a + b for a in "bdfgklmnprstvz" for b in ("a", "e", "i", "o", "u", "an", "er")]
        self._words = [
            "".join(source.choices(syllables, k=source.randint(1, 4))) for _ in range(WORDS)
        ]
        self._weights = [1 / (place + 5) for place in range(WORDS)]

    def mail(self, number: int) -> bytes:
        """Every 10th names an invoice, every 997th a kingfisher; every 50th has a file."""
        source = random.Random(number)  # noqa: S311 - text to measure with, not secrets
        words = source.choices(self._words, self._weights, k=source.randint(80, 600))
        if number % 10 == 0:
            words[len(words) // 2] = "invoice"
        if number % 997 == 0:
            words[-1] = "kingfisher"
        text = "\r\n".join(
            " ".join(words[place : place + 12]) for place in range(0, len(words), 12)
        )
        files = [("notes.csv", b"place,count\r\nharbour,7\r\n")] if number % 50 == 0 else []
        answers = f"In-Reply-To: <{number - 7}@bench.example>\r\n" if number % 3 == 0 else ""
        head = (
            f"From: person{source.randint(1, PEOPLE)}@northwind.example\r\n"
            f"Subject: {' '.join(words[:6])}\r\nMessage-ID: <{number}@bench.example>\r\n{answers}"
        )
        return _mail(head, text, files)


def _large() -> bytes:
    source = random.Random(7)  # noqa: S311 - text to measure with, not secrets
    files = [
        (f"plan-{number}.csv", source.randbytes(LARGE_FILE_BYTES // 2).hex().encode())
        for number in range(LARGE_FILES)
    ]
    head = (
        f"From: person1@northwind.example\r\nSubject: {LARGE_SUBJECT}\r\n"
        "Message-ID: <large@bench.example>\r\n"
    )
    return _mail(head, "The plans are in the files.", files)


def _mail(head: str, text: str, files: list[tuple[str, bytes]]) -> bytes:
    common = f"{head}To: {PERSON}@tidewater.example\r\n"
    plain = f"Content-Type: text/plain; charset=utf-8\r\n\r\n{text}\r\n"
    if not files:
        return (common + plain).encode()
    parts = [plain.encode()]
    for name, content in files:
        kind = (
            "Content-Type: text/csv\r\nContent-Transfer-Encoding: base64\r\n"
            f'Content-Disposition: attachment; filename="{name}"\r\n\r\n'
        )
        lines = base64.encodebytes(content).replace(b"\n", b"\r\n")
        parts.append(kind.encode() + lines)
    start = f'{common}MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary="part"\r\n\r\n'
    body = b"--part\r\n" + b"\r\n--part\r\n".join(parts) + b"\r\n--part--\r\n"
    return start.encode() + body
