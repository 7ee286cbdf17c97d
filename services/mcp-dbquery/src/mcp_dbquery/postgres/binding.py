""":name parameters of a statement as PostgreSQL's $1, $2 …, found by PostgreSQL's own scanner."""

from collections.abc import Callable
from dataclasses import dataclass, field

from pglast.parser import ParseError, scan

from mcp_dbquery.errors import StatementInvalid, StatementRefused

MAX_TOKENS = 20_000
"""The parser recurses: longer statements could outgrow its stack."""

_OPERANDS = frozenset({"SCONST", "ICONST", "FCONST", "BCONST", "XCONST", "USCONST", "IDENT", "UIDENT", "PARAM",
                       "ASCII_41", "ASCII_93"})  # fmt: skip
"""After one of these a colon is no parameter's: a slice [1:n], or JSON_OBJECT('a':b)."""
_COMMENTS = frozenset({"SQL_COMMENT", "C_COMMENT"})


@dataclass(frozen=True, slots=True)
class Bound:
    """A statement with its parameters by number."""

    sql: str
    names: tuple[str, ...] = ()
    """What $1, $2 … are called. Empty when the statement itself counts."""
    numbers: frozenset[int] = frozenset()
    """All $n that occur."""
    _shifts: tuple[tuple[int, int], ...] = field(default=())
    """Where :names ended in the new text, and how much longer the original was up to there."""

    def original(self, offset: int) -> int:
        """The place in the caller's statement, from 1, of an offset from 0 in this one."""
        added = 0
        for end, total in self._shifts:
            if offset < end:
                break
            added = total
        return offset + added + 1


def bind(sql: str) -> Bound:
    """Replace each :name by a number. Strings, comments, casts and slices of columns stay as they are.

    Raises:
        StatementInvalid: the text cannot even be scanned, for example an open quote.
        StatementRefused: it is too long to be parsed.
    """
    names: dict[str, int] = {}
    pieces: list[str] = []
    shifts: list[tuple[int, int]] = []
    numbers: set[int] = set()
    copied = length = 0
    for start, end, text in _parameters(sql):
        if text.startswith("$"):
            numbers.add(int(text[1:]) if len(text) < 7 else 0)
            continue
        number = f"${names.setdefault(text, len(names) + 1)}"
        numbers.add(names[text])
        pieces += (sql[copied:start], number)
        length += start - copied + len(number)
        copied = end
        shifts.append((length, copied - length))
    pieces.append(sql[copied:])
    return Bound("".join(pieces), tuple(names), frozenset(numbers), tuple(shifts))


def substitute(sql: str, written: Callable[[str], str]) -> str:
    """Write something else for each :name. Raises like `bind`."""
    pieces: list[str] = []
    copied = 0
    for start, end, text in _parameters(sql):
        pieces += (sql[copied:start], text if text.startswith("$") else written(text))
        copied = end
    return "".join((*pieces, sql[copied:]))


def _parameters(sql: str) -> list[tuple[int, int, str]]:
    """Start, end and name (or $n) of each parameter."""
    try:
        tokens = [token for token in scan(sql) if token.name not in _COMMENTS]
    except ParseError as error:
        raise syntax_error(error, Bound(sql)) from None
    if len(tokens) > MAX_TOKENS:
        raise StatementRefused(
            f"The statement has more than {MAX_TOKENS:,} words and signs.",
            hint="Bind long lists of values as parameters, or ask in parts.",
            rule="too_long",
        )
    found: list[tuple[int, int, str]] = []
    for before, token, after in zip([None, *tokens], tokens, [*tokens[1:], None], strict=False):
        if token.name == "PARAM":
            found.append((token.start, token.end + 1, sql[token.start : token.end + 1]))
        elif token.name == "ASCII_58" and after is not None and after.start == token.end + 1:
            name = sql[after.start : after.end + 1]
            if _is_name(name) and (before is None or before.name not in _OPERANDS):
                found.append((token.start, after.end + 1, name))
    return found


def _is_name(text: str) -> bool:
    return text.isascii() and text.replace("_", "a").isalnum() and not text[0].isdigit()


def syntax_error(error: ParseError, bound: Bound) -> StatementInvalid:
    """The parser's words, which quote the statement only, with the place in the caller's text."""
    message, offset = (
        str(part) if i == 0 else part for i, part in enumerate((*error.args, None)[:2])
    )
    said = str(message).partition(", at index")[0]
    details = (
        {"position": bound.original(offset)} if isinstance(offset, int) and offset >= 0 else {}
    )
    return StatementInvalid(
        f"PostgreSQL cannot read the statement: {said}.",
        hint="The dialect is PostgreSQL's; one statement, values in single quotes.",
        **details,
    )
