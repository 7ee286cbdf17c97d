"""Blocks of Markdown (CommonMark and tables), with the words as they were written."""

import re
from collections.abc import Sequence

from mcp_search.knowledge.model import Parsed
from mcp_search.knowledge.parsing.charset import text_of
from mcp_search.knowledge.parsing.writing import Writer, hidden_warning
from shared.untrusted.characters import clean

_COMMENT = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)
_HIDDEN_DEFINITION = re.compile(
    r"^ {0,3}\[[^\]\n]{0,200}\]:[ \t]*(?:#|<>)[ \t]*[\"'(].*$", re.MULTILINE
)
"""A link that leads nowhere and is called something is a way of writing what is never shown."""
_HEADING = re.compile(r" {0,3}(#{1,6})(?:[ \t]+(.*?))??(?:[ \t]+#+)?[ \t]*$")
_UNDERLINE = re.compile(r" {0,3}(=+|-+)[ \t]*$")
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})[^`]*$")
_ITEM = re.compile(r" {0,3}(?:[-*+]|\d{1,9}[.)])(?:[ \t]+|$)")
_DASHES = re.compile(r" {0,3}\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)*\|?[ \t]*$")
_RULE = re.compile(r" {0,3}(?:(?:-[ \t]*){3,}|(?:\*[ \t]*){3,}|(?:_[ \t]*){3,})$")
_FRONT_TITLE = re.compile(r"^title:[ \t]*[\"']?(.+?)[\"']?[ \t]*$", re.MULTILINE | re.IGNORECASE)


def read_markdown(content: bytes, writer: Writer) -> Parsed:
    """Raises NoText."""
    source, remark = text_of(content)
    if remark:
        writer.warnings.append(remark)
    source = clean(source)
    text = _HIDDEN_DEFINITION.sub("", _COMMENT.sub("", source))
    _Reader(text.split("\n"), writer).read()
    if len(text) < len(source):
        writer.warnings.append(hidden_warning(len(source) - len(text)))
    return writer.parsed("text/markdown")


class _Reader:
    """Goes through the lines once."""

    def __init__(self, lines: Sequence[str], writer: Writer) -> None:
        self._lines = lines
        self._writer = writer
        self._place = 0

    def read(self) -> None:
        self._front_matter()
        while self._place < len(self._lines):
            self._block()

    def _front_matter(self) -> None:
        """Between lines of three dashes at the very beginning."""
        if self._lines[0] != "---" or "---" not in self._lines[1:200]:
            return
        end = self._lines.index("---", 1)
        said = "\n".join(self._lines[1:end])
        if title := _FRONT_TITLE.search(said):
            self._writer.title = title[1]
        self._writer.add("code", said)
        self._place = end + 1

    def _block(self) -> None:
        line = self._lines[self._place]
        if not line.strip() or _RULE.match(line):
            self._place += 1
        elif heading := _HEADING.match(line):
            self._heading(len(heading[1]), heading[2] or "")
            self._place += 1
        elif fence := _FENCE.match(line):
            self._code(fence[1])
        elif self._is_table():
            self._table()
        elif _ITEM.match(line):
            self._list()
        else:
            self._paragraph()

    def _heading(self, level: int, text: str) -> None:
        self._writer.heading(level, text)
        if level == 1 and not self._writer.title:
            self._writer.title = text

    def _code(self, fence: str) -> None:
        start = self._place
        end = re.compile(rf" {{0,3}}{re.escape(fence[0])}{{{len(fence)},}}[ \t]*$")
        self._place += 1
        while self._place < len(self._lines) and not end.match(self._lines[self._place]):
            self._place += 1
        self._writer.add("code", "\n".join(self._lines[start + 1 : self._place]))
        self._place += 1

    def _is_table(self) -> bool:
        if self._place + 1 >= len(self._lines):
            return False
        line, below = self._lines[self._place], self._lines[self._place + 1]
        return "|" in line and "|" in below and _DASHES.match(below) is not None

    def _table(self) -> None:
        start = self._place
        while self._place < len(self._lines) and "|" in self._lines[self._place]:
            self._place += 1
        self._writer.add("table", "\n".join(self._lines[start : self._place]))

    def _list(self) -> None:
        """With what is indented below an item, and lines that run on."""
        start = self._place
        while self._place < len(self._lines):
            line = self._lines[self._place]
            if not line.strip():
                after = self._next_line()
                if not (after.startswith((" ", "\t")) or _ITEM.match(after)) or _RULE.match(after):
                    break
            elif _HEADING.match(line) or (_FENCE.match(line) and not line.startswith(" ")):
                break
            self._place += 1
        self._writer.add("list", "\n".join(self._lines[start : self._place]))

    def _next_line(self) -> str:
        return self._lines[self._place + 1] if self._place + 1 < len(self._lines) else ""

    def _paragraph(self) -> None:
        start = self._place
        self._place += 1
        while self._place < len(self._lines):
            line = self._lines[self._place]
            underline = _UNDERLINE.match(line)
            if underline:
                level = 1 if underline[1][0] == "=" else 2
                self._heading(level, " ".join(self._lines[start : self._place]))
                self._place += 1
                return
            if not line.strip() or self._begins_another(line):
                break
            self._place += 1
        self._writer.add("text", "\n".join(self._lines[start : self._place]))

    def _begins_another(self, line: str) -> bool:
        return bool(
            _HEADING.match(line) or _FENCE.match(line) or _ITEM.match(line) or self._is_table()
        )
