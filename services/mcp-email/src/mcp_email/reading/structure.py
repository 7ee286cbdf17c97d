"""The MIME tree of a raw mail (RFC 2045, 2046), walked without copying it. Pure, bounded, never raises."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from mcp_email.mail import Part
from mcp_email.reading.headers import (
    MAX_BLOCK,
    fields_of,
    file_name,
    first,
    header_end,
    with_parameters,
)

MAX_DEPTH = 50
MAX_PARTS = 200
MAX_SCANS = 8
"""How many times its own length of a mail is looked through for boundaries; nested bombs ask for more."""

_MEDIA_TYPE = re.compile(r"[a-z0-9!#$&^_.+-]{1,80}/[a-z0-9!#$&^_.+-]{1,80}")


@dataclass(frozen=True, slots=True)
class Leaf:
    """A part and where its content stands."""

    part: Part
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Structure:
    """A mail's header block and its leaves."""

    headers: bytes
    leaves: tuple[Leaf, ...]
    is_cut: bool


def structure_of(raw: bytes) -> Structure:
    """The leaves in order: at most 200, at most 50 deep. Whatever is broken is text."""
    block_end, body = header_end(raw, 0, len(raw))
    walk = _Walk(raw, budget=MAX_SCANS * len(raw) + MAX_BLOCK)
    headers = raw[: min(block_end, MAX_BLOCK)]
    walk.part(headers, _Place("", body, len(raw)))
    leaves = walk.leaves or [Leaf(Part("1", "text/plain", "", "", 0), body, body)]
    return Structure(headers, tuple(leaves), walk.is_cut)


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a part stands in the octets and in the tree."""

    number: str
    start: int
    end: int
    depth: int = 0
    default_type: str = "text/plain"
    is_related: bool = False
    alternative: str = ""


@dataclass(slots=True)
class _Walk:
    raw: bytes
    budget: int
    leaves: list[Leaf] = field(default_factory=list[Leaf])
    is_cut: bool = False

    def part(self, block: bytes, place: _Place) -> None:
        fields = fields_of(block)
        told, parameters = with_parameters(first(fields, "content-type"))
        media_type = told if _MEDIA_TYPE.fullmatch(told) else place.default_type
        boundary = parameters.get("boundary", "")
        if media_type.startswith("multipart/"):
            if boundary and self._children(media_type, boundary, place):
                return
            media_type = "text/plain"  # No boundary, or none of it in the body.
        disposition, about = with_parameters(first(fields, "content-disposition"))
        part = Part(
            number=place.number or "1",
            media_type=media_type,
            charset=parameters.get("charset", "")[:40],
            encoding=with_parameters(first(fields, "content-transfer-encoding"))[0][:40],
            size=place.end - place.start,
            name=file_name(about.get("filename") or parameters.get("name", "")),
            content_id=_content_id(first(fields, "content-id")),
            alternative=place.alternative,
        )
        is_attachment = is_attached(
            part, disposition, is_first=not self.leaves, is_related=place.is_related
        )
        self.leaves.append(Leaf(replace(part, is_attachment=is_attachment), place.start, place.end))

    def _children(self, media_type: str, boundary: str, place: _Place) -> bool:
        """Whether there is any."""
        if place.depth >= MAX_DEPTH:
            self.is_cut = True
            return True
        count = 0
        for count, (start, end) in enumerate(self._between(boundary, place), start=1):
            if len(self.leaves) >= MAX_PARTS or count > MAX_PARTS:
                self.is_cut = True
                break
            block_end, body = header_end(self.raw, start, end)
            child = _Place(
                number=f"{place.number}.{count}" if place.number else str(count),
                start=body,
                end=max(body, end),
                depth=place.depth + 1,
                default_type="message/rfc822" if media_type == "multipart/digest" else "text/plain",
                is_related=place.is_related or media_type == "multipart/related",
                alternative=(place.number or "0")
                if media_type == "multipart/alternative"
                else place.alternative,
            )
            self.part(self.raw[start : min(block_end, start + MAX_BLOCK)], child)
        return count > 0

    def _between(self, boundary: str, place: _Place) -> Iterator[tuple[int, int]]:
        """What stands between the lines with the boundary (RFC 2046 section 5.1.1); a missing last one is the end."""
        told = re.escape(boundary[:200].rstrip().encode("utf-8", "replace"))
        line = re.compile(rb"(?:\A|\r?\n)--" + told + rb"(--)?[ \t]*(?=\r?\n|\Z)")
        started: int | None = None
        place_now = max(0, place.start - 2)
        while self.budget > 0:
            found = line.search(self.raw, place_now, place.end)
            reached = found.end() if found else place.end
            self.budget -= reached - place_now
            if started is not None:
                yield started, max(started, found.start() if found else place.end)
            if found is None or found[1]:
                return
            newline = self.raw.find(b"\n", found.end(), place.end)
            started = place.end if newline < 0 else newline + 1
            place_now = found.end()
        self.is_cut = True


def is_attached(part: Part, disposition: str, *, is_first: bool, is_related: bool) -> bool:
    """Whether people would call it an attachment rather than a piece of the mail's own text."""
    if disposition == "attachment":
        return True
    if part.media_type in {"text/plain", "text/html"}:
        return bool(part.name) and not is_first
    return not (is_related and part.content_id and part.media_type.startswith("image/"))


def _content_id(value: bytes) -> str:
    told = value[:250].decode("ascii", "replace").strip().strip("<>")
    return told if re.fullmatch(r"[!-~]+", told) else ""
