"""What can be told of a statement before it runs.

Neither server explains a statement over views to a login that may not read what is below them, and giving it that
right would show it the tables. There the sizes and indexes of the relations are told; the server's own estimate still
counts when the statement runs (max_join_size).
"""

from collections.abc import Sequence
from math import prod

from mcp_dbquery.engine import Catalog, Estimate, Relation
from mcp_dbquery.mysql.link import Row

_TABLE, _ACCESS, _KEY, _ROWS = 2, 3, 5, 8
"""Places in a row of EXPLAIN, the same in MySQL without partitions and in MariaDB."""


def estimate_of(
    explained: Sequence[Row] | None, catalog: Catalog, relations: frozenset[str], most_rows: float
) -> Estimate:
    """The estimate from EXPLAIN's rows, or from the catalogue when the server does not explain."""
    if explained is None:
        plan = ["The database runs this over protected views, and does not explain it."]
        plan += [_line(catalog.relations[name]) for name in sorted(relations)]
        return Estimate(cost=None, rows=None, plan=plan)
    shift = 1 if explained and len(explained[0]) > 10 else 0  # MySQL's has a column for partitions
    plan: list[str] = []
    counts: list[float] = []
    for row in explained:
        table = row[_TABLE]
        rows = row[_ROWS + shift]
        counts.append(float(rows or 1))
        place = (
            table
            if table in relations or str(table).startswith("<")
            else "(alias)"
            if table
            else "(no table)"
        )
        key = f" by {row[_KEY + shift]}" if row[_KEY + shift] else ""
        plan.append(
            f"{place}: {row[_ACCESS + shift] or 'none'}{key}, about {int(rows or 0):,} rows"
        )
    expected = float(prod(counts))
    problem = (
        f"About {expected:,.0f} rows would be looked at; {most_rows:,.0f} are allowed. "
        "Join on indexed columns and filter more."
        if expected > most_rows
        else None
    )
    return Estimate(cost=None, rows=expected, plan=plan, problem=problem)


def _line(relation: Relation) -> str:
    size = (
        f"about {relation.rows_estimate:,} rows"
        if relation.rows_estimate is not None
        else "size not told"
    )
    indexes = "; ".join(", ".join(index.columns) for index in relation.indexes) or "none"
    return f"{relation.name}: {size}; indexes over: {indexes}"
