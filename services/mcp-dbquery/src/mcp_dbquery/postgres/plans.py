"""A plan of EXPLAIN, reduced to what the caller may know: kinds of nodes and visible relations.

Numbers only where no rows are filtered, because estimates come from statistics over everybody's rows.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from mcp_dbquery.config import Limits
from mcp_dbquery.errors import TooExpensive

MAX_LINES = 200


@dataclass(frozen=True, slots=True)
class Plan:
    """What EXPLAIN (FORMAT JSON, VERBOSE) gave."""

    root: dict[str, Any]

    @property
    def cost(self) -> float:
        return float(self.root["Total Cost"])

    @property
    def most_rows(self) -> float:
        """Of the node that the planner expects most rows from."""
        return max(float(node["Plan Rows"]) for node, _ in self.nodes())

    def nodes(self) -> Iterator[tuple[dict[str, Any], int]]:
        """Every node with its depth, in the order of EXPLAIN."""
        stack = [(self.root, 0)]
        while stack:
            node, depth = stack.pop()
            yield node, depth
            stack += [(child, depth + 1) for child in reversed(node.get("Plans", ()))]

    def problem(self, limits: Limits, *, is_filtered: bool) -> TooExpensive | None:
        """Why it is too expensive, None when it may run."""
        if self.cost <= limits.cost and self.most_rows <= limits.cost_rows:
            return None
        cost, rows = (
            told(self.cost, is_filtered=is_filtered),
            told(self.most_rows, is_filtered=is_filtered),
        )
        node = max((node for node, _ in self.nodes()), key=_own_cost)["Node Type"]
        return TooExpensive(
            f"The planner expects a cost of {cost:,.0f} ({limits.cost:,.0f} is the limit) and {rows:,.0f} rows; "
            f"most of it in a {node}.",
            hint="Add a WHERE on an indexed column (describe_tables lists them), join on keys, or aggregate less.",
            cost=cost,
            rows=rows,
            node=node,
        )

    def lines(self, names: Mapping[tuple[str, str], str], *, is_filtered: bool) -> list[str]:
        """The plan for the caller. `names` are the visible relations of the tables below their views."""
        lines: list[str] = []
        for node, depth in self.nodes():
            relation = names.get((node.get("Schema", ""), node.get("Relation Name", "")))
            where = f" on {relation}" if relation is not None else ""
            numbers = (
                ""
                if is_filtered
                else f"  (cost {node['Total Cost']:g}, rows {node['Plan Rows']:g})"
            )
            lines.append(f"{'  ' * depth}{node['Node Type']}{where}{numbers}")
        return lines[:MAX_LINES]


def told(number: float, *, is_filtered: bool) -> float:
    """An estimate as the caller may know it: by its power of ten where rows are filtered."""
    if not is_filtered or number <= 0:
        return number
    return 10.0 ** math.ceil(math.log10(number))


def _own_cost(node: dict[str, Any]) -> float:
    return float(node["Total Cost"]) - sum(
        float(child["Total Cost"]) for child in node.get("Plans", ())
    )
