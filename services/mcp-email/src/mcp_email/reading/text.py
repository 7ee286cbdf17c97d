"""The text of a mail, as a person would read it: chosen among its parts, cleaned, with what should be known of it."""

import asyncio
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

from mcp_email.mail import Outline, Part
from mcp_email.reading.charset import decoded
from mcp_email.reading.envelope import envelope_of
from mcp_email.reading.headers import fields_of
from mcp_email.reading.html import HtmlText, html_to_text
from mcp_email.reading.quotes import folded, quoted_spans
from mcp_email.reading.signs import (
    Sign,
    has_look_alike,
    is_instruction_like,
    signs_of_headers,
    signs_of_parts,
)
from shared.untrusted.characters import clean, clean_line
from shared.untrusted.links import MAX_LINKS, Link, links_in
from shared.untrusted.sheets import TooComplex

MAX_BODY_BYTES = 2 * 1024 * 1024
"""Of one part's text."""
MAX_BODY_PARTS = 20
SNIPPET = 160
STUB = 300
"""Characters below which a plain text is compared with its HTML form."""

Format = Literal["text", "html_text"]
"""text: the plain text where there is one. html_text: what the HTML form shows."""

_LOOKS_LIKE_HTML = re.compile(r"\s*<(?:!doctype html|html|body|div|table|style)\b", re.IGNORECASE)
_MANY_EMPTY_LINES = re.compile(r"\n(?:[ \t]*\n){3,}")
_TAG_CHARACTER = re.compile("[\U000e0000-\U000e007f]")


class Parts(Protocol):
    """Where contents come from: a mailbox, or a mail inside of another."""

    async def part(self, mail_id: str, number: str, max_bytes: int) -> tuple[bytes, bool]:
        """As Mailbox.part."""
        ...


@dataclass(frozen=True, slots=True)
class Body:
    """The whole text of a mail and what should be known of it."""

    text: str
    format: Format
    links: tuple[Link, ...] = ()
    alts: tuple[str, ...] = ()
    """What images are said to show."""
    images: int = 0
    tracking_images: int = 0
    hidden_removed: int = 0
    """Characters of text that nobody would have seen."""
    signs: frozenset[Sign] = frozenset()


@dataclass(frozen=True, slots=True)
class ReadText:
    """A piece of a mail's text. Everything in it was written by others."""

    text: str
    format: Format
    offset: int
    next_offset: int | None
    """Where to go on. None: this was the end."""
    total_chars: int
    quoted_chars: int
    """Of the whole text: how much of it is quoted from earlier mails."""
    hidden_removed: int
    links: tuple[Link, ...]
    alts: tuple[str, ...]
    images: int
    tracking_images: int
    signs: frozenset[Sign]


@dataclass(frozen=True, slots=True)
class Content:
    """What a part holds, decoded from its transfer encoding."""

    octets: bytes
    is_cut: bool = False


async def text_of(
    parts: Parts,
    outline: Outline,
    offset: int = 0,
    max_chars: int = 20_000,
    *,
    format: Format = "text",  # noqa: A002 - the tool's own word
    fold_quotes: bool = False,
    known_domains: Collection[str] = (),
) -> ReadText:
    """The text from `offset` on, at most `max_chars`, cut between paragraphs where that is possible.

    `known_domains` are those that others may try to look like. Raises what `parts` raises.
    """
    contents: dict[str, Content] = {}
    for part in body_parts(outline):
        octets, is_cut = await parts.part(outline.summary.id, part.number, MAX_BODY_BYTES)
        contents[part.number] = Content(octets, is_cut)
    # Large or hostile HTML takes a second; other people's calls go on meanwhile.
    body = await asyncio.to_thread(
        body_of, outline, contents, format=format, known_domains=known_domains
    )
    spans = quoted_spans(body.text)
    text = folded(body.text, spans) if fold_quotes else body.text
    piece, next_offset = page_of(text, offset, max_chars)
    return ReadText(
        text=piece,
        format=body.format,
        offset=offset,
        next_offset=next_offset,
        total_chars=len(text),
        quoted_chars=sum(end - start for start, end in spans),
        hidden_removed=body.hidden_removed,
        links=body.links,
        alts=body.alts,
        images=body.images,
        tracking_images=body.tracking_images,
        signs=body.signs,
    )


def body_parts(outline: Outline) -> list[Part]:
    """The parts that are the mail's own text, at most 20."""
    kinds = {"text/plain", "text/html"}
    return [p for p in outline.parts if p.media_type in kinds and not p.is_attachment][
        :MAX_BODY_PARTS
    ]


def body_of(
    outline: Outline,
    contents: Mapping[str, Content],
    *,
    format: Format = "text",  # noqa: A002 - the tool's own word
    known_domains: Collection[str] = (),
) -> Body:
    """The text out of the contents of its body parts, by their numbers. Never raises."""
    fields = fields_of(outline.headers)
    envelope = envelope_of(fields)
    signs = signs_of_headers(fields, envelope) | signs_of_parts(outline)
    if any(content.is_cut for content in contents.values()):
        signs.add("incomplete")
    pieces = [
        _chosen([_form(part, contents[part.number]) for part in group], format)
        for group in _groups([p for p in body_parts(outline) if p.number in contents])
    ]
    body = _joined(pieces, format)
    if is_instruction_like(*(form.text + "\n" + form.hidden for piece in pieces for form in piece)):
        signs.add("instruction_like")
    if has_look_alike(envelope, body.links, known_domains):
        signs.add("lookalike_host")
    return Body(
        text=body.text,
        format=body.format,
        links=body.links,
        alts=body.alts,
        images=body.images,
        tracking_images=body.tracking_images,
        hidden_removed=body.hidden_removed,
        signs=frozenset(signs | body.signs),
    )


def _groups(parts: list[Part]) -> list[list[Part]]:
    """Parts that say the same thing in several forms together."""
    groups: list[list[Part]] = []
    for part in parts:
        if part.alternative and groups and groups[-1][0].alternative == part.alternative:
            groups[-1].append(part)
        else:
            groups.append([part])
    return groups


@dataclass(frozen=True, slots=True)
class _Form:
    """A part as text."""

    format: Format
    text: str
    html: HtmlText | None = None
    hidden: str = ""
    """Text that nobody would have seen: looked at, never shown."""
    hidden_removed: int = 0
    is_readable: bool = True


def _form(part: Part, content: Content) -> _Form:
    source = decoded(content.octets, part.charset)
    tags = "".join(chr(ord(c) - 0xE0000) for c in _TAG_CHARACTER.findall(source)[:20_000])
    if part.media_type != "text/html" and not _LOOKS_LIKE_HTML.match(source[:200]):
        return _Form("text", _tidy(clean(source)), None, clean(tags), len(tags))
    try:
        html = html_to_text(source)
    except TooComplex:
        return _Form("html_text", "", is_readable=False)
    return _Form(
        "html_text",
        _tidy(html.text),
        html,
        f"{html.hidden_text}\n{clean(tags)}",
        html.hidden_removed + len(tags),
    )


def _tidy(text: str) -> str:
    """Without empty lines around it, or many of them inside, where something could hide below the window."""
    return _MANY_EMPTY_LINES.sub("\n\n\n", text).strip("\n").rstrip()


def _chosen(forms: list[_Form], format: Format) -> list[_Form]:  # noqa: A002
    """All forms of one piece, those that are shown first."""
    plain = [form for form in forms if form.format == "text"]
    html = [form for form in forms if form.format == "html_text" and form.is_readable]
    if not plain or not html:
        return forms
    takes_html = format == "html_text" or _is_stub(_all_text(plain), _all_text(html))
    shown, others = (html, plain) if takes_html else (plain, html)
    return [*shown, *(form for form in forms if form in others or not form.is_readable)]


def _all_text(forms: list[_Form]) -> str:
    return "\n\n".join(form.text for form in forms if form.text)


def _is_stub(plain: str, html: str) -> bool:
    """Some senders write "see the HTML version" and nothing else."""
    return len(plain) < STUB and len(html) > 4 * len(plain)


def _joined(pieces: list[list[_Form]], format: Format) -> Body:  # noqa: A002
    shown = [form for piece in pieces for form in piece if form.format == piece[0].format]
    pages = [form.html for piece in pieces for form in piece if form.html]
    links = {(link.text, link.url): link for page in pages for link in page.links}
    if not links:
        links = {(link.text, link.url): link for form in shown for link in links_in(form.text)}
    hidden_removed = sum(form.hidden_removed for piece in pieces for form in piece)
    tracking = sum(page.tracking_images for page in pages)
    signs: dict[Sign, bool] = {
        "hidden_text_removed": hidden_removed > 0,
        "remote_images": any(page.remote_images for page in pages),
        "tracking_image": tracking > 0,
        "html_not_read": any(not form.is_readable for piece in pieces for form in piece),
        "incomplete": any(page.is_cut for page in pages),
    }
    is_html = bool(shown) and all(form.format == "html_text" for form in shown)
    return Body(
        text=_all_text(shown),
        format="html_text" if is_html else "text" if shown else format,
        links=tuple(links.values())[:MAX_LINKS],
        alts=tuple(alt for page in pages for alt in page.alts)[:20],
        images=sum(page.images for page in pages),
        tracking_images=tracking,
        hidden_removed=hidden_removed,
        signs=frozenset(sign for sign, is_there in signs.items() if is_there),
    )


def page_of(text: str, offset: int, max_chars: int) -> tuple[str, int | None]:
    """A piece of the text and where the next one begins. It ends after a paragraph, a line or a word if it can."""
    end = offset + max_chars
    if end >= len(text):
        return text[offset:], None
    half = offset + max_chars // 2
    for mark in ("\n\n", "\n", " "):
        cut = text.rfind(mark, half, end)
        if cut >= 0:
            end = cut + len(mark)
            break
    return text[offset:end], end


def snippet_of(text: str) -> str:
    """The beginning of what a text says itself, on one line of at most 160 characters."""
    own = folded(text[:4_000], quoted_spans(text[:4_000]))
    return clean_line(re.sub(r"\[… \d+ quoted characters\]", " ", own), SNIPPET)
