"""SQLite's query plan without what it tells of hidden columns and of our views."""

import re
from collections.abc import Collection, Iterable, Sequence

_WORDS = (
    "all and any as automatic b-tree bloom by co-routine compound constant correlated "
    "covering create distinct except exists explain filter for from full group having in "
    "index indexed integer intersect join key left list materialize merge multi-index of "
    "on only op optimization or order partial primary query plan recurse recursive right "
    "row rows rowid scalar scan search setup step step-and-join subqueries subquery table "
    "temp term terms the then union union-all unique unordered use using values virtual "
    "window "
)
"""What SQLite itself writes into a plan."""

_TOKEN = re.compile(r'"(?:[^"]|"")*"|[A-Za-z_\u0080-\uffff][\w$\u0080-\uffff-]*')
_SCHEMA = re.compile(r"\b(?:main|temp)\.")
_REPLACED = "…"


def readable_plan(
    rows: Iterable[Sequence[object]], visible: Collection[str], sql: str, inner: dict[str, str]
) -> list[str]:
    """Its lines, indented by depth.

    A name stands there only if it is a visible table, column or index, or a word of the statement itself. `inner` says
    for which table each of our views stands.
    """
    known = (
        {*_WORDS.split()}
        | {name.lower() for name in visible}
        | {word.lower() for word in _words(sql)}
    )
    depths: dict[object, int] = {0: -1}
    lines: list[str] = []
    for node, parent, _, text in rows:
        depths[node] = depths.get(parent, -1) + 1
        lines.append("  " * depths[node] + _told(str(text), known, inner))
    return lines


def _told(text: str, known: Collection[str], inner: dict[str, str]) -> str:
    def token(found: re.Match[str]) -> str:
        word = inner.get(found[0], found[0])
        return word if word.strip('"').lower() in known else _REPLACED

    return _TOKEN.sub(token, _SCHEMA.sub("", text))


def _words(sql: str) -> list[str]:
    return [word.strip('"') for word in _TOKEN.findall(sql)]
