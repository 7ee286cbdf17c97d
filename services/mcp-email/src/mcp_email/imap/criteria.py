"""A search in IMAP's words (RFC 3501 section 6.4.4), and what is left to us where a server knows ASCII only. Pure."""

import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from mcp_email.errors import BadContent
from mcp_email.imap.connection import Text
from mcp_email.mail import Search, search_words

MAX_TEXT = 500
MAX_WORDS = 16

Words = list[bytes | Text]

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_KEYS = {
    "text": (b"SUBJECT", b"FROM", b"TO", b"CC", b"BODY"),
    "sender": (b"FROM",),
    "to": (b"TO", b"CC", b"BCC"),
    "subject": (b"SUBJECT",),
}


@dataclass(frozen=True, slots=True)
class Term:
    """A word or phrase that must be found in one of the places of its field."""

    field: str
    word: str

    @property
    def words(self) -> Words:
        """As IMAP says it."""
        octets = Text(self.word.encode())
        return either([[key, octets] for key in _KEYS[self.field]])

    def fits(self, texts: dict[str, str]) -> bool:
        """Whether the text of its field, folded, has it."""
        return folded(self.word) in texts[self.field]


def terms_of(search: Search) -> list[Term]:
    """Every word of the texts.

    Raises:
        BadContent: naming the field: too long, too many words, or a NUL, which IMAP cannot send.
    """
    terms: list[Term] = []
    for name in _KEYS:
        told: str = getattr(search, name) or ""
        if "\0" in told:
            raise BadContent(f"{name} contains a NUL.", hint="Leave it out.", field=name)
        clean = unicodedata.normalize("NFC", told).encode("utf-8", "replace").decode()
        words = [" ".join(word.split()) for word in search_words(clean)]
        if len(told) > MAX_TEXT or len(words) > MAX_WORDS:
            raise BadContent(
                f"{name} is longer than {MAX_TEXT} characters or {MAX_WORDS} words.",
                hint="Look for the words that matter.",
                field=name,
            )
        terms += [Term(name, word) for word in words if word]
    return terms


def criteria(
    search: Search, terms: Sequence[Term], since: date | None, before: date | None
) -> Words:
    """What the server is asked; of `since` and `before` and the search's own, those that leave less count."""
    words: Words = [b"UNDELETED"]
    if search.unread is not None:
        words.append(b"UNSEEN" if search.unread else b"SEEN")
    starts = [one for one in (search.since, since) if one is not None]
    if starts:
        words += [b"SINCE", _day(max(starts))]
    ends = [one for one in (search.before, before) if one is not None]
    if ends:
        words += [b"BEFORE", _day(min(ends))]
    for term in terms:
        words += term.words
    charset: Words = [] if all(term.word.isascii() for term in terms) else [b"CHARSET", b"UTF-8"]
    return charset + words


def either(choices: Sequence[Words]) -> Words:
    """One of these."""
    *firsts, last = choices
    words: Words = []
    for one in firsts:
        words += [b"OR", *one]
    return words + last


def day_after(epoch: int) -> date | None:
    """A day that everything received at that time or earlier is before, wherever the server is."""
    try:
        return date(1970, 1, 1) + timedelta(days=epoch // 86_400 + 3)
    except OverflowError:
        return None


def folded(text: str) -> str:
    """For comparing without regard to case."""
    return unicodedata.normalize("NFC", text).casefold()


def fitting(terms: Sequence[Term]) -> Callable[[dict[str, str]], bool]:
    """Whether all terms fit."""
    return lambda texts: all(term.fits(texts) for term in terms)


def _day(day: date) -> bytes:
    return f"{day.day}-{MONTHS[day.month - 1]}-{day.year:04}".encode()
