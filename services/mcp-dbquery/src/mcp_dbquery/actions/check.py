"""Looks at start whether the declared actions fit their database."""

from collections.abc import Mapping
from pathlib import Path

from mcp_dbquery.actions.file import COUNT, Action
from mcp_dbquery.actions.sql import bindings_of
from mcp_dbquery.actions.text import placeholders
from mcp_dbquery.engine import Engine
from shared.errors import BadSetup


async def check_actions(engine: Engine, file: Path, actions: Mapping[str, Action]) -> None:
    """Let the database compile every statement, and look for every name that people are to be shown.

    Raises:
        BadSetup: naming the file, the action, the field and what is not there.
    """
    for name, action in actions.items():
        try:
            await _check(engine, action)
        except BadSetup as error:
            raise BadSetup(f"{file}, action {name}: {error}.") from None


async def _check(engine: Engine, action: Action) -> None:
    for number, step in enumerate(action.steps, 1):
        # A definition cannot be compiled without being run; the database checks it when it is.
        if action.counts_rows(step.sql):
            field = "statement" if action.statement is not None else f"statements.{number}"
            await _compiled(engine, action, field, step.sql, reads=False)
    for name, lookup in action.lookups.items():
        columns = await _compiled(
            engine, action, f"parameters.{name}.query", lookup.query, reads=True
        )
        _require(f"parameters.{name}.shows", placeholders(lookup.shows or ""), columns)
    columns = await _compiled(engine, action, "preview", action.preview, reads=True)
    _check_shown(action, columns)


async def _compiled(
    engine: Engine, action: Action, field: str, sql: str, *, reads: bool
) -> set[str]:
    names = sorted(bindings_of(sql, action.dialect))
    try:
        return set(await engine.check_action(sql, names, reads=reads))
    except BadSetup as error:
        raise BadSetup(f"{field}: {str(error).removesuffix('.')}") from None


def _check_shown(action: Action, columns: set[str]) -> None:
    known = columns | set(action.parameters)
    _require("item", placeholders(action.item), known)
    if not action.concerns_many:  # Else it was checked when the file was read.
        _require("summary", placeholders(action.summary), known | {COUNT})
        _require("done", placeholders(action.done), known | {COUNT})
    for change in action.changes:
        if change.old is not None and change.old not in columns:
            raise BadSetup(f"changes.old names {change.old}, which is no column of the preview")
        if change.new not in known:
            raise BadSetup(
                f"changes.new names {change.new}, which is neither a parameter nor a column of the preview"
            )


def _require(field: str, names: set[str], known: set[str]) -> None:
    for missing in sorted(names - known):
        raise BadSetup(
            f"{field} shows {{{missing}}}, which is neither a parameter nor a column of its query"
        )
