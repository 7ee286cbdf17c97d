"""A large embedded mailbox to measure with: the same mails every time."""

import random
import sqlite3
import time
from functools import partial
from pathlib import Path

from mcp_email.embedded.database import Database
from mcp_email.embedded.parsed import ParsedMail, parsed
from mcp_email.embedded.rows import Owner, add_mail
from mcp_email.embedded.store import EmbeddedStore

BATCH = 1_000
WORDS = 4_000
PEOPLE = 300


async def fill(path: Path, count: int, *, person: str = "bench") -> None:
    """Add `count` mails of 0.5 to 4 KB, over five years, to the mailbox of `person` (tenant `bench`)."""
    store = EmbeddedStore(path, seeded=lambda _owner, _now: [])
    store.start()
    await store.mailbox("bench", person, "mailbox", f"{person}@tidewater.example", "Bench")
    store.close()
    database = Database(path)
    database.open()
    writer = _Writer(count)
    for first in range(0, count, BATCH):
        numbers = range(first, min(count, first + BATCH))
        mails = [(parsed(writer.mail(number)), writer.at_s(number)) for number in numbers]
        await database.write(partial(_add, person, mails))
    database.close()


def _add(
    person: str, mails: list[tuple[ParsedMail, float]], connection: sqlite3.Connection
) -> None:
    row = connection.execute(
        "SELECT id, secret FROM mailbox WHERE tenant = 'bench' AND subject = ?", (person,)
    ).fetchone()
    for mail, at_s in mails:
        add_mail(connection, Owner(*row), mail, role="inbox", received_at=at_s)


class _Writer:
    def __init__(self, count: int) -> None:
        self._count = count
        self._start_s = time.time() - 5 * 365 * 86_400
        source = random.Random(7)  # noqa: S311 - text to measure with, not secrets
        syllables = [a + b for a in "bdfgklmnprstvz" for b in ("a", "e", "i", "o", "u", "an", "er")]
        self._words = [
            "".join(source.choices(syllables, k=source.randint(1, 4))) for _ in range(WORDS)
        ]
        self._weights = [1 / (place + 5) for place in range(WORDS)]

    def at_s(self, number: int) -> float:
        return self._start_s + number * (5 * 365 * 86_400 / self._count)

    def mail(self, number: int) -> bytes:
        source = random.Random(number)  # noqa: S311 - text to measure with, not secrets
        words = source.choices(self._words, self._weights, k=source.randint(80, 600))
        if number % 10 == 0:
            words[len(words) // 2] = "invoice"
        if number % 997 == 0:
            words[-1] = "kingfisher"
        body = "\r\n".join(
            " ".join(words[place : place + 12]) for place in range(0, len(words), 12)
        )
        person = f"person{source.randint(1, PEOPLE)}@northwind.example"
        answers = f"In-Reply-To: <{number - 7}@bench.example>\r\n" if number % 3 == 0 else ""
        return (
            f"From: {person}\r\nTo: bench@tidewater.example\r\nSubject: {' '.join(words[:6])}\r\n"
            f"Message-ID: <{number}@bench.example>\r\n{answers}"
            "Content-Type: text/plain; charset=utf-8\r\n\r\n"
            f"{body}\r\n"
        ).encode()
