"""How deep HTML is nested, known before it is parsed. Pure, linear."""

import re
from collections import Counter

MAX_OPEN = 1_000
"""Elements open at once. The parser's time grows with their square: a megabyte of <div> took it four minutes."""
_CLOSE_THEMSELVES = frozenset(
    """
    area base br col dd dt embed hr img input li link meta optgroup option p param source
    tbody td tfoot th thead tr track wbr
    """.split()  # noqa: SIM905 - read as lines of words
)
"""Those without content, and those that end where the next of their kind begins."""
_TAG = re.compile(r"<(?P<end>/?)(?P<name>[a-zA-Z][^\s/>]*)")


def most_open(html: str) -> int:
    """At most how many elements are open at once, found without parsing, in time that grows with the length."""
    opened: Counter[str] = Counter()
    now = most = 0
    for tag in _TAG.finditer(html):
        name = tag["name"].lower()
        if name in _CLOSE_THEMSELVES:
            continue
        if not tag["end"]:
            opened[name] += 1
            now += 1
        elif opened[name]:
            opened[name] -= 1
            now -= 1
        most = max(most, now)
    return most
