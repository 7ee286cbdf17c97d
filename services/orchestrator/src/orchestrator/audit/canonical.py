"""One spelling for each JSON value, so that equal values have equal hashes. After RFC 8785, pure.

The rule: UTF-8; no spaces; the members of an object sorted by the code points of their names; in strings only `"`, `\\`
and control characters are escaped, in the shortest way JSON knows, and lone surrogates as `\\udxxx`; integers in full;
other numbers in the shortest form that reads back as the same double, as Python writes it; what is no number (NaN,
infinities) is `null`. RFC 8785 sorts by UTF-16 units and writes numbers as JavaScript does; that is the difference.
"""

import hashlib
import json
import math
import re
from collections.abc import Mapping, Sequence
from typing import cast

_SURROGATE = re.compile("[\ud800-\udfff]")


def canonical(value: object) -> str:
    """The canonical text of a JSON value. Raises TypeError when it is none."""
    try:
        text = _dump(value)
    except ValueError:
        text = _dump(_without_non_numbers(value))
    return _SURROGATE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def digest(value: object) -> str:
    """SHA-256 of the canonical text's bytes, in hexadecimal."""
    return sha256(canonical(value))


def sha256(text: str) -> str:
    """Of the text's UTF-8 bytes, in hexadecimal."""
    return hashlib.sha256(text.encode()).hexdigest()


def _dump(value: object) -> str:
    return json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )


def _without_non_numbers(value: object) -> object:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        members = cast("Mapping[str, object]", value)
        return {name: _without_non_numbers(member) for name, member in members.items()}
    if isinstance(value, list | tuple):
        return [_without_non_numbers(item) for item in cast("Sequence[object]", value)]
    return value
