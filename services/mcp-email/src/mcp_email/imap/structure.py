"""A mail's parts out of a server's BODYSTRUCTURE (RFC 3501 section 7.4.2). Pure, bounded."""

import re
from dataclasses import dataclass, field, replace
from typing import TypeGuard

from mcp_email.imap.answer import Unreadable, Value
from mcp_email.imap.link import number
from mcp_email.mail import Part
from mcp_email.reading.headers import file_name, with_parameters
from mcp_email.reading.structure import MAX_DEPTH, MAX_PARTS, is_attached

_TOKEN = re.compile(r"[a-z0-9!#$&^_.+-]{1,80}")


def parts_of(structure: Value) -> tuple[tuple[Part, ...], bool]:
    """The leaves in order, at most 200 and 50 deep, and whether there were more. Raises Unreadable."""
    walk = _Walk()
    walk.part(structure, _Place(""))
    if not walk.parts and not walk.is_cut:
        raise Unreadable("no part")
    return tuple(walk.parts), walk.is_cut


@dataclass(frozen=True, slots=True)
class _Place:
    number: str
    depth: int = 0
    is_related: bool = False
    alternative: str = ""


@dataclass(slots=True)
class _Walk:
    parts: list[Part] = field(default_factory=list[Part])
    is_cut: bool = False

    def part(self, told: Value, place: _Place) -> None:
        if not _is_list(told) or not told:
            raise Unreadable("no structure")
        if not _is_list(told[0]):
            self._leaf(told, place)
            return
        if place.depth >= MAX_DEPTH:
            self.is_cut = True
            return
        children = [one for one in told if _is_list(one)]
        subtype = next((one for one in told if isinstance(one, bytes)), b"mixed").lower()
        count = next(n for n in range(len(told) + 1) if n == len(told) or not _is_list(told[n]))
        for position, child in enumerate(children[:count], start=1):
            if len(self.parts) >= MAX_PARTS:
                self.is_cut = True
                return
            at = _Place(
                number=f"{place.number}.{position}" if place.number else str(position),
                depth=place.depth + 1,
                is_related=place.is_related or subtype == b"related",
                alternative=(place.number or "0")
                if subtype == b"alternative"
                else place.alternative,
            )
            self.part(child, at)

    def _leaf(self, told: list[Value], place: _Place) -> None:
        kind, subtype = _word(told, 0), _word(told, 1)
        if len(told) < 7 or not _TOKEN.fullmatch(kind) or not _TOKEN.fullmatch(subtype):
            raise Unreadable("no part")
        parameters = _parameters(told[2])
        after = 10 if (kind, subtype) == ("message", "rfc822") else 8 if kind == "text" else 7
        disposition, about = "", dict[str, str]()
        if len(told) > after + 1 and _is_list(held := told[after + 1]) and held:
            disposition = _word(held, 0)
            about = _parameters(held[1]) if len(held) > 1 else {}
        identifier = _word(told, 3, is_lower=False).strip().strip("<>")
        part = Part(
            number=place.number or "1",
            media_type=f"{kind}/{subtype}",
            charset=parameters.get("charset", "")[:40],
            encoding=_word(told, 5)[:40],
            size=number(told[6]),
            name=file_name(about.get("filename") or parameters.get("name", "")),
            content_id=identifier if re.fullmatch(r"[!-~]{1,250}", identifier) else "",
            alternative=place.alternative,
        )
        is_attachment = is_attached(
            part, disposition, is_first=not self.parts, is_related=place.is_related
        )
        self.parts.append(replace(part, is_attachment=is_attachment))


def _is_list(value: Value) -> TypeGuard[list[Value]]:
    return isinstance(value, list)


def _word(told: list[Value], at: int, *, is_lower: bool = True) -> str:
    value = told[at] if at < len(told) else None
    text = value[:600].decode("ascii", "replace") if isinstance(value, bytes) else ""
    return text.lower() if is_lower else text


def _parameters(told: Value) -> dict[str, str]:
    """As of a header: the pieces of RFC 2231 come as they were sent."""
    if not _is_list(told):
        return {}
    pairs = [
        b'%s="%s"' % (name, re.sub(rb'(["\\])', rb"\\\1", value))
        for name, value in zip(told[::2], told[1::2], strict=False)
        if isinstance(name, bytes) and isinstance(value, bytes)
    ]
    return with_parameters(b"x/y; " + b"; ".join(pairs))[1]
