"""Blocks of an HTML page: what a person would see of it. Hidden text is removed and counted."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from selectolax.lexbor import LexborHTMLParser, LexborNode

from mcp_search.knowledge.model import BlockKind, Parsed
from mcp_search.knowledge.parsing.charset import text_of
from mcp_search.knowledge.parsing.trouble import unreadable
from mcp_search.knowledge.parsing.writing import Writer, hidden_warning
from shared.untrusted.nesting import MAX_OPEN, most_open
from shared.untrusted.sheets import Sheets, TooComplex
from shared.untrusted.visible import Look, look_of

MAX_NODES = 1_000_000
_DROPPED = frozenset(
    """
    applet audio base button canvas datalist embed frame frameset head iframe img input link map math meta nav noembed
    noframes object optgroup option param picture plaintext progress meter script select source style svg textarea title
    track video xmp
    """.split()  # noqa: SIM905 - read as lines of words
)
_NEVER_SHOWN = frozenset({"noscript", "template"})
_HEADINGS = {f"h{level}": level for level in range(1, 7)}
_BLOCKS = frozenset(
    """
    address article aside blockquote body caption center dd details dialog div dl dt fieldset figcaption figure footer
    form header hr html legend main p section summary table tbody tfoot thead tr ul ol menu li pre
    """.split()  # noqa: SIM905 - read as lines of words
)
_LISTS = frozenset({"ul", "ol", "menu"})
_SPACE = re.compile(r"[ \t\n\r\f]+")
_EMPTY_ITEM = re.compile(r"\s*(?:-|\d+\.)?\s*$")
"""A list's item whose words are not shown, or an empty line."""
_LAYOUT = "table, h1, h2, h3, h4, h5, h6, ul, ol, pre, p + p"
_MAX_CELLS = 1_000
"""Of one row."""


def read_html(content: bytes, writer: Writer) -> Parsed:
    """Raises NoText."""
    source, remark = text_of(content, is_html=True)
    if remark:
        writer.warnings.append(remark)
    if most_open(source) > MAX_OPEN:
        raise _too_complex()
    page = LexborHTMLParser(source)
    try:
        reader = _Reader(Sheets(page.root, MAX_NODES), writer)
    except TooComplex:
        raise _too_complex() from None
    title = page.css_first("head > title")
    writer.title = title.text() if title is not None else ""
    reader.read(page.root)
    if reader.hidden:
        writer.warnings.append(hidden_warning(reader.hidden))
    return writer.parsed("text/html")


def _too_complex() -> Exception:
    return unreadable(
        "too_complex", "The page is nested too deep, or has too many elements or rules."
    )


def _lays_out(table: LexborNode) -> bool:
    """Whether a table holds what is no data, so that it only arranges the page."""
    return any(found.mem_id != table.mem_id for found in table.css(_LAYOUT))


@dataclass(slots=True)
class _Open:
    """An element that is open."""

    tag: str
    children: Iterator[LexborNode]
    look: Look
    items: int | None = None
    """The number of the last item of a numbered list."""


@dataclass(slots=True)
class _Table:
    """A table that is being read."""

    depth: int
    """How many elements are open around it."""
    rows: list[list[list[str]]] = field(default_factory=list[list[list[str]]])


class _Reader:
    """Walks the tree without recursion, so that depth costs nothing but memory."""

    def __init__(self, sheets: Sheets, writer: Writer) -> None:
        self._sheets = sheets
        self._writer = writer
        self._open: list[_Open] = []
        self._words: list[str] = []
        self._table: _Table | None = None
        self._lists = 0
        self._preformatted = 0
        self.hidden = 0
        """Characters nobody would have seen."""

    def read(self, root: LexborNode | None) -> None:
        if root is not None:
            self._enter(root)
        while self._open:
            node = next(self._open[-1].children, None)
            if node is None:
                self._leave(self._open.pop())
            elif node.tag == "-text":
                self._text(node.text_content or "")
            elif node.is_element_node:
                self._enter(node)
        self._flush("text")

    def _text(self, text: str) -> None:
        if not self._open[-1].look.is_seen:
            self.hidden += len("".join(text.split()))
        elif self._preformatted:
            self._put(text)
        else:
            self._put(_SPACE.sub(" ", text))

    def _put(self, text: str) -> None:
        if self._table is None:
            self._words.append(text)
        elif self._table.rows and self._table.rows[-1]:
            self._table.rows[-1][-1].append(text)

    def _enter(self, node: LexborNode) -> None:
        tag = node.tag or ""
        if tag in _NEVER_SHOWN:
            self.hidden += len("".join(node.text().split()))
        if tag in _DROPPED or tag in _NEVER_SHOWN:
            return
        look = self._look(node, tag)
        self._open.append(
            _Open(tag, node.iter(include_text=True), look, 0 if tag == "ol" else None)
        )
        if look.is_gone:
            return
        if tag == "br":
            self._put("\n" if self._table is None else " ")
        elif self._table is not None:
            self._enter_in_table(tag)
        elif tag == "table" and not self._lists and not _lays_out(node):
            self._flush("text")
            self._table = _Table(len(self._open))
        else:
            self._begin(tag)

    def _look(self, node: LexborNode, tag: str) -> Look:
        look = look_of(self._open[-1].look if self._open else Look(), self._sheets.style_of(node))
        attributes = node.attributes
        is_hidden = (
            "hidden" in attributes or (attributes.get("aria-hidden") or "").lower() == "true"
        )
        if is_hidden or (tag == "dialog" and "open" not in attributes):
            look = look_of(look, {"display": "none"})
        return look

    def _enter_in_table(self, tag: str) -> None:
        assert self._table is not None  # noqa: S101 - the caller has looked
        rows = self._table.rows
        if tag == "tr":
            rows.append([])
        elif tag in {"td", "th"}:
            if not rows:
                rows.append([])
            if len(rows[-1]) < _MAX_CELLS:
                rows[-1].append([])
        elif tag in _BLOCKS:
            self._put(" ")

    def _begin(self, tag: str) -> None:
        if tag in _LISTS:
            if not self._lists:
                self._flush("text")
            self._lists += 1
        elif tag == "li" and self._lists:
            self._words.append(f"\n{self._marker()}")
        elif tag == "pre" and not self._lists:
            self._flush("text")
            self._preformatted += 1
        elif tag in {"td", "th"}:
            self._flush("text")
        elif tag in _HEADINGS or tag in _BLOCKS:
            self._border()

    def _border(self) -> None:
        """A block begins or ends here; inside of lists, a line."""
        if self._lists:
            if self._words and not self._words[-1].endswith((" ", "\n")):
                self._words.append("\n")
        else:
            self._flush("text")

    def _marker(self) -> str:
        lists = [one for one in self._open if one.tag in _LISTS]
        indent = "  " * max(0, min(len(lists), 10) - 1)
        if lists and lists[-1].items is not None:
            lists[-1].items += 1
            return f"{indent}{lists[-1].items}. "
        return f"{indent}- "

    def _leave(self, frame: _Open) -> None:
        tag = frame.tag
        if frame.look.is_gone:
            return
        if self._table is not None:
            if len(self._open) < self._table.depth:
                self._end_table(self._table)
            elif tag in _BLOCKS:
                self._put(" ")
        elif tag in _LISTS and self._lists:
            self._lists -= 1
            if not self._lists:
                self._flush("list")
        elif tag in _HEADINGS and not self._lists:
            self._heading(_HEADINGS[tag])
        elif tag == "pre" and self._preformatted:
            self._flush("code")
            self._preformatted -= 1
        elif tag in _BLOCKS or tag in _HEADINGS or tag in {"td", "th"}:
            self._border()

    def _end_table(self, table: _Table) -> None:
        self._table = None
        rows = [["".join(cell) for cell in row] for row in table.rows]
        if max(map(len, rows), default=0) > 1:
            self._writer.add_table(rows)
            return
        for row in rows:  # One column only lays the page out.
            for cell in row:
                self._writer.add("text", cell.strip())

    def _heading(self, level: int) -> None:
        text = "".join(self._words).strip().removesuffix("¶")
        self._words = []
        self._writer.heading(level, text)

    def _flush(self, kind: BlockKind) -> None:
        text = "".join(self._words)
        self._words = []
        if kind == "code":
            self._writer.add(kind, text)
            return
        lines = text.split("\n")
        keep_indent = kind == "list"
        tidy = [line.rstrip() if keep_indent else line.strip() for line in lines]
        self._writer.add(kind, "\n".join(line for line in tidy if not _EMPTY_ITEM.match(line)))
