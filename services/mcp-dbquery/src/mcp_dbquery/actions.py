"""Does declared actions: once per key, in one transaction, touching as many rows as declared or none."""

import asyncio
import hashlib
import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from mcp_dbquery.action_file import Action, render
from mcp_dbquery.errors import ActionFailed, ActionRefused, OutcomeUnknown
from mcp_dbquery.ledger import Ledger
from mcp_dbquery.results import ActionPreview, ActionResult, Change
from mcp_dbquery.sqlite_file import open_for_actions
from shared.service_tokens import Principal


@dataclass(slots=True)
class ActionRunner:
    """Previews and does the declared actions of one database."""

    path: Path
    actions: Mapping[str, Action]
    ledger: Ledger
    _locks: dict[str, asyncio.Lock] = field(default_factory=dict[str, asyncio.Lock])

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
        plain = _plain(arguments)
        if key is None or principal is None:
            return await _uncancelled(self._do, action, plain)
        who = f"{principal.tenant}/{principal.subject}"
        lock_name = f"{who}/{key}"
        lock = self._locks.setdefault(lock_name, asyncio.Lock())
        try:
            async with lock:
                return await _uncancelled(self._do_once, name, action, plain, who, key)
        finally:
            if not lock.locked():
                self._locks.pop(lock_name, None)

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
        self.ledger.end(who, key, result.model_dump_json())
        return result

    def _do(self, action: Action, arguments: dict[str, Any]) -> ActionResult:
        connection = open_for_actions(self.path)
        try:
            connection.execute("BEGIN IMMEDIATE")
            row = _row(connection, action, arguments)
            cursor = connection.execute(action.statement, action.bound(action.statement, arguments))
            if cursor.rowcount != action.expected_rows:
                connection.execute("ROLLBACK")
                raise ActionFailed(
                    f"Nothing was changed: {cursor.rowcount} rows would have been touched instead of "
                    f"{action.expected_rows}."
                )
            connection.execute("COMMIT")
        except sqlite3.IntegrityError:
            raise ActionFailed(
                "Nothing was changed: the values break a rule of the database."
            ) from None
        except sqlite3.OperationalError as error:
            why = "it is busy" if "locked" in str(error) else "the database refused the statement"
            raise ActionFailed(f"Nothing was changed: {why}. Try again in a moment.") from error
        finally:
            connection.close()  # rolls back what was not committed
        summary = render(action.done, {**row, **arguments})
        return ActionResult(summary=summary, changes=_changes(action, row, arguments))

    def _preview(self, action: Action, arguments: dict[str, Any]) -> ActionPreview:
        connection = open_for_actions(self.path)
        try:
            connection.execute("PRAGMA query_only=ON")
            row = _row(connection, action, arguments)
        finally:
            connection.close()
        summary = render(action.summary, {**row, **arguments})
        return ActionPreview(summary=summary, changes=_changes(action, row, arguments))


def _row(
    connection: sqlite3.Connection, action: Action, arguments: dict[str, Any]
) -> dict[str, Any]:
    """The row that is concerned, as it is now."""
    found = connection.execute(action.preview, action.bound(action.preview, arguments)).fetchone()
    if found is None:
        raise ActionFailed(render(action.missing, arguments))
    return dict(found)


def _changes(action: Action, row: dict[str, Any], arguments: dict[str, Any]) -> list[Change]:
    item = render(action.item, {**arguments, **row})
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


async def _uncancelled(work: Any, *arguments: Any) -> ActionResult:
    """Run to the end in a thread, even when the caller goes away: a write is never left half noted."""
    task = asyncio.ensure_future(asyncio.to_thread(work, *arguments))
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait({task})
        raise
