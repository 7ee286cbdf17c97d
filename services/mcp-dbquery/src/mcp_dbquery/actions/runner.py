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
from weakref import WeakValueDictionary

import structlog

from mcp_dbquery.actions.file import Action, placeholders, render
from mcp_dbquery.actions.ledger import Ledger
from mcp_dbquery.engine import ChangeTransaction, Engine
from mcp_dbquery.errors import ActionFailed, ActionRefused, BadSetup, OutcomeUnknown
from mcp_dbquery.results import ActionPreview, ActionResult, ActionStatus, Change
from shared.service_tokens import Principal

USED_UP = "(nothing)"
"""Stands in the ledger for the action of a key that was asked about before any action came with it."""

log = structlog.get_logger()


@dataclass(slots=True)
class ActionRunner:
    """Previews and does the declared actions of one database."""

    engine: Engine
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
        self, name: str, arguments: dict[str, Any], caller: Principal
    ) -> ActionPreview:
        """What the action would do. Raises ActionRefused, ActionFailed."""
        action = self._allowed(name, caller)
        values = _plain(arguments)
        async with self.engine.looking(caller) as transaction:
            row = await _row(transaction, action, values)
        summary = render(action.summary, {**row, **values})
        return ActionPreview(summary=summary, changes=_changes(action, row, values))

    async def do(
        self, name: str, arguments: dict[str, Any], caller: Principal, key: str | None
    ) -> ActionResult:
        """Do the action, once per person and key.

        Raises:
            ActionRefused: not by this person, or the key was used for something else.
            ActionFailed: nothing was changed.
            OutcomeUnknown: an earlier try with this key broke off; it may have been done.
        """
        self._allowed(name, caller)
        # Its own task: a caller that goes away neither stops a write half-way nor lets a repeat overtake it.
        task = asyncio.create_task(self._run(name, _plain(arguments), caller, key))
        self._under_way.add(task)
        task.add_done_callback(self._forget)
        return await asyncio.shield(task)

    async def status(self, caller: Principal, key: str) -> ActionStatus:
        """Whether the action with this key was done, for a caller whose answer was lost.

        A key that is not known is used up by the question: should the lost request still arrive, it is refused.
        Otherwise a caller who hears "not done" and tries again could have it done twice.
        """
        entry = await asyncio.to_thread(self.ledger.claim, _who(caller), key, USED_UP, "")
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
        self, name: str, arguments: dict[str, Any], caller: Principal, key: str | None
    ) -> ActionResult:
        if key is None:
            return await self._do(name, arguments, caller)
        lock = self._locks.setdefault(f"{_who(caller)}/{key}", asyncio.Lock())
        async with lock:
            return await self._do_once(name, arguments, caller, key)

    def _allowed(self, name: str, caller: Principal) -> Action:
        action = self.actions[name]
        if not caller.roles & set(action.roles):
            raise ActionRefused(
                f"{name} may only be done by: {', '.join(action.roles)}. Your role does not allow it."
            )
        return action

    async def _do_once(
        self, name: str, arguments: dict[str, Any], caller: Principal, key: str
    ) -> ActionResult:
        who = _who(caller)
        digest = hashlib.sha256(json.dumps(arguments, sort_keys=True).encode()).hexdigest()
        known = await asyncio.to_thread(self.ledger.claim, who, key, name, digest)
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
            result = await self._do(name, arguments, caller)
        except ActionFailed:
            await asyncio.to_thread(self.ledger.release, who, key)
            raise
        try:
            await asyncio.to_thread(self.ledger.end, who, key, result.model_dump_json())
        except sqlite3.Error:
            # It was done, so that is the answer. A repeat will hear that the outcome is unknown.
            log.exception("ledger_entry_not_ended", action=name)
        return result

    async def _do(self, name: str, arguments: dict[str, Any], caller: Principal) -> ActionResult:
        action = self.actions[name]
        async with self.engine.changing(caller) as transaction:
            row = await _row(transaction, action, arguments)
            sql = action.statement
            touched = await transaction.execute(sql, action.bound(sql, arguments))
            if touched != action.expected_rows:
                raise ActionFailed(
                    f"Nothing was changed: {touched} rows would have been touched instead of "
                    f"{action.expected_rows}."
                )
        summary = render(action.done, {**row, **arguments})
        return ActionResult(summary=summary, changes=_changes(action, row, arguments))


def _who(caller: Principal) -> str:
    return f"{caller.tenant}/{caller.subject}"


async def check_actions(engine: Engine, file: Path, actions: Mapping[str, Action]) -> None:
    """Let the database compile every statement, and look for every name that people are to be shown.

    Raises:
        BadSetup: an action names a table, column or {placeholder} that is not there.
    """
    for name, action in actions.items():
        try:
            await engine.check_action(action.statement, list(action.parameters), reads=False)
            columns = await engine.check_action(action.preview, list(action.parameters), reads=True)
        except BadSetup as error:
            raise BadSetup(f"{file}, action {name}: {error}.") from None
        _check_shown(file, name, action, set(columns))


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


async def _row(
    transaction: ChangeTransaction, action: Action, arguments: dict[str, Any]
) -> dict[str, Any]:
    """The row that is concerned, as it is now."""
    found = await transaction.rows(action.preview, action.bound(action.preview, arguments), 1)
    if not found:
        raise ActionFailed(render(action.missing, arguments))
    return found[0]


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
    """Arguments as databases and JSON take them."""
    return {
        name: value.isoformat() if isinstance(value, date) else value
        for name, value in arguments.items()
    }
