"""How the reading process answers: frames of a tag, a length (4 bytes, big endian) and that many bytes, then an end."""

import struct
from collections.abc import Iterable, Sequence
from typing import Any, BinaryIO

import orjson

from mcp_search.knowledge.model import Block, Page, Parsed

PROBLEM, CRASH, HEAD, TEXT, BLOCKS, IMAGE, MARK, END = (
    b"P",
    b"C",
    b"H",
    b"T",
    b"B",
    b"I",
    b"M",
    b"E",
)
HEADER = struct.Struct(">cI")
TEXT_CHARACTERS = 1_000_000
BLOCKS_AT_ONCE = 5_000
"""Small enough that decoding a frame holds up nobody else for long."""


def write(stream: BinaryIO, tag: bytes, body: bytes = b"") -> None:
    stream.write(HEADER.pack(tag, len(body)))
    stream.write(body)


def write_parsed(stream: BinaryIO, parsed: Parsed) -> None:
    """As frames; `join` puts them together again."""
    paths = {path: number for number, path in enumerate({b.headings: None for b in parsed.blocks})}
    head = {
        "title": parsed.title,
        "media_type": parsed.media_type,
        "warnings": parsed.warnings,
        "pages": [(page.number, page.start, page.end) for page in parsed.pages],
        "paths": list(paths),
    }
    write(stream, HEAD, orjson.dumps(head))
    for start in range(0, len(parsed.text), TEXT_CHARACTERS):
        write(stream, TEXT, parsed.text[start : start + TEXT_CHARACTERS].encode())
    for first in range(0, len(parsed.blocks), BLOCKS_AT_ONCE):
        some = parsed.blocks[first : first + BLOCKS_AT_ONCE]
        rows = [(b.kind, b.start, b.end, b.page, paths[b.headings]) for b in some]
        write(stream, BLOCKS, orjson.dumps(rows))


def join(frames: Sequence[tuple[bytes, bytes]]) -> Parsed:
    """The frames of `write_parsed`. Raises ValueError, KeyError or TypeError where they are none."""
    head = orjson.loads(b"".join(body for tag, body in frames if tag == HEAD))
    paths: list[tuple[str, ...]] = [tuple(path) for path in head["paths"]]
    return Parsed(
        text="".join(body.decode() for tag, body in frames if tag == TEXT),
        blocks=tuple(_blocks((body for tag, body in frames if tag == BLOCKS), paths)),
        pages=tuple(Page(*page) for page in head["pages"]),
        title=head["title"],
        warnings=tuple(head["warnings"]),
        media_type=head["media_type"],
    )


def _blocks(bodies: Iterable[bytes], paths: Sequence[tuple[str, ...]]) -> Iterable[Block]:
    for body in bodies:
        rows: list[list[Any]] = orjson.loads(body)
        for kind, start, end, page, path in rows:
            yield Block(kind, start, end, page, paths[int(path)])
