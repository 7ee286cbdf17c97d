"""Cuts a document's text into chunks, which are embedded and found: on natural borders, of so many tokens. Pure."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from semantic_text_splitter import TextSplitter

from mcp_search.knowledge.model import Block, Chunk, Parsed

CountTokens = Callable[[str], int]
MAX_TOKENS = 500
OVERLAP_TOKENS = 50
_SENTENCE_CHARACTERS = (40, 240)
"""Short sentences are taken together, long ones cut between words."""
_PREFIX_SHARE = 3
"""Title and headings, or a table's header, take at most one part in three of a chunk."""
_NAME_CHARACTERS = 80
_IN_PATH = " > "
_CHARACTERS_OF_A_TOKEN = 12
"""At most, of a chunk on the whole. Tokenizers take a word that is too long as one unknown token."""
_SPARE = 1.03
_AT_ONCE = 10_000
"""Characters that are divided into sentences together: the splitter's time grows faster than a line's length."""


def chunks(
    parsed: Parsed,
    count_tokens: CountTokens,
    max_tokens: int = MAX_TOKENS,
    overlap: int = OVERLAP_TOKENS,
    *,
    title: str = "",
) -> list[Chunk]:
    """The document's chunks in order. Their spans hold all of its text but white space.

    No chunk's `embedded_text` has more tokens than `max_tokens` (which is at least 16; pass the smaller of 500 and the
    embedder's own limit). A chunk ends before a heading of the same or a higher level than the last one in it, after a
    table's row, after a sentence where that is possible, else after a word, else anywhere. What follows in the same
    section begins with the sentences that ended the chunk before, up to `overlap` tokens. `title` stands in for the
    document's where it has none, such as its file's name.
    """
    cutter = _Cutter(parsed.text, parsed.title or title, count_tokens, max(16, max_tokens), overlap)
    for section in _sections(parsed.blocks):
        cutter.cut(section)
    return cutter.done


def _sections(blocks: Sequence[Block]) -> Iterator[list[Block]]:
    """Runs of blocks each of which stands under all that the one before stands under (and is, if that is a heading).

    A heading of the highest level begins a run of its own also where only words without a heading came before.
    """
    section: list[Block] = []
    base: tuple[str, ...] = ()
    depth = 0
    for block in blocks:
        is_top = block.kind == "heading" and not block.headings
        if section and (
            is_top or len(block.headings) < depth or block.headings[: len(base)] != base
        ):
            yield section
            section = []
        section.append(block)
        base = block.headings
        depth = len(base) + (block.kind == "heading")
    if section:
        yield section


@dataclass(frozen=True, slots=True)
class _Piece:
    """A part of a block that is not cut any more: a sentence, a row, a heading."""

    start: int
    end: int
    block: Block
    header: str = ""
    """Of the table in which this is a later row."""


class _Cutter:
    """Fills chunks with pieces."""

    def __init__(self, text: str, title: str, count: CountTokens, most: int, overlap: int) -> None:
        self._text = text
        self._title = title[:_NAME_CHARACTERS].strip()
        self._count = count
        self._most = most
        self._overlap = min(overlap, most // 4)
        self._splitter = TextSplitter(_SENTENCE_CHARACTERS, trim=False)
        self._tokens_per_character = 0.25
        """As the chunk before had them: chunks are filled by it and counted once, mostly."""
        self._coming: Iterator[_Piece] = iter(())
        self._prefixes: dict[tuple[str, ...], str] = {}
        self.done: list[Chunk] = []

    def cut(self, section: Sequence[Block]) -> None:
        """Append the section's chunks.

        Of its pieces, which may be a million, only those of the chunk at hand are there at a time: so many objects
        would have the garbage collector hold up everything in this process.
        """
        self._coming = (piece for block in section for piece in self._pieces(block))
        pieces: list[_Piece] = []
        self._fetch(pieces, 0)
        fresh = 0
        while fresh < len(pieces):
            begun, end = self._next(pieces, 0, fresh)
            self._fetch(pieces, pieces[end - 1].end)
            first = self._before(pieces, max(begun, fresh), end)
            del pieces[:first]
            fresh = end - first

    def _fetch(self, pieces: list[_Piece], place: int) -> None:
        """Have the pieces up to that place of the text and the next one, as far as there are."""
        while not pieces or pieces[-1].end <= place:
            piece = next(self._coming, None)
            if piece is None:
                return
            pieces.append(piece)

    def _next(self, pieces: list[_Piece], first: int, fresh: int) -> tuple[int, int]:
        """Append the chunk that begins with `first`, or later where that is too much, and has `fresh` in it.

        Gives its first piece and the one behind its last.
        """
        end = self._fill(pieces, first, fresh)
        while True:
            chunk = self._chunk(pieces[first:end])
            tokens = self._tokens(chunk.embedded_text)
            self._tokens_per_character = _SPARE * tokens / len(chunk.embedded_text)
            if tokens <= self._most:
                self.done.append(chunk)
                return first, end
            filled = self._fill(pieces, first, fresh)
            if end - fresh > 1:
                end = min(filled, end - 1)
            elif first < fresh:
                first = fresh
            elif pieces[first].header:
                pieces[first] = replace(pieces[first], header="")
            else:
                pieces[first : first + 1] = self._halves(pieces[first])

    def _fill(self, pieces: list[_Piece], first: int, fresh: int) -> int:
        """Where the chunk that begins with `first` ends by estimate; with one new piece at least."""
        prefix = self._prefix(self._path_from(pieces, first))
        left = self._most / self._tokens_per_character - len(prefix) - len(pieces[first].header)
        last = pieces[first].start + left
        self._fetch(pieces, math.floor(last))
        end = fresh + 1
        while end < len(pieces) and pieces[end].end <= last:
            end += 1
        while end - 1 > fresh and pieces[end - 1].block.kind == "heading" and end < len(pieces):
            end -= 1  # A heading goes with what it is about.
        return end

    def _before(self, pieces: Sequence[_Piece], first: int, end: int) -> int:
        """From which piece on the chunk before is said again, if there is a chunk to come."""
        place = end
        earliest = pieces[end - 1].end - self._overlap / self._tokens_per_character
        while end < len(pieces) and place - 1 > first:
            piece = pieces[place - 1]
            if piece.block.kind in {"heading", "table"} or piece.start < earliest:
                break
            place -= 1
        return place

    def _tokens(self, text: str) -> int:
        """As the embedder counts, and more where its tokens are longer than any words are."""
        return max(self._count(text), len(text) // _CHARACTERS_OF_A_TOKEN)

    def _chunk(self, pieces: Sequence[_Piece]) -> Chunk:
        start, end = pieces[0].start, pieces[-1].end
        path = self._path(pieces)
        prefix = self._prefix(path)
        body = next((piece for piece in pieces if piece.block.kind != "heading"), None)
        parts = [prefix, pieces[0].header, self._text[body.start : end] if body else ""]
        if body is None and not prefix:
            parts = [self._text[start:end]]
        return Chunk(
            ordinal=len(self.done),
            start=start,
            end=end,
            page=pieces[0].block.page,
            headings=path,
            embedded_text="\n".join(part for part in parts if part),
        )

    def _path_from(self, pieces: list[_Piece], first: int) -> tuple[str, ...]:
        """As `_path`, of all from there on that are in the section."""
        place = first
        while place < len(pieces):
            if pieces[place].block.kind != "heading":
                return pieces[place].block.headings
            self._fetch(pieces, pieces[place].end)
            place += 1
        return self._path(pieces[first:])

    def _path(self, pieces: Sequence[_Piece]) -> tuple[str, ...]:
        """Of the first words that are no heading; where all are, of the last heading and itself."""
        for piece in pieces:
            if piece.block.kind != "heading":
                return piece.block.headings
        last = pieces[-1]
        return (*last.block.headings, self._text[last.block.start : last.block.end][:300])

    def _prefix(self, path: tuple[str, ...]) -> str:
        """Title and headings, the outermost left out where they are too many."""
        known = self._prefixes.get(path)
        if known is None:
            names = [name[:_NAME_CHARACTERS].strip() for name in path]
            if self._title and names[:1] != [self._title]:
                names.insert(0, self._title)
            while names and self._tokens(_IN_PATH.join(names)) > self._most // _PREFIX_SHARE:
                del names[0]
            known = self._prefixes[path] = _IN_PATH.join(names)
        return known

    def _pieces(self, block: Block) -> Iterator[_Piece]:
        if block.kind == "table":
            yield from self._rows(block)
            return
        for begin in range(block.start, block.end, _AT_ONCE):
            text = self._text[begin : min(begin + _AT_ONCE, block.end)]
            for offset, part in self._splitter.chunk_indices(text):
                yield from self._piece(begin + offset, begin + offset + len(part), block)

    def _rows(self, table: Block) -> Iterator[_Piece]:
        """The header's lines are one piece; later rows know them."""
        lines = list(_lines(self._text, table.start, table.end))
        has_dashes = len(lines) > 1 and not self._text[slice(*lines[1])].strip("|:- \n")
        heads = 2 if has_dashes else 1
        header = self._text[lines[0][0] : lines[heads - 1][1]].rstrip("\n")
        if self._tokens(header) > self._most // _PREFIX_SHARE:
            header = ""
        if len(lines) > heads:
            lines[:heads] = [(lines[0][0], lines[heads - 1][1])]
        for place, (start, end) in enumerate(lines):
            yield from self._piece(start, end, table, header if place else "")

    def _piece(self, start: int, end: int, block: Block, header: str = "") -> Iterator[_Piece]:
        """Without white space around it; white space is no piece."""
        text = self._text[start:end]
        left, right = len(text) - len(text.lstrip()), len(text.rstrip())
        if left < right:
            yield _Piece(start + left, start + right, block, header)

    def _halves(self, piece: _Piece) -> Iterator[_Piece]:
        """Cut between words near the middle, or in the middle."""
        if piece.end - piece.start < 2:
            raise ValueError("One character has more tokens than a chunk may have.")
        middle = (piece.start + piece.end) // 2
        space = self._text.rfind(" ", piece.start + (piece.end - piece.start) // 4, middle)
        middle = space + 1 if space > 0 else middle
        yield from self._piece(piece.start, middle, piece.block, piece.header)
        yield from self._piece(middle, piece.end, piece.block, piece.header)


def _lines(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    while start < end:
        border = text.find("\n", start, end) + 1 or end
        yield start, border
        start = border
