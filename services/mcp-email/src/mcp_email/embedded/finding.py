"""Makes of a search the SQL that answers it: by three letters in a row, then letter by letter."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from typing import Literal

from mcp_email.embedded.parsed import folded_text
from mcp_email.errors import BadContent
from mcp_email.mail import Search, search_words

MAX_WORDS = 16
MAX_TRIGRAMS = 24
"""Of one word: more of them find no less."""

Value = str | int | float


@dataclass(slots=True)
class Criteria:
    """The parts of a WHERE clause with their values."""

    words: list[str] = field(default_factory=list[str])
    """That stand in the mail somewhere."""
    clauses: list[str] = field(default_factory=list[str])
    values: list[Value] = field(default_factory=list[Value])

    def add(self, clause: str, *values: Value) -> None:
        """One more that must hold."""
        self.clauses.append(clause)
        self.values += values

    def add_words(self, words: list[str], columns: tuple[str, ...]) -> None:
        """Every word must stand in one of the columns."""
        for word in words:
            wanted = " ".join(folded_text(word).split())
            if not wanted:
                continue
            self.words.append(wanted)
            among = " OR ".join(f"instr(text.{column}, ?)" for column in columns)
            self.add(f"({among})", *[wanted] * len(columns))


def criteria_of(search: Search) -> Criteria:
    """All but the folder. Raises BadContent, naming the field with too many words."""
    criteria = Criteria()
    for name, text, columns in (
        ("text", search.text, ("sender", "recipients", "subject", "body")),
        ("sender", search.sender, ("sender",)),
        ("to", search.to, ("recipients",)),
        ("subject", search.subject, ("subject",)),
    ):
        words = search_words(text or "")
        if len(words) > MAX_WORDS:
            raise BadContent(
                f"{name} has more than {MAX_WORDS} words.",
                hint="Look for the words that matter.",
                field=name,
            )
        criteria.add_words(words, columns)
    if search.since:
        criteria.add("mail.received_at >= ?", _start_of(search.since))
    if search.before:
        criteria.add("mail.received_at < ?", _start_of(search.before))
    if search.unread is not None:
        criteria.add("mail.is_seen = ?", int(not search.unread))
    if search.has_attachment is not None:
        criteria.add("mail.has_attachments = ?", int(search.has_attachment))
    return criteria


def trigrams_of(word: str) -> list[str]:
    """The three letters in a row of a word; none when it is shorter."""
    every = list(dict.fromkeys(word[place : place + 3] for place in range(len(word) - 2)))
    step = -(-len(every) // MAX_TRIGRAMS) or 1
    return every[::step]


def match_of(trigrams: Iterable[str], how: Literal["AND", "OR"]) -> str:
    """What asks the index for all or any of them."""
    quoted = ('"' + one.replace('"', '""') + '"' for one in dict.fromkeys(trigrams))
    return f"({f' {how} '.join(quoted)})"


def _start_of(day: date) -> float:
    return datetime.combine(day, time(), UTC).timestamp()
