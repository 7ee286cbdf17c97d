"""Blocks of a Word document (ECMA-376 part 1, WordprocessingML), read from its XML so that hidden runs are known."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from xml.etree.ElementTree import Element

from mcp_search.knowledge.model import Parsed
from mcp_search.knowledge.parsing.archive import Archive
from mcp_search.knowledge.parsing.trouble import damaged, unreadable
from mcp_search.knowledge.parsing.writing import Writer, hidden_warning

MAX_DEPTH = 60
"""Of tables in tables, boxes in boxes."""
TINY_HALF_POINTS = 4
_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_STRICT = "{http://purl.oclc.org/ooxml/wordprocessingml/main}"
_MC_FALLBACK = "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"
_TITLE = "{http://purl.org/dc/elements/1.1/}title"
_HEADING_NAME = re.compile(r"heading (\d)$", re.IGNORECASE)
_DELETED = {
    f"{_W}del",
    f"{_W}moveFrom",
    f"{_W}rPr",
    f"{_W}pPr",
    f"{_W}instrText",
    f"{_W}delText",
    _MC_FALLBACK,
}
_OFF = {"0", "false", "off", "none"}


def read_docx(content: bytes, writer: Writer) -> Parsed:
    """Raises NoText."""
    archive = Archive(content, "Word document")
    document = archive.xml("word/document.xml")
    if document is None:
        raise damaged("Word document")
    _as_transitional(document)
    body = document.find(f"{_W}body")
    if body is None:
        raise damaged("Word document")
    reader = _Reader(_styles(archive), writer)
    reader.body(body, 0)
    for part in ("word/footnotes.xml", "word/endnotes.xml"):
        reader.notes(archive.xml(part))
    core = archive.xml("docProps/core.xml")
    said = core.findtext(_TITLE) if core is not None else None
    writer.title = said or writer.title
    if reader.hidden:
        writer.warnings.append(hidden_warning(reader.hidden))
    if reader.deleted:
        writer.warnings.append(
            f"Text that was deleted with changes tracked was left out ({reader.deleted:,} characters)."
        )
    return writer.parsed("application/vnd.openxmlformats-officedocument.wordprocessingml.document")


def _as_transitional(root: Element) -> None:
    """The strict form has other names for the same things."""
    if not root.tag.startswith(_STRICT):
        return
    for element in root.iter():
        element.tag = element.tag.replace(_STRICT, _W)
        for name in [name for name in element.attrib if name.startswith(_STRICT)]:
            element.attrib[name.replace(_STRICT, _W)] = element.attrib.pop(name)


@dataclass(frozen=True, slots=True)
class _Style:
    """What a paragraph's or a run's style says of its text."""

    level: int | None = None
    """Of a heading, from 1; 0 is the document's title."""
    is_hidden: bool = False
    is_list: bool = False


def _styles(archive: Archive) -> dict[str, _Style]:
    root = archive.xml("word/styles.xml")
    if root is None:
        return {}
    _as_transitional(root)
    elements = {_value(style, "styleId"): style for style in root.iter(f"{_W}style")}
    return {name: _style(name, elements) for name in elements if name}


def _style(name: str, elements: dict[str, Element]) -> _Style:
    """With what it takes from the styles it is based on, at most 20."""
    level: int | None = None
    hidden: bool | None = None
    is_list = False
    for _ in range(20):
        element = elements.get(name)
        if element is None:
            break
        if level is None:
            level = _level(element)
        if hidden is None:
            hidden = _says_hidden(element.find(f"{_W}rPr"))
        is_list = is_list or element.find(f"{_W}pPr/{_W}numPr") is not None
        based = element.find(f"{_W}basedOn")
        name = _value(based, "val") if based is not None else ""
    return _Style(level, bool(hidden), is_list)


def _level(element: Element) -> int | None:
    name = element.find(f"{_W}name")
    told = _value(name, "val").lower() if name is not None else ""
    if told == "title":
        return 0
    if found := _HEADING_NAME.match(told):
        return int(found[1])
    return _outline_level(element.find(f"{_W}pPr"))


def _outline_level(properties: Element | None) -> int | None:
    outline = properties.find(f"{_W}outlineLvl") if properties is not None else None
    told = _value(outline, "val") if outline is not None else ""
    return int(told) + 1 if told.isascii() and told.isdigit() and int(told) < 9 else None


def _value(element: Element, name: str) -> str:
    return element.get(f"{_W}{name}") or ""


def _is_on(element: Element | None) -> bool | None:
    return None if element is None else _value(element, "val").lower() not in _OFF


def _says_hidden(properties: Element | None) -> bool | None:
    """None: the properties say nothing of it."""
    if properties is None:
        return None
    if (vanish := _is_on(properties.find(f"{_W}vanish"))) is not None:
        return vanish
    size = properties.find(f"{_W}sz")
    told = _value(size, "val") if size is not None else ""
    if told.isascii() and told.isdigit() and int(told) <= TINY_HALF_POINTS:
        return True
    colour = properties.find(f"{_W}color")
    if (
        colour is None
        or properties.find(f"{_W}shd") is not None
        or properties.find(f"{_W}highlight") is not None
    ):
        return None
    return True if _is_white(_value(colour, "val")) else None


def _is_white(digits: str) -> bool:
    try:
        octets = bytes.fromhex(digits)
    except ValueError:
        return False
    return len(octets) == 3 and min(octets) >= 0xF7


class _Reader:
    def __init__(self, styles: dict[str, _Style], writer: Writer) -> None:
        self._styles = styles
        self._writer = writer
        self._items: list[str] = []
        self._shaded = 0
        """How many backgrounds the text stands on, where white letters are seen."""
        self.hidden = 0
        self.deleted = 0

    def body(self, parent: Element, depth: int) -> None:
        """What stands in a body, a box or a note."""
        if depth > MAX_DEPTH:
            raise unreadable("too_complex", "The Word document is nested too deep.")
        for child in parent:
            if child.tag == f"{_W}p":
                self._paragraph(child, depth)
            elif child.tag == f"{_W}tbl":
                self._end_list()
                self._table(child, depth)
            elif child.tag in {
                f"{_W}sdt",
                f"{_W}sdtContent",
                f"{_W}ins",
                f"{_W}moveTo",
                f"{_W}customXml",
            }:
                self.body(child, depth + 1)
        if depth == 0:
            self._end_list()

    def notes(self, root: Element | None) -> None:
        """Footnotes and endnotes, each a block of its own, under no heading."""
        if root is None:
            return
        _as_transitional(root)
        self._writer.set_path(())
        for note in root:
            if note.get(f"{_W}type") is None:  # separators have one
                self._writer.add("text", " ".join(self._inner(note, 0)))

    def _paragraph(self, paragraph: Element, depth: int) -> None:
        properties = paragraph.find(f"{_W}pPr")
        style = self._style_of(properties, "pStyle")
        is_shaded = properties is not None and properties.find(f"{_W}shd") is not None
        self._shaded += is_shaded
        boxes: list[Element] = []
        text = "".join(self._runs(paragraph, style.is_hidden, boxes, depth))
        self._shaded -= is_shaded
        level = _outline_level(properties)
        level = style.level if level is None else level
        is_item = style.is_list or (
            properties is not None and properties.find(f"{_W}numPr") is not None
        )
        if level is None and is_item and text.strip():
            self._items.append(f"- {text.strip()}")
        elif text.strip():
            self._end_list()
            if level is None:
                self._writer.add("text", text)
            else:
                self._head(level, text)
        for box in boxes:
            self.body(box, depth + 1)

    def _head(self, level: int, text: str) -> None:
        if level == 0 and not self._writer.title:
            self._writer.title = text
        self._writer.heading(level, text)

    def _end_list(self) -> None:
        if self._items:
            self._writer.add("list", "\n".join(self._items))
            self._items = []

    def _style_of(self, properties: Element | None, kind: str) -> _Style:
        named = properties.find(f"{_W}{kind}") if properties is not None else None
        return self._styles.get(_value(named, "val"), _Style()) if named is not None else _Style()

    def _runs(
        self, parent: Element, is_hidden: bool, boxes: list[Element], depth: int
    ) -> Iterator[str]:
        """The seen text of runs, links, fields and insertions, in order. Boxes of text are put aside."""
        if depth > MAX_DEPTH:
            raise unreadable("too_complex", "The Word document is nested too deep.")
        for child in parent:
            tag = child.tag
            if tag == f"{_W}r":
                yield self._run(child, is_hidden, boxes, depth)
            elif tag == f"{_W}del" or tag == f"{_W}moveFrom":
                self.deleted += sum(len(one.text or "") for one in child.iter(f"{_W}delText"))
            elif tag not in _DELETED:
                yield from self._runs(child, is_hidden, boxes, depth + 1)

    def _run(self, run: Element, is_hidden: bool, boxes: list[Element], depth: int) -> str:
        properties = run.find(f"{_W}rPr")
        style = self._style_of(properties, "rStyle")
        said = _says_hidden(properties)
        if (
            said
            and self._shaded
            and _is_on(properties.find(f"{_W}vanish") if properties is not None else None) is None
        ):
            said = None
        hidden = is_hidden or style.is_hidden if said is None else said
        text = "".join(self._characters(run, boxes, depth))
        if not hidden:
            return text
        self.hidden += len("".join(text.split()))
        return ""

    def _characters(self, parent: Element, boxes: list[Element], depth: int) -> Iterator[str]:
        if depth > MAX_DEPTH:
            raise unreadable("too_complex", "The Word document is nested too deep.")
        for child in parent:
            tag = child.tag
            if tag == f"{_W}t":
                yield child.text or ""
            elif tag == f"{_W}tab" or tag == f"{_W}ptab":
                yield "\t"
            elif tag == f"{_W}br" or tag == f"{_W}cr":
                yield "\n"
            elif tag == f"{_W}noBreakHyphen":
                yield "-"
            elif tag == f"{_W}txbxContent":
                boxes.append(child)
            elif tag not in _DELETED:
                yield from self._characters(child, boxes, depth + 1)

    def _table(self, table: Element, depth: int) -> None:
        is_shaded = (
            table.find(f".//{_W}tcPr/{_W}shd") is not None
            or table.find(f"{_W}tblPr/{_W}tblStyle") is not None
        )
        self._shaded += is_shaded
        rows = [
            [" ".join(self._inner(cell, depth + 1)) for cell in _below(row, f"{_W}tc", depth)]
            for row in _below(table, f"{_W}tr", depth)
        ]
        self._shaded -= is_shaded
        if max(map(len, rows), default=0) > 1:
            self._writer.add_table(rows)
            return
        for row in rows:
            for cell in row:
                self._writer.add("text", cell)

    def _inner(self, parent: Element, depth: int) -> Iterator[str]:
        """The text of a cell or a note, a piece a paragraph."""
        if depth > MAX_DEPTH:
            raise unreadable("too_complex", "The Word document is nested too deep.")
        for child in parent:
            if child.tag == f"{_W}p":
                style = self._style_of(child.find(f"{_W}pPr"), "pStyle")
                boxes: list[Element] = []
                yield "".join(self._runs(child, style.is_hidden, boxes, depth))
                for box in boxes:
                    yield from self._inner(box, depth + 1)
            elif child.tag not in _DELETED:
                yield from self._inner(child, depth + 1)


def _below(parent: Element, tag: str, depth: int) -> Iterator[Element]:
    """Rows of a table or cells of a row, which may stand in wrappers, but never those of a table inside."""
    if depth > MAX_DEPTH:
        raise unreadable("too_complex", "The Word document is nested too deep.")
    for child in parent:
        if child.tag == tag:
            yield child
        elif child.tag in {f"{_W}sdt", f"{_W}sdtContent", f"{_W}ins", f"{_W}customXml"}:
            yield from _below(child, tag, depth + 1)
