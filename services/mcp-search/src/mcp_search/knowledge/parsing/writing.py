"""Writes a document's text block by block, so that each block's place in it is known and exact."""

import re
from collections.abc import Iterable, Sequence

from mcp_search.knowledge.model import Block, BlockKind, Page, Parsed
from mcp_search.knowledge.parsing.trouble import empty, too_much
from shared.untrusted.characters import clean, clean_line

HEADING_CHARACTERS = 300
MAX_BLOCKS = 500_000
TITLE_CHARACTERS = 300
_BETWEEN = "\n\n"
_MANY_EMPTY_LINES = re.compile(r"\n(?:[ \t]*\n){2,}")


class Writer:
    """Takes blocks in order and gives the document. Blocks are cleaned here; empty ones are left out."""

    def __init__(self, max_characters: int) -> None:
        self._max = max_characters
        self._pieces: list[str] = []
        self._length = 0
        self._blocks: list[Block] = []
        self._path: list[tuple[int, str]] = []
        self._pages: list[Page] = []
        self.page: int | None = None
        self.title = ""
        self.warnings: list[str] = []

    def heading(self, level: int, text: str) -> None:
        """What follows stands under it, until one of the same or a higher level (smaller number)."""
        self.heading_exact(level, " ".join(clean(text).split()))

    def heading_exact(self, level: int, text: str) -> None:
        """One that is clean already and must stay as it is."""
        words = clean_line(text, HEADING_CHARACTERS)
        if words:
            self._path = [one for one in self._path if one[0] < level]
            self._add("heading", text)
            self._path.append((level, words))

    def set_path(self, path: Iterable[str]) -> None:
        """Headings that are known from elsewhere than from the text."""
        self._path = [
            (level, words)
            for level, text in enumerate(path)
            if (words := clean_line(text, HEADING_CHARACTERS))
        ]

    def add(self, kind: BlockKind, text: str) -> None:
        """A block under the headings that came before."""
        tidy = "\n".join(line.rstrip() for line in clean(text).split("\n"))
        if kind != "code":
            tidy = _MANY_EMPTY_LINES.sub("\n\n", tidy)
        self._add(kind, tidy.strip("\n") if kind == "code" else tidy.strip())

    def add_exact(self, kind: BlockKind, text: str) -> None:
        """A block that is clean already and must stay as it is."""
        self._add(kind, text)

    def add_table(self, rows: Sequence[Sequence[str]]) -> None:
        """One line a row, as in Markdown; the first row is the header."""
        lines = list(table_lines(rows))
        if lines:
            self._add("table", "\n".join(lines))

    def end_page(self, number: int, start: int) -> None:
        """All that was written since `start` (a `length` noted before) stood on that page of the file."""
        is_written = self._length > start
        begin = min(start + len(_BETWEEN), self._length) if start and is_written else start
        self._pages.append(Page(number, begin, self._length))

    @property
    def length(self) -> int:
        return self._length

    def parsed(self, media_type: str) -> Parsed:
        """Raises NoText: nothing was written."""
        if not self._blocks:
            raise empty()
        return Parsed(
            text="".join(self._pieces),
            blocks=tuple(self._blocks),
            pages=tuple(self._pages),
            title=clean_line(self.title, TITLE_CHARACTERS),
            warnings=tuple(self.warnings),
            media_type=media_type,
        )

    def _add(self, kind: BlockKind, text: str) -> None:
        if not text or text.isspace():
            return
        if self._pieces:
            self._pieces.append(_BETWEEN)
            self._length += len(_BETWEEN)
        start = self._length
        self._pieces.append(text)
        self._length += len(text)
        if self._length > self._max:
            raise too_much(
                "characters",
                self._max,
                f"The file holds more than {self._max:,} characters of text.",
            )
        if len(self._blocks) >= MAX_BLOCKS:
            raise too_much(
                "parts", MAX_BLOCKS, f"The file has more than {MAX_BLOCKS:,} paragraphs."
            )
        path = tuple(words for _, words in self._path)
        self._blocks.append(Block(kind, start, self._length, self.page, path))


def table_lines(rows: Iterable[Sequence[str]]) -> Iterable[str]:
    """Rows as lines, a line of dashes after the first. Rows without any text are left out."""
    is_first = True
    for row in rows:
        cells = [" ".join(clean(cell).split()).replace("|", "\\|") for cell in row]
        if not any(cells):
            continue
        yield f"| {' | '.join(cells)} |"
        if is_first:
            yield f"|{' --- |' * len(cells)}"
            is_first = False


def hidden_warning(count: int) -> str:
    """What is said of text that nobody would have seen."""
    return f"Hidden text was left out ({count:,} characters)."
