"""How a page goes to the process that reads it, and what comes back: a length (8 bytes, big endian) and JSON each."""

import os
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any, Literal, get_args

import orjson

from mcp_search.web.page import Extracted, Flag
from shared.untrusted.links import Link

AnswerKind = Literal["page", "pdf", "docx", "unsupported", "too_complex", "memory"]
"""pdf, docx: by its content it is one of these, and read elsewhere."""
MAX_ANSWER = 64 * 1024 * 1024
"""Bytes."""


@dataclass(frozen=True, slots=True)
class PageTask:
    """What is told of a page beside its octets."""

    url: str
    charset: str
    """As the server says, in lower case; may be empty or wrong."""
    is_html: bool
    """As the server says."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of a page."""

    kind: AnswerKind
    page: Extracted | None = None
    media_type: str = ""
    """By the content."""


def head_of(task: PageTask, body: bytes) -> bytes:
    """What goes before the body."""
    head = orjson.dumps(asdict(task))
    length = len(head).to_bytes(4, "big")
    return (len(head) + 4 + len(body)).to_bytes(8, "big") + length + head


def unpacked_task(octets: bytes) -> tuple[PageTask, bytes]:
    """Of what came after the length."""
    end = 4 + int.from_bytes(octets[:4], "big")
    return PageTask(**orjson.loads(octets[4:end])), octets[end:]


def task_length(header: bytes) -> int:
    return int.from_bytes(header, "big")


def packed_answer(answer: Answer) -> bytes:
    told = asdict(answer)
    if answer.page is not None:
        told["page"] |= {"flags": sorted(answer.page.flags)}
    body = orjson.dumps(told)
    return len(body).to_bytes(8, "big") + body


def unpacked_answer(body: bytes) -> Answer:
    """Raises ValueError, KeyError or TypeError where it is none: the process has read a foreign page since."""
    told: dict[str, Any] = orjson.loads(body)
    kind = told["kind"]
    if kind not in get_args(AnswerKind):
        raise ValueError("no such kind")
    page = _page(told["page"]) if told["page"] is not None else None
    if (kind == "page") != (page is not None):
        raise ValueError("a page is missing, or too much")
    return Answer(kind, page, str(told["media_type"])[:100])


def _page(told: dict[str, Any]) -> Extracted:
    flags: tuple[Flag, ...] = get_args(Flag)
    return Extracted(
        text=str(told["text"]),
        title=str(told["title"]),
        author=str(told["author"]),
        published=date.fromisoformat(told["published"]) if told["published"] else None,
        language=str(told["language"]),
        links=tuple(
            Link(str(link["text"]), str(link["url"]), bool(link["host_mismatch"]))
            for link in told["links"]
        ),
        hidden_removed=int(told["hidden_removed"]),
        flags=frozenset(flag for flag in flags if flag in told["flags"]),
    )


def read_exactly(descriptor: int, count: int) -> bytes:
    """Raises EOFError."""
    parts = bytearray()
    while len(parts) < count:
        octets = os.read(descriptor, min(count - len(parts), 1024 * 1024))
        if not octets:
            raise EOFError
        parts += octets
    return bytes(parts)
