"""What an action with these arguments concerns: what its names stand for, and the rows as they are now."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mcp_dbquery.actions.file import COUNT, Action
from mcp_dbquery.actions.lookups import Found, look_up
from mcp_dbquery.actions.text import harmless, render
from mcp_dbquery.callers import values_of
from mcp_dbquery.engine import ChangeTransaction
from mcp_dbquery.errors import ActionFailed, ActionRefused
from mcp_dbquery.parameters import json_value, stored_value
from mcp_dbquery.results import Change
from shared.service_tokens import Principal

MAX_VALUE_CHARACTERS = 4_096
"""Of a text beside a sentence."""


@dataclass(frozen=True, slots=True)
class Concern:
    """An action, its arguments, and the rows that its preview found."""

    action: Action
    bound: Mapping[str, Any]
    """What statements bind, by name."""
    shown: Mapping[str, Any]
    """What people are shown of the arguments."""
    rows: list[dict[str, Any]]
    """As many as are shown."""
    count: int
    """How many there are."""

    def sentence(self, template: str) -> str:
        """A template with everything filled in, and how many rows are left out of the changes."""
        first = {} if self.action.concerns_many else self.rows[0]
        text = render(template, {COUNT: self.count, **first, **self.shown})
        hidden = self.count - len(self.rows)
        return (
            f"{text} (the first {len(self.rows)} are shown, and {hidden} more)" if hidden else text
        )

    def changes(self) -> list[Change]:
        """Old and new of every row that is shown."""
        return [
            Change(
                item=render(self.action.item, {**row, **self.shown}),
                field=change.field,
                old=harmless(row.get(change.old), MAX_VALUE_CHARACTERS) if change.old else None,
                new=harmless(self._new(change.new, row), MAX_VALUE_CHARACTERS),
            )
            for row in self.rows
            for change in self.action.changes
        ]

    def _new(self, name: str, row: Mapping[str, Any]) -> Any:
        return self.shown[name] if name in self.shown else row.get(name)


async def find_concern(
    action: Action, arguments: Mapping[str, Any], caller: Principal, transaction: ChangeTransaction
) -> Concern:
    """Look names up and find the rows, within a transaction.

    Raises:
        ActionRefused: the caller's token does not say what the action binds of it.
        ActionFailed: nothing is concerned, or more than the action is declared for.
    """
    bound: dict[str, Any] = dict(_callers_values(action, caller))
    shown: dict[str, Any] = {}
    for name, parameter in action.parameters.items():
        bound[name] = stored_value(parameter, arguments[name], action.dialect)
        shown[name] = json_value(parameter, arguments[name])
    for name, found in (await _look_up(action, bound, transaction)).items():
        bound[name], shown[name] = found.value, found.label
    rows, count = await _previewed(action, bound, shown, transaction)
    return Concern(action, bound, shown, rows, count)


def _callers_values(action: Action, caller: Principal) -> dict[str, str]:
    values: dict[str, str] = {}
    for name, value in values_of(caller, action.callers_values()).items():
        if value is None:  # NULL would be written, or compared with, as if the token had said so.
            raise ActionRefused(f"Your sign-in does not say your {name.removeprefix('claim_')}.")
        values[name] = value
    return values


async def _look_up(
    action: Action, bound: Mapping[str, Any], transaction: ChangeTransaction
) -> dict[str, Found]:
    found: dict[str, Found] = {}
    for name, lookup in action.lookups.items():
        if bound[name] is None:
            continue
        binds = action.bound(lookup.query, {**bound, "value": None})
        found[name] = await look_up(name, lookup, bound[name], binds, transaction.rows)
    return found


async def _previewed(
    action: Action,
    bound: Mapping[str, Any],
    shown: Mapping[str, Any],
    transaction: ChangeTransaction,
) -> tuple[list[dict[str, Any]], int]:
    values = action.bound(action.preview, bound)
    rows = await transaction.rows(action.preview, values, action.preview_rows + 1)
    if not rows:
        raise ActionFailed(render(action.missing, shown))
    if len(rows) <= action.preview_rows:
        return rows, len(rows)
    if not action.concerns_many:
        raise ActionFailed(
            "Nothing was changed: more than one row is concerned, and this action is declared for one."
        )
    query = action.preview.strip().removesuffix(";")
    counted = await transaction.rows(
        f"SELECT count(*) AS {COUNT}_ FROM ({query}) AS previewed",  # noqa: S608 - the owner's own query
        values,
        1,
    )
    return rows[: action.preview_rows], int(counted[0][f"{COUNT}_"])
