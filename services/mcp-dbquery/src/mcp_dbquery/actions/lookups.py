"""Finds what a name stands for: exactly one row, in the transaction that uses it."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from mcp_dbquery.actions.text import render, shown
from mcp_dbquery.engine import Engine, Scalar, Statement
from mcp_dbquery.errors import ActionFailed
from mcp_dbquery.hints import did_you_mean
from mcp_dbquery.parameters import LookupParameter
from shared.mcp_server import Problem
from shared.service_tokens import Principal

VALUE = "value"
"""The name by which a look-up binds what was given."""
MAX_TOLD = 5
MAX_NAMES = 2_000
"""Names that the nearest are looked for among."""

Rows = Callable[[str, Mapping[str, Any], int], Awaitable[list[dict[str, Any]]]]
"""Runs a query and gives its first rows."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a name stands for: what statements bind, and what people are shown."""

    value: Scalar
    label: str


class NothingFits(ActionFailed):
    """No row fits what was given. Carries both, to look for near names when the transaction is over."""

    def __init__(self, name: str, given: str, hint: str | None = None) -> None:
        super().__init__(f"Nothing was changed: no {name} fits “{shown(given)}”.", hint=hint)
        self.name = name
        self.given = given


async def look_up(
    name: str, parameter: LookupParameter, given: str, caller_values: Mapping[str, Any], rows: Rows
) -> Found:
    """The one row that fits.

    Raises:
        NothingFits: none does.
        ActionFailed: several do; the text tells them apart.
    """
    found = await rows(parameter.query, {**caller_values, VALUE: given}, MAX_TOLD + 1)
    fitting = [row for row in found if next(iter(row.values())) is not None]
    if not fitting:
        raise NothingFits(name, given)
    if len(fitting) > 1:
        told = "; ".join(_distinct([_found(parameter, row) for row in fitting[:MAX_TOLD]]))
        more = "; and more" if len(fitting) > MAX_TOLD else ""
        raise ActionFailed(
            f"Nothing was changed: “{shown(given)}” fits more than one {name}: {told}{more}.",
            hint="Say which, as exactly as it is written there.",
        )
    return _found(parameter, fitting[0])


async def with_near_names(
    problem: NothingFits, parameter: LookupParameter, engine: Engine, caller: Principal
) -> NothingFits:
    """The same with the names nearest to it, of those that the caller's own query gives."""
    if parameter.near is None:
        return problem
    try:
        reading = await engine.read(Statement(parameter.near, {}, MAX_NAMES), caller)
    except Problem:  # Not the caller's to read, or not now: then there is no hint.
        return problem
    names = [row[0] for row in reading.rows if row and isinstance(row[0], str)]
    near = did_you_mean(problem.given, names)
    hint = f"Did you mean {' or '.join(shown(name) for name in near.names)}?" if near else None
    return NothingFits(problem.name, problem.given, hint)


def _found(parameter: LookupParameter, row: Mapping[str, Any]) -> Found:
    value, *others = row.values()
    if parameter.shows is not None:
        return Found(value, render(parameter.shows, row))
    return Found(value, ", ".join(shown(other) for other in others) or shown(value))


def _distinct(found: list[Found]) -> list[str]:
    """Labels, with the value beside those that several share."""
    labels = [one.label for one in found]
    return [
        f"{one.label} [{shown(one.value)}]" if labels.count(one.label) > 1 else one.label
        for one in found
    ]
