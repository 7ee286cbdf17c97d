"""The HTML that may go out: letters, lists, tables and links. Nothing in it loads, runs, hides or is styled."""

from collections.abc import Iterator
from html import escape
from urllib.parse import urlsplit

from selectolax.lexbor import LexborHTMLParser, LexborNode

from mcp_email.errors import BadContent
from mcp_email.header_text import unsafe_character
from shared.untrusted.nesting import MAX_OPEN, most_open

MAX_DEPTH = 100

_KEPT = frozenset(
    """
    a b blockquote br code dd del div dl dt em h1 h2 h3 h4 h5 h6 hr i ins li ol p pre s span
    strong sub sup table tbody td tfoot th thead tr u ul
    """.split()  # noqa: SIM905 - read as lines of words
)
_WITHOUT_END = frozenset({"br", "hr"})
_DROPPED_WHOLE = frozenset(
    """
    applet audio base button canvas embed form frame frameset head iframe input link math
    meta noembed noframes noscript object option param picture plaintext script select
    source style svg template textarea title track video xmp
    """.split()  # noqa: SIM905 - read as lines of words
)
_LINKED = frozenset({"https", "http", "mailto"})


def safe_html(html: str) -> str:
    """Only what is allowed, written anew. Other elements leave their text, except those that never show any.

    Raises:
        BadContent: its elements are nested beyond reason.
    """
    if most_open(html) > MAX_OPEN:
        raise BadContent(
            f"html has more than {MAX_OPEN} elements inside one another.", field="html"
        )
    body = LexborHTMLParser(html).body
    return "".join(_rendered(body, 0)) if body is not None else ""


def text_of(html: str) -> str:
    """The words of it, one space apart."""
    body = LexborHTMLParser(safe_html(html)).body
    return " ".join(body.text(separator=" ").split()) if body is not None else ""


def _rendered(parent: LexborNode, depth: int) -> Iterator[str]:
    if depth > MAX_DEPTH:
        return
    for node in parent.iter(include_text=True):
        tag = node.tag or ""
        if tag == "-text":
            yield escape(node.text_content or "")
        elif tag in _WITHOUT_END:
            yield f"<{tag}>"
        elif tag in _KEPT:
            yield f"<{tag}{_link(node) if tag == 'a' else ''}>"
            yield from _rendered(node, depth + 1)
            yield f"</{tag}>"
        elif tag not in _DROPPED_WHOLE:
            yield from _rendered(node, depth + 1)


def _link(node: LexborNode) -> str:
    target = (node.attributes.get("href") or "").strip()
    if unsafe_character(target):
        return ""
    try:
        scheme = urlsplit(target).scheme.lower()
    except ValueError:
        return ""
    return f' href="{escape(target)}"' if scheme in _LINKED else ""
