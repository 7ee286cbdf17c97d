"""Writes text as blocks: lines, paragraphs, quotes, lists, rows of tables; spaces as a browser counts them. Pure."""

import re

_SPACE = re.compile(r"[ \t\n\r\f]+")


class Lines:
    """Takes pieces of text in order and gives the text."""

    def __init__(self) -> None:
        self._done: list[str] = []
        self._line: list[str] = []
        self._starts_with = ""
        self._separator = ""
        self._needs_space = False
        self.quoted = 0
        """How many quotes the text stands in."""

    def add(self, text: str, *, is_preformatted: bool = False) -> None:
        """More text on the line."""
        if is_preformatted:
            first, *others = text.split("\n")
            self._put(first)
            for line in others:
                self.end_line()
                self._put(line)
            return
        told = _SPACE.sub(" ", text)
        if told == " " or not told:
            self._needs_space = self._needs_space or bool(told)
            return
        self._needs_space = self._needs_space or told[0] == " "
        self._put(told.strip(" "))
        self._needs_space = told[-1] == " "

    def _put(self, text: str) -> None:
        if not text:
            return
        if not self._line:
            self._line.append(self._starts_with)
            self._starts_with = ""
        elif self._separator:
            self._line.append(self._separator)
        elif self._needs_space:
            self._line.append(" ")
        self._separator, self._needs_space = "", False
        self._line.append(text)

    def end_line(self) -> None:
        """What follows stands on a line of its own."""
        if self._line:
            self._done.append("> " * self.quoted + "".join(self._line).rstrip())
            self._line = []
        self._separator, self._needs_space = "", False

    def end_paragraph(self) -> None:
        """What follows stands after an empty line."""
        self.end_line()
        empty = "> " * self.quoted
        if self._done and self._done[-1].strip("> "):
            self._done.append(empty)
        elif self._done and len(self._done[-1]) > len(empty):
            self._done[-1] = empty  # A quote has ended: what is between belongs to neither.

    def begin_item(self, marker: str) -> None:
        """A list's item, marked where its text begins."""
        self.end_line()
        self._starts_with = marker

    def begin_cell(self) -> None:
        """The next cell of a row, set off where there is text before it on the line."""
        self._separator = " | " if self._line else ""

    def text(self) -> str:
        """Everything, without empty lines around it."""
        self.end_line()
        lines = [line.rstrip() for line in self._done]
        return "\n".join(lines).strip("\n")
