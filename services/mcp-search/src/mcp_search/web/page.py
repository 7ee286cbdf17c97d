"""Makes Markdown of a page: what a person would see of it, without what surrounds it. Pure, bounded."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Literal
from urllib.parse import urljoin

import trafilatura
from html_to_markdown import ConversionOptions, convert
from lxml.html import HtmlElement
from selectolax.lexbor import LexborHTMLParser, LexborNode

from shared.untrusted.characters import clean, clean_line
from shared.untrusted.elements import inner_text
from shared.untrusted.links import MAX_LINKS, Link, link_to
from shared.untrusted.nesting import MAX_OPEN, most_open
from shared.untrusted.sheets import Sheets, TooComplex
from shared.untrusted.visible import Look, look_of

MAX_HTML = 5_000_000
"""Characters; what is beyond is not read, and `incomplete` says so."""
MAX_NODES = 500_000
MAX_JUDGED = 12_000
"""Elements. The time of trafilatura grows with their square (measured: 10,000 in 3 s, 150,000 in 77 s); of pages with
more, everything that is seen is taken."""
MAX_TEXT = 3_000_000
"""Characters of Markdown."""

Flag = Literal[
    "hidden_text_removed", "instruction_like", "link_host_mismatch", "incomplete", "whole_page"
]
"""instruction_like: it seems to speak to a program that reads it. incomplete: the end is left out. whole_page: menus
and margins could not be told from the text."""

_DROPPED = frozenset(
    """
    applet audio button canvas datalist embed frame frameset iframe input link map meta noembed noframes
    object optgroup option param progress meter script select source style svg textarea track video xmp
    """.split()  # noqa: SIM905 - read as lines of words
)
_NEVER_SHOWN = frozenset({"noscript", "template"})
_OWN_BACKGROUND = ("background", "background-color", "background-image")
_AROUND = "nav, form, footer, aside, [role=navigation], [role=banner], [role=contentinfo]"
_MARKDOWN = ConversionOptions(skip_images=True, extract_metadata=False, autolinks=False)
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(?:[-_][A-Za-z0-9]{2,8}){0,3}")
_MANY_EMPTY_LINES = re.compile(r"\n(?:[ \t]*\n){2,}")
_ENDS_OF_LINES = re.compile(r"(?<![ \t])[ \t]+$", re.MULTILINE)
"""From a run's first sign only: tried from each, a long run that ends no line takes the square of its length."""
_TAG_CHARACTER = re.compile("[\U000e0020-\U000e007e]")
_SPOKEN_TO_PROGRAMS = re.compile(
    r"""
    \b(?:ignore|disregard|forget|override)\W+(?:all\W+|any\W+|the\W+|your\W+|these\W+|of\W+){0,3}
      (?:previous|prior|earlier|above|preceding|system)\W+(?:\w+\W+)?(?:instruction|prompt|rule|message|direction)s?\b
    | \b(?:do\W+not|don.t|never)\W+(?:tell|inform|mention|reveal)\W+(?:this\W+)?(?:to\W+)?the\W+user\b
    | \bif\W+you\W+are\W+an?\W+(?:ai|llm|language\W+model|assistant|chatbot)\b
    | \b(?:attention|note|message)\W+(?:to|for)\W+(?:all\W+|any\W+)?(?:ai|llm)\W*(?:assistant|agent|model|bot)?s?\b
    | <\|?(?:im_start|im_end|endoftext)\|?> | \[/?INST\] | <</?SYS>>
    """,
    re.IGNORECASE | re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class Extracted:
    """What a page says to a person. All of it was written by others."""

    text: str
    """Markdown, without images."""
    title: str = ""
    author: str = ""
    published: date | None = None
    language: str = ""
    """As the page says, such as `de` or `pt-BR`."""
    links: tuple[Link, ...] = ()
    """Of what is seen, in its order, each once; at most 200."""
    hidden_removed: int = 0
    """Characters that nobody would have seen."""
    flags: frozenset[Flag] = frozenset()


def extract(html: str, url: str, *, is_all_text: bool = False) -> Extracted:
    """The page at that address. `is_all_text`: nothing surrounds its text, so that nothing of it is left out.

    What an external style sheet hides is not known: nothing but the page is loaded.

    Raises:
        TooComplex: elements are nested beyond reason, or there are too many of them or of their rules.
    """
    flags: set[Flag] = {"incomplete"} if len(html) > MAX_HTML else set()
    html = html[:MAX_HTML]
    tags = _TAG_CHARACTER.findall(html)
    if most_open(html) > MAX_OPEN:
        raise TooComplex
    document = LexborHTMLParser(html)
    base = _base(document, url)
    removed, elements = _remove_unseen(document)
    links = _links(document, base)
    metadata = _metadata(document, url, elements)
    is_judged = elements <= MAX_JUDGED and not is_all_text
    text = _main_text(document, base) if is_judged else ""
    if not text:
        if not is_all_text:
            flags.add("whole_page")
        text = _whole_text(document, base)
    hidden = removed.count + len(tags)
    looked_at = (text, "\n".join(removed.texts), "".join(chr(ord(c) - 0xE0000) for c in tags))
    if any(_SPOKEN_TO_PROGRAMS.search(one) for one in looked_at):
        flags.add("instruction_like")
    return _finished(replace(metadata, text=text, links=links, hidden_removed=hidden), flags)


def extract_text(text: str) -> Extracted:
    """Text that is no HTML."""
    flags: set[Flag] = {"instruction_like"} if _SPOKEN_TO_PROGRAMS.search(text) else set()
    return _finished(Extracted(text), flags)


def _finished(page: Extracted, flags: set[Flag]) -> Extracted:
    """Cleaned, bounded, with its signs."""
    text = _tidy(clean(page.text))
    signs: dict[Flag, bool] = {
        "hidden_text_removed": page.hidden_removed > 0,
        "link_host_mismatch": any(link.host_mismatch for link in page.links),
        "incomplete": len(text) > MAX_TEXT,
    }
    found = {sign for sign, is_there in signs.items() if is_there}
    return replace(page, text=text[:MAX_TEXT], flags=frozenset(flags | found))


def _tidy(text: str) -> str:
    return _MANY_EMPTY_LINES.sub("\n\n", _ENDS_OF_LINES.sub("", text)).strip("\n")


@dataclass(slots=True)
class _Removed:
    """What was taken out of a page."""

    nodes: list[LexborNode] = field(default_factory=list[LexborNode])
    count: int = 0
    texts: list[str] = field(default_factory=list[str])
    """To be looked at by us, shown to nobody."""

    def take(self, node: LexborNode, text: str) -> None:
        self.nodes.append(node)
        count = len("".join(text.split()))
        if count:
            self.count += count
            self.texts.append(text[:20_000])


@dataclass(slots=True)
class _Open:
    """An element that is open."""

    children: Iterator[LexborNode]
    look: Look
    has_background: bool
    """Whether the page itself says what is behind its text."""


def _remove_unseen(document: LexborHTMLParser) -> tuple[_Removed, int]:
    """Take out what no person would see, and say how many elements are left."""
    removed = _Removed()
    root = document.root
    if root is None:
        return removed, 0
    sheets = Sheets(root, MAX_NODES)
    # Where a sheet is loaded from elsewhere, white text may stand on a colour that only that sheet knows.
    is_colour_known = document.css_first("link[rel~=stylesheet]") is None
    opened = [_Open(root.iter(include_text=True), Look(), is_colour_known)]
    elements = 0
    while opened:
        frame = opened[-1]
        node = next(frame.children, None)
        if node is None:
            opened.pop()
        elif node.tag == "-text":
            text = node.text_content or ""
            if not _is_seen(frame) and text.strip():
                removed.take(node, text)
        elif not node.is_element_node:
            removed.nodes.append(
                node
            )  # Comments; nobody sees them, and there are many of no interest.
        elif (below := _below(node, frame, sheets, removed)) is not None:
            elements += 1
            opened.append(below)
    for node in removed.nodes:
        node.decompose()
    return removed, elements


def _below(node: LexborNode, parent: _Open, sheets: Sheets, removed: _Removed) -> _Open | None:
    """The element, unless it is taken out with everything in it."""
    tag = node.tag or ""
    if tag == "head":
        return None  # Never shown, but it holds what is said about the page.
    if tag in _NEVER_SHOWN:
        removed.take(node, inner_text(node))
        return None
    if tag in _DROPPED:
        removed.nodes.append(node)
        return None
    style = sheets.style_of(node)
    if tag in {"html", "body"}:
        # Pages hide all of themselves until their scripts have run; a person then sees them.
        style = {
            name: told for name, told in style.items() if "color" in name or name in _OWN_BACKGROUND
        }
    look = look_of(parent.look, style)
    if look.is_gone or _is_hidden(node, tag):
        removed.take(node, node.text(separator=" "))
        return None
    has_background = parent.has_background or any(name in style for name in _OWN_BACKGROUND)
    return _Open(node.iter(include_text=True), look, has_background)


def _is_hidden(node: LexborNode, tag: str) -> bool:
    attributes = node.attributes
    if (attributes.get("aria-hidden") or "").strip().lower() == "true":
        return True
    # "until-found" is text that a browser's search shows.
    if "hidden" in attributes and (attributes["hidden"] or "").lower() != "until-found":
        return True
    return tag == "dialog" and "open" not in attributes


def _is_seen(frame: _Open) -> bool:
    look = frame.look
    if frame.has_background or look.is_seen:
        return look.is_seen
    return Look(
        is_invisible=look.is_invisible,
        font_px=look.font_px,
        text_alpha_is_none=look.text_alpha_is_none,
    ).is_seen


def _base(document: LexborHTMLParser, url: str) -> str:
    element = document.css_first("base[href]")
    return _joined(url, (element.attributes.get("href") if element is not None else None) or "")


def _joined(base: str, target: str) -> str:
    try:
        return urljoin(base, target.strip())
    except ValueError:
        return ""


def _main_text(document: LexborHTMLParser, base: str) -> str:
    """The page's own text, without what surrounds it; empty where that cannot be told."""
    tree = _tree(document.html or "")
    if tree is None:
        return ""
    found = trafilatura.extract(
        tree,
        url=base,
        output_format="markdown",
        include_tables=True,
        include_links=True,
        include_images=False,
    )
    return found or ""


def _tree(html: str) -> HtmlElement | None:
    return trafilatura.load_html(html)


def _whole_text(document: LexborHTMLParser, base: str) -> str:
    """Everything that is seen."""
    body = document.body
    if body is None:
        return ""
    around = body.css(_AROUND)
    inside = sum(len(node.text()) for node in around)
    if inside < len(body.text()) / 2:
        for node in around:
            node.decompose()
    for link in body.css("a[href]"):
        link.attrs["href"] = _joined(base, link.attributes.get("href") or "")
    return convert(body.html or "", _MARKDOWN).content or ""


def _metadata(document: LexborHTMLParser, url: str, elements: int) -> Extracted:
    html = document.html or ""
    if elements > MAX_JUDGED and document.head is not None:
        html = f"<html>{document.head.html}<body></body></html>"
    tree = _tree(html)
    told = None
    if tree is not None:
        told = trafilatura.extract_metadata(
            tree, default_url=url, date_config={"original_date": True}, extensive=False
        )
    return Extracted(
        text="",
        title=clean_line((told and told.title) or _title(document), 300),
        author=clean_line((told and told.author) or "", 200),
        published=_day((told and told.date) or ""),
        language=_language(document),
    )


def _title(document: LexborHTMLParser) -> str:
    title = document.css_first("head > title")
    return title.text() if title is not None else ""


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text[:10])
    except ValueError:
        return None


def _language(document: LexborHTMLParser) -> str:
    root = document.css_first("html")
    told = (root.attributes.get("lang") or root.attributes.get("xml:lang") or "") if root else ""
    return told.strip() if _LANGUAGE.fullmatch(told.strip()) else ""


def _links(document: LexborHTMLParser, base: str) -> tuple[Link, ...]:
    """Those of the text before those of menus and margins."""
    around = {node.mem_id for part in document.css(_AROUND) for node in part.css("a[href]")}
    nodes = sorted(document.css("a[href]"), key=lambda node: node.mem_id in around)
    found: dict[tuple[str, str], Link] = {}
    for node in nodes:
        target = _joined(base, node.attributes.get("href") or "").partition("#")[0]
        if not target.lower().startswith(("http:", "https:")) or target == base:
            continue
        link = link_to(target, node.text(separator=" "))
        if link is not None:
            found.setdefault((link.text, link.url), link)
        if len(found) == MAX_LINKS:
            break
    return tuple(found.values())
