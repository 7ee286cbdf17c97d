"""Does declared actions: once per key, in one transaction, touching as many rows as declared or none."""

import asyncio
import hashlib
import json
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary

import structlog

from mcp_dbquery.action_file import Action, placeholders, render
from mcp_dbquery.errors import ActionFailed, ActionRefused, BadSetup, OutcomeUnknown
from mcp_dbquery.ledger import Ledger
from mcp_dbquery.results import ActionPreview, ActionResult, ActionStatus, Change
from mcp_dbquery.sqlite_file import open_for_actions, open_read_only
from shared.service_tokens import Principal

USED_UP = "(nothing)"
"""Stands in the ledger for the action of a key that was asked about before any action came with it."""

log = structlog.get_logger()


@dataclass(slots=True)
class ActionRunner:
    """Previews and does the declared actions of one database."""

    path: Path
    actions: Mapping[str, Action]
    ledger: Ledger
    _locks: WeakValueDictionary[str, asyncio.Lock] = field(
        default_factory=WeakValueDictionary[str, asyncio.Lock], init=False
    )
    """One per key in use: a second send waits for the first. Gone when nobody holds or awaits it."""
    _under_way: set[asyncio.Task[ActionResult]] = field(
        default_factory=set[asyncio.Task[ActionResult]], init=False
    )

    async def preview(
        self, name: str, arguments: dict[str, Any], principal: Principal | None
    ) -> ActionPreview:
        """What the action would do. Raises ActionRefused, ActionFailed."""
        action = self._allowed(name, principal)
        return await asyncio.to_thread(self._preview, action, _plain(arguments))

    async def do(
        self, name: str, arguments: dict[str, Any], principal: Principal | None, key: str | None
    ) -> ActionResult:
        """Do the action, once per principal and key.

        Raises:
            ActionRefused: not by this person, or the key was used for something else.
            ActionFailed: nothing was changed.
            OutcomeUnknown: an earlier try with this key broke off; it may have been done.
        """
        action = self._allowed(name, principal)
        # Its own task: a caller that goes away neither stops a write half-way nor lets a repeat overtake it.
        task = asyncio.create_task(self._run(name, action, _plain(arguments), principal, key))
        self._under_way.add(task)
        task.add_done_callback(self._forget)
        return await asyncio.shield(task)

    async def status(self, principal: Principal | None, key: str) -> ActionStatus:
        """Whether the action with this key was done, for a caller whose answer was lost.

        A key that is not known is used up by the question: should the lost request still arrive, it is refused.
        Otherwise a caller who hears "not done" and tries again could have it done twice.
        """
        if principal is None:
            return ActionStatus(answer="unknown", text="Only callers who sign in have keys.")
        entry = await asyncio.to_thread(self.ledger.claim, _who(principal), key, USED_UP, "")
        if entry is None or entry.action == USED_UP:
            return ActionStatus(
                answer="not_done", text="It was not begun, and will not be under this key any more."
            )
        if entry.result is None:
            return ActionStatus(
                answer="unknown", text="It was begun. Whether it was done cannot be said yet."
            )
        result = ActionResult.model_validate_json(entry.result)
        return ActionStatus(answer="done", text=result.summary)

    def _forget(self, task: asyncio.Task[ActionResult]) -> None:
        self._under_way.discard(task)
        if not task.cancelled():
            task.exception()  # Told to the caller, if there still is one.

    async def _run(
        self,
        name: str,
        action: Action,
        arguments: dict[str, Any],
        principal: Principal | None,
        key: str | None,
    ) -> ActionResult:
        if key is None or principal is None:
            return await asyncio.to_thread(self._do, action, arguments)
        who = _who(principal)
        lock = self._locks.setdefault(f"{who}/{key}", asyncio.Lock())
        async with lock:
            return await asyncio.to_thread(self._do_once, name, action, arguments, who, key)

    def _allowed(self, name: str, principal: Principal | None) -> Action:
        action = self.actions[name]
        roles = principal.roles if principal else frozenset[str]()
        if not roles & set(action.roles):
            raise ActionRefused(
                f"{name} may only be done by: {', '.join(action.roles)}. Your role does not allow it."
            )
        return action

    def _do_once(
        self, name: str, action: Action, arguments: dict[str, Any], who: str, key: str
    ) -> ActionResult:
        digest = hashlib.sha256(json.dumps(arguments, sort_keys=True).encode()).hexdigest()
        known = self.ledger.claim(who, key, name, digest)
        if known is not None:
            if (known.action, known.arguments_hash) != (name, digest):
                raise ActionRefused(
                    "This idempotency key was used for something else. Use a new one."
                )
            if known.result is None:
                raise OutcomeUnknown(
                    "An earlier try with this key broke off: it may have been done. Look before trying again."
                )
            return ActionResult.model_validate_json(known.result).model_copy(
                update={"repeated": True}
            )
        try:
            result = self._do(action, arguments)
        except ActionFailed:
            self.ledger.release(who, key)
            raise
        try:
            self.ledger.end(who, key, result.model_dump_json())
        except sqlite3.Error:
            # It was done, so that is the answer. A repeat will hear that the outcome is unknown.
            log.exception("ledger_entry_not_ended", action=name)
        return result

    def _do(self, action: Action, arguments: dict[str, Any]) -> ActionResult:
        try:
            # Closing rolls back what was not committed.
            with closing(open_for_actions(self.path)) as connection:
                connection.execute("BEGIN IMMEDIATE")
                row = _row(connection, action, arguments)
                sql = action.statement
                touched = connection.execute(sql, action.bound(sql, arguments)).rowcount
                if touched != action.expected_rows:
                    raise ActionFailed(
                        f"Nothing was changed: {touched} rows would have been touched instead of "
                        f"{action.expected_rows}."
                    )
                connection.execute("COMMIT")
        except sqlite3.IntegrityError:
            raise ActionFailed(
                "Nothing was changed: the values break a rule of the database."
            ) from None
        except sqlite3.OperationalError as error:
            raise ActionFailed(f"Nothing was changed: {_reason(error)}.") from error
        summary = render(action.done, {**row, **arguments})
        return ActionResult(summary=summary, changes=_changes(action, row, arguments))

    def _preview(self, action: Action, arguments: dict[str, Any]) -> ActionPreview:
        try:
            with closing(open_read_only(self.path)) as connection:
                connection.row_factory = sqlite3.Row
                row = _row(connection, action, arguments)
        except sqlite3.OperationalError as error:
            raise ActionFailed(f"It cannot be shown now: {_reason(error)}.") from error
        summary = render(action.summary, {**row, **arguments})
        return ActionPreview(summary=summary, changes=_changes(action, row, arguments))


def _who(principal: Principal) -> str:
    return f"{principal.tenant}/{principal.subject}"


def check_actions(path: Path, file: Path, actions: Mapping[str, Action]) -> None:
    """Let the database compile every statement, and look for every name that people are to be shown.

    Raises:
        BadSetup: an action names a table, column or {placeholder} that is not there.
    """
    with closing(open_read_only(path)) as connection:
        for name, action in actions.items():
            nothing = dict.fromkeys(action.parameters)
            try:
                connection.execute(f"EXPLAIN {action.statement}", nothing)
                shown = connection.execute(
                    f"SELECT * FROM ({action.preview.rstrip().removesuffix(';')}) LIMIT 0",  # noqa: S608 - the owner's
                    nothing,
                )
            except sqlite3.Error as error:
                raise BadSetup(
                    f"{file}, action {name}: the database does not accept it: {error}."
                ) from None
            _check_shown(file, name, action, {column[0] for column in shown.description})


def _check_shown(file: Path, name: str, action: Action, columns: set[str]) -> None:
    texts = {"item": action.item, "summary": action.summary, "done": action.done}
    for text_name, text in texts.items():
        for missing in sorted(placeholders(text) - columns - set(action.parameters)):
            raise BadSetup(
                f"{file}, action {name}: {text_name} shows {{{missing}}}, which is neither a parameter nor a "
                "column of the preview."
            )
    for change in action.changes:
        if change.old is not None and change.old not in columns:
            raise BadSetup(
                f"{file}, action {name}: changes.old names {change.old}, which is no column of the preview."
            )


def _reason(error: sqlite3.OperationalError) -> str:
    if "locked" in str(error):
        return "the database is busy; try again in a moment"
    return "the database refused the statement"


def _row(
    connection: sqlite3.Connection, action: Action, arguments: dict[str, Any]
) -> dict[str, Any]:
    """The row that is concerned, as it is now."""
    found = connection.execute(action.preview, action.bound(action.preview, arguments)).fetchone()
    if found is None:
        raise ActionFailed(render(action.missing, arguments))
    return dict(found)


def _changes(action: Action, row: dict[str, Any], arguments: dict[str, Any]) -> list[Change]:
    item = render(action.item, {**row, **arguments})
    return [
        Change(
            item=item,
            field=change.field,
            old=row.get(change.old) if change.old else None,
            new=arguments[change.new],
        )
        for change in action.changes
    ]


def _plain(arguments: dict[str, Any]) -> dict[str, Any]:
    """Arguments as SQLite and JSON take them."""
    return {
        name: value.isoformat() if isinstance(value, date) else value
        for name, value in arguments.items()
    }
