"""Makes text of a mail's HTML: what a person sees, and no more. Hidden text is removed and counted. Pure, bounded."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from selectolax.lexbor import LexborHTMLParser, LexborNode

from mcp_email.reading.lines import Lines
from shared.untrusted.characters import clean, clean_line
from shared.untrusted.elements import inner_text
from shared.untrusted.links import MAX_LINKS, Link, link_to
from shared.untrusted.nesting import MAX_OPEN, most_open
from shared.untrusted.sheets import Sheets, TooComplex
from shared.untrusted.visible import Look, Style, look_of

MAX_HTML = 1_000_000
"""Characters; what is beyond is not read."""
MAX_NODES = 60_000
MAX_HIDDEN = 20_000
"""Characters of hidden text that are kept to be looked at."""
MAX_ALTS = 20
TRACKING_PX = 3.0

_DROPPED = frozenset(
    """
    applet audio base button canvas datalist embed frame frameset head iframe input link map math
    meta noembed noframes object optgroup option param picture-source plaintext progress meter
    script select source style svg textarea title track video xmp
    """.split()  # noqa: SIM905 - read as lines of words
)
_NEVER_SHOWN = frozenset({"noscript", "template"})
_BLOCKS = frozenset(
    """
    address article aside body caption center dd details dialog div dt fieldset figcaption figure
    footer form header html legend li main nav section summary tbody tfoot thead tr
    """.split()  # noqa: SIM905 - read as lines of words
)
_PARAGRAPHS = frozenset(
    ["blockquote", "dl", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "ol", "p", "pre", "table", "ul"]
)


@dataclass(frozen=True, slots=True)
class HtmlText:
    """What a mail's HTML says to a person."""

    text: str
    links: tuple[Link, ...]
    alts: tuple[str, ...]
    """What images are said to show: the senders' words."""
    images: int
    remote_images: int
    tracking_images: int
    """Those too small to be seen."""
    hidden_removed: int
    """Characters of text that nobody would have seen."""
    hidden_text: str
    """The first 20,000 of them, to be looked at by us and shown to nobody."""
    is_cut: bool


def html_to_text(html: str) -> HtmlText:
    """What can be seen of it.

    Raises:
        TooComplex: elements are nested beyond reason, or there are too many of them or of their rules.
    """
    is_cut = len(html) > MAX_HTML
    html = html[:MAX_HTML]
    if most_open(html) > MAX_OPEN:
        raise TooComplex
    reader = _Reader(Sheets(LexborHTMLParser(html).root, MAX_NODES))
    return reader.read(is_cut=is_cut)


@dataclass(slots=True)
class _Frame:
    """An element that is open."""

    tag: str
    children: Iterator[LexborNode]
    look: Look
    is_preformatted: bool
    items: int | None = None
    """The number of the last item in a numbered list; None: a list with dots."""
    target: str | None = None
    """Where the link leads."""
    words: list[str] = field(default_factory=list[str])
    """Of the link."""


class _Reader:
    def __init__(self, sheets: Sheets) -> None:
        self._sheets = sheets
        self._lines = Lines()
        self._open: list[_Frame] = []
        self._links: dict[tuple[str, str], Link] = {}
        self._alts: list[str] = []
        self._hidden: list[str] = []
        self._hidden_count = 0
        self._images = self._remote = self._tracking = 0

    def read(self, *, is_cut: bool) -> HtmlText:
        root = self._sheets.root
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
        return HtmlText(
            text=clean(self._lines.text()),
            links=tuple(self._links.values()),
            alts=tuple(self._alts),
            images=self._images,
            remote_images=self._remote,
            tracking_images=self._tracking,
            hidden_removed=self._hidden_count,
            hidden_text=clean(" ".join(self._hidden))[:MAX_HIDDEN],
            is_cut=is_cut,
        )

    def _text(self, text: str) -> None:
        frame = self._open[-1]
        text = clean(text)
        if frame.look.is_seen:
            self._lines.add(text, is_preformatted=frame.is_preformatted)
            for outer in self._open:
                if outer.target is not None:
                    outer.words.append(text)
        else:
            self._hide(text)

    def _hide(self, text: str) -> None:
        count = len("".join(text.split()))
        if count and self._hidden_count < MAX_HIDDEN:
            self._hidden.append(text[:MAX_HIDDEN])
        self._hidden_count += count

    def _enter(self, node: LexborNode) -> None:
        tag = node.tag or ""
        if tag in _DROPPED:
            return
        if tag in _NEVER_SHOWN:
            self._hide(clean(inner_text(node)))
            return
        style = self._sheets.style_of(node)
        parent = self._open[-1] if self._open else None
        look = look_of(parent.look if parent else Look(), style)
        attributes = node.attributes
        if "hidden" in attributes or (attributes.get("aria-hidden") or "").lower() == "true":
            look = look_of(look, {"display": "none"})
        if tag == "dialog" and "open" not in attributes:
            look = look_of(look, {"display": "none"})
        if tag == "img":
            self._image(node, style, look)
            return
        frame = _Frame(
            tag=tag,
            children=node.iter(include_text=True),
            look=look,
            is_preformatted=tag == "pre"
            or style.get("white-space", "").startswith(("pre", "break-spaces"))
            or bool(parent and parent.is_preformatted and "white-space" not in style),
            items=0 if tag == "ol" else None,
            target=attributes.get("href") if tag == "a" else None,
        )
        self._open.append(frame)
        if not look.is_gone:
            self._begin(frame, style)

    def _begin(self, frame: _Frame, style: Style) -> None:
        tag, lines = frame.tag, self._lines
        if tag == "br":
            lines.end_line()
        elif tag in {"td", "th"}:
            lines.begin_cell()
        elif tag == "li":
            lines.begin_item(self._marker())
        elif tag in _PARAGRAPHS:
            # Tables inside of others only lay the page out; what stands in them is no paragraph for that.
            is_inner = tag == "table" or (tag in {"ol", "ul"} and self._is_inside({"li"}))
            lines.end_line() if is_inner else lines.end_paragraph()
        elif tag in _BLOCKS or style.get("display", "").startswith(("block", "flex", "grid")):
            lines.end_line()
        if tag == "blockquote":
            lines.quoted += 1

    def _leave(self, frame: _Frame) -> None:
        tag, lines = frame.tag, self._lines
        if frame.look.is_gone:
            return
        if tag == "blockquote":
            lines.end_line()
            lines.quoted -= 1
        if tag in _PARAGRAPHS:
            is_inner = tag in {"ol", "ul"} and self._is_inside({"li"})
            lines.end_line() if is_inner or tag == "table" else lines.end_paragraph()
        elif tag in _BLOCKS:
            lines.end_line()
        if frame.target is not None and len(self._links) < MAX_LINKS:
            link = link_to(frame.target, "".join(frame.words))
            if link is not None:
                self._links.setdefault((link.text, link.url), link)

    def _marker(self) -> str:
        lists = [frame for frame in self._open[:-1] if frame.tag in {"ol", "ul", "menu"}]
        indent = "  " * max(0, min(len(lists), 10) - 1)
        if lists and lists[-1].items is not None:
            lists[-1].items += 1
            return f"{indent}{lists[-1].items}. "
        return f"{indent}- "

    def _is_inside(self, tags: set[str]) -> bool:
        return any(frame.tag in tags for frame in self._open[:-1])

    def _image(self, node: LexborNode, style: Style, look: Look) -> None:
        attributes = node.attributes
        self._images += 1
        is_remote = (
            (attributes.get("src") or "").strip().lower().startswith(("http:", "https:", "//"))
        )
        self._remote += is_remote
        is_unseen = look.is_gone or look.is_invisible or _is_tiny(attributes, style)
        self._tracking += is_remote and is_unseen
        alt = clean_line(attributes.get("alt") or "", 100)
        if not alt or is_unseen:
            return
        if len(self._alts) < MAX_ALTS:
            self._alts.append(alt)
        for outer in self._open:
            if outer.target is not None:
                outer.words.append(alt)


def _is_tiny(attributes: dict[str, str | None], style: Style) -> bool:
    for name in ("width", "height"):
        told = style.get(name) or attributes.get(name) or ""
        digits = told.strip().removesuffix("px")
        if digits.isascii() and digits.isdigit() and len(digits) < 6 and int(digits) < TRACKING_PX:
            return True
    return False
