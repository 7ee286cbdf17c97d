"""Reads a statement by MySQL's own lexical rules, and refuses what its servers and other readers see differently.

Two texts come out of one reading, both of the same length as the original, so that positions fit: `runs` is what the
database is given (comments blanked), `judged` is what a parser is shown (the contents of strings blanked too).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from mcp_dbquery.errors import StatementInvalid, StatementRefused
from mcp_dbquery.statement_text import check_text

TokenKind = Literal["word", "quoted", "string", "number", "value", "sign"]

_WORD = re.compile(r"[A-Za-z_$][A-Za-z0-9_$]*")
_NUMBER = re.compile(r"0[xX][0-9A-Fa-f]+|0b[01]+|(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?")
_SIGN = re.compile(r"->>|->|<=>|<=|>=|<>|!=|<<|>>|&&|[-+*/%=<>!~^&|(),.]")
_SAFE_IN_STRING = re.compile(r"[^A-Za-z0-9 ]")
_STRING_PREFIXES = frozenset({"n", "x", "b"})


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of a statement that counts. `value` is a word as it is written, a quoted name without its quotes."""

    kind: TokenKind
    value: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Text:
    """A statement, read."""

    runs: str
    judged: str
    tokens: tuple[Token, ...]

    @property
    def names_bound(self) -> list[str]:
        """The :names in their order; `?` for values bound by position."""
        return [token.value for token in self.tokens if token.kind == "value"]


def read_text(sql: str, longest: int) -> Text:
    """Split a statement into its tokens.

    Raises:
        StatementRefused: too long, control characters, more than one statement, or something that a MySQL server
            and another reader may take differently: executable comments, variables, unusual quoting.
        StatementInvalid: there is nothing, or an end is missing.
    """
    check_text(sql, longest)
    reader = _Reader(sql)
    tokens = tuple(reader.read())
    return Text("".join(reader.runs), "".join(reader.judged), tokens)


def refused(rule: str, at: int, message: str, hint: str) -> StatementRefused:
    """A refusal that says where (`at` counts from 0)."""
    return StatementRefused(message, hint=hint, rule=rule, position=at + 1)


class _Reader:
    """Goes through a statement once."""

    def __init__(self, sql: str) -> None:
        self._sql = sql
        self._at = 0
        self.runs = list(sql)
        self.judged = list(sql)

    def read(self) -> Iterator[Token]:
        sql = self._sql
        previous: Token | None = None
        while self._at < len(sql):
            at = self._at
            if sql[at] in " \t\n\r":
                self._at += 1
                continue
            if self._skip_comment():
                continue
            if sql[at] == ";":
                self._end_of_statement()
                return
            token = self._token(previous)
            self._at = token.end
            previous = token
            yield token

    def _token(self, previous: Token | None) -> Token:
        sql, at = self._sql, self._at
        character = sql[at]
        if character in "'\"":
            self._refuse_string_after(previous, at)
            return self._string(at)
        if character == "`":
            return self._quoted(at)
        if character in ":?":
            return self._bound(at)
        if (word := _WORD.match(sql, at)) is not None:
            return self._word(word, previous)
        if (number := _NUMBER.match(sql, at)) is not None and not _follows_name(previous, at):
            return self._number(number, previous)
        if sql.startswith("||", at):
            raise refused(
                "ambiguous_operator", at, "|| joins texts in other databases and means OR here.",
                "Write CONCAT(a, b) or OR.",
            )  # fmt: skip
        if (sign := _SIGN.match(sql, at)) is not None:
            return Token("sign", sign.group(), at, sign.end())
        raise self._unexpected(at)

    def _word(self, word: re.Match[str], previous: Token | None) -> Token:
        end = word.end()
        if end < len(self._sql) and ord(self._sql[end]) >= 128:
            raise self._unexpected(end)
        if word.group().startswith("_") and _next_sign(self._sql, end) in {"'", '"'}:
            raise refused(
                "introducer", word.start(), "Character set introducers are not allowed.",
                "Write the text without it.",
            )  # fmt: skip
        if previous is not None and previous.kind == "number" and previous.end == word.start():
            raise self._digit_first(previous.start)
        return Token("word", word.group(), word.start(), end)

    def _number(self, number: re.Match[str], previous: Token | None) -> Token:
        end = number.end()
        if previous is not None and previous.value == "." and previous.end == number.start():
            raise self._digit_first(number.start())
        if end < len(self._sql) and (self._sql[end].isalnum() or self._sql[end] in "_$"):
            raise self._digit_first(number.start())
        return Token("number", number.group(), number.start(), end)

    def _digit_first(self, at: int) -> StatementRefused:
        return refused(
            "unusual_name", at, "A name or number cannot be told apart here.",
            "Put names that begin with a digit in backticks, and a space after numbers.",
        )  # fmt: skip

    def _string(self, start: int) -> Token:
        quote = self._sql[start]
        at = start + 1
        while at < len(self._sql):
            if self._sql[at] == "\\":
                at += 2
            elif self._sql[at] != quote:
                at += 1
            elif self._sql.startswith(quote, at + 1):
                at += 2
            else:
                inside = _SAFE_IN_STRING.sub("x", self._sql[start + 1 : at])
                self.judged[start : at + 1] = f"'{inside}'"
                return Token("string", self._sql[start + 1 : at], start, at + 1)
        raise _unended("string", start)

    def _refuse_string_after(self, previous: Token | None, at: int) -> None:
        """N'…', x'…' and b'…' are other kinds of literals; their letters must not be taken for a column's name."""
        if (
            previous is not None
            and previous.kind == "word"
            and previous.end == at
            and previous.value.lower() in _STRING_PREFIXES
        ):
            raise refused(
                "introducer", previous.start, "Prefixed literals are not allowed.",
                "Write a plain text or number; 0x4D for bytes.",
            )  # fmt: skip

    def _quoted(self, start: int) -> Token:
        end = self._sql.find("`", start + 1)
        if end < 0:
            raise _unended("quoted name", start)
        name = self._sql[start + 1 : end]
        if self._sql.startswith("`", end + 1) or not name or name != name.strip() or "\n" in name:
            raise refused(
                "unusual_name",
                start,
                "This quoted name is unusual.",
                "Use the names of list_tables.",
            )
        return Token("quoted", name, start, end + 1)

    def _bound(self, at: int) -> Token:
        if self._sql[at] == "?":
            return Token("value", "?", at, at + 1)
        word = _WORD.match(self._sql, at + 1)
        if word is None:
            raise refused(
                "variable", at, "Variables are not allowed.",
                "Use a CTE, a window function or a bound value :name.",
            )  # fmt: skip
        return Token("value", word.group(), at, word.end())

    def _skip_comment(self) -> bool:
        sql, at = self._sql, self._at
        if sql.startswith("/*", at):
            end = sql.find("*/", at + 2)
            if sql.startswith(("/*!", "/*M!", "/*m!"), at):
                raise refused(
                    "executable_comment",
                    at,
                    "Comments that are run are not allowed.",
                    "Leave it out.",
                )
            if sql.startswith("/*+", at):
                raise refused(
                    "optimizer_hint", at, "Optimizer hints are not allowed.", "Leave it out."
                )
            if end < 0:
                raise _unended("comment", at)
            self._blank(at, end + 2)
            return True
        if sql.startswith("--", at):
            if at + 2 < len(sql) and sql[at + 2] not in " \t\n\r":
                raise refused(
                    "ambiguous_comment", at, "-- begins a comment only before a space.",
                    "Put a space between the signs, or after them for a comment.",
                )  # fmt: skip
            self._blank_line(at)
            return True
        if sql[at] == "#":
            self._blank_line(at)
            return True
        return False

    def _blank_line(self, at: int) -> None:
        end = self._sql.find("\n", at)
        self._blank(at, len(self._sql) if end < 0 else end)

    def _blank(self, start: int, end: int) -> None:
        self.runs[start:end] = " " * (end - start)
        self.judged[start:end] = " " * (end - start)
        self._at = end

    def _end_of_statement(self) -> None:
        """Only comments and spaces may follow the semicolon."""
        semicolon = self._at
        self._blank(semicolon, semicolon + 1)
        while self._at < len(self._sql):
            if self._sql[self._at] in " \t\n\r;":
                self._blank(self._at, self._at + 1)
            elif not self._skip_comment():
                raise refused(
                    "one_statement", self._at, "Only one statement runs in one call.",
                    "Send them one by one.",
                )  # fmt: skip

    def _unexpected(self, at: int) -> StatementRefused:
        character = self._sql[at]
        if character == "@":
            return refused(
                "variable", at, "User and system variables are not allowed.",
                "Use a CTE, a window function or a bound value :name.",
            )  # fmt: skip
        if ord(character) >= 128:
            return refused(
                "unusual_character", at, "This character is allowed only in texts and quoted names.",
                "Put names with other letters in backticks.",
            )  # fmt: skip
        return refused(
            "unusual_character", at, f"{character} cannot be used here.", "Leave it out."
        )


def _follows_name(previous: Token | None, at: int) -> bool:
    """`t.1e5` is a column of t to MySQL, and a number to others. A name before it ends where it begins."""
    return previous is not None and previous.kind in {"word", "quoted"} and previous.end == at


def _next_sign(sql: str, at: int) -> str:
    rest = sql[at:].lstrip(" \t\n\r")
    return rest[:1]


def _unended(what: str, at: int) -> StatementInvalid:
    return StatementInvalid(
        f"The {what} that begins at character {at + 1} has no end.",
        hint="Close it.",
        position=at + 1,
    )
