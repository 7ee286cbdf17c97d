"""Makes a page of a feed (RSS 0.9 to 2.0, Atom: RFC 4287), so that what holds for pages holds for its entries. Pure."""

from html import escape
from xml.etree.ElementTree import Element, ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring

MAX_ENTRIES = 500
_FEEDS = frozenset({"rss", "feed", "rdf"})
_ENTRIES = frozenset({"item", "entry"})


def root_name(xml: str) -> str:
    """Of the outermost element, in lower case and without its namespace; empty where it is no XML."""
    root = _root(xml)
    return "" if root is None else _name(root)


def page_of_feed(xml: str) -> str | None:
    """HTML with the feed's entries in their order. None: it is no feed."""
    root = _root(xml)
    if root is None or _name(root) not in _FEEDS:
        return None
    about = next((one for one in root if _name(one) == "channel"), root)
    entries = [one for one in root.iter() if _name(one) in _ENTRIES][:MAX_ENTRIES]
    return "\n".join(
        [
            f"<html><head><title>{escape(_text(about, 'title'))}</title></head><body>",
            *(_shown(entry) for entry in entries),
            "</body></html>",
        ]
    )


def _root(xml: str) -> Element | None:
    """None: it is none, or one with entities of its own."""
    try:
        return fromstring(xml.lstrip("\ufeff \t\r\n"))
    except (ParseError, DefusedXmlException, ValueError):
        return None


def _shown(entry: Element) -> str:
    title, link = escape(_text(entry, "title") or "Untitled"), _link(entry)
    head = f'<a href="{escape(link)}">{title}</a>' if link else title
    day = escape(_text(entry, "published", "pubdate", "date", "updated"))
    return f"<h2>{head}</h2>\n<p>{day}</p>\n<div>{_body(entry)}</div>"


def _link(entry: Element) -> str:
    for one in entry:
        if _name(one) == "link" and one.get("rel", "alternate") == "alternate":
            return (one.get("href") or "".join(one.itertext())).strip()
    return ""


def _body(entry: Element) -> str:
    """What it says, or in short where that is all there is. In RSS it is HTML; Atom tells."""
    for name in ("encoded", "content", "description", "summary"):
        for one in entry:
            text = "".join(one.itertext()).strip() if _name(one) == name else ""
            if text:
                is_html = name in {"encoded", "description"} or one.get("type") == "html"
                return text if is_html else escape(text)
    return ""


def _text(element: Element, *names: str) -> str:
    """Of the first child with the first of these names that there is."""
    for name in names:
        for one in element:
            if _name(one) == name and (text := " ".join("".join(one.itertext()).split())):
                return text
    return ""


def _name(element: Element) -> str:
    return element.tag.rpartition("}")[2].lower()
