"""Does declared actions: once per key, in one transaction, touching as many rows as declared or none."""

import asyncio
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import structlog

from mcp_dbquery.actions.concern import Concern, find_concern
from mcp_dbquery.actions.file import Action
from mcp_dbquery.actions.ledger import Ledger
from mcp_dbquery.actions.lookups import NothingFits, with_near_names
from mcp_dbquery.engine import ChangeTransaction, Engine
from mcp_dbquery.errors import ActionFailed, ActionRefused, DatabaseAway, OutcomeUnknown
from mcp_dbquery.parameters import accepted, json_value
from mcp_dbquery.results import ActionPreview, ActionResult
from shared.mcp_server import Problem, Refused
from shared.service_tokens import Principal

STOP_WITHIN_S = 10.0
"""How long a stop waits for writes under way."""

Decision = Literal["done", "repeated", "refused", "failed", "unknown", "crashed"]

log = structlog.get_logger()


@dataclass(slots=True)
class _Attempt:
    """One call of an action."""

    name: str
    arguments: Mapping[str, Any]
    caller: Principal
    key: str | None
    digest: str
    rows: int | None = None
    """Touched by its statements, as far as they count rows."""


@dataclass(slots=True)
class ActionRunner:
    """Previews and does the declared actions of one database."""

    engine: Engine
    actions: Mapping[str, Action]
    ledger: Ledger
    _under_way: set[asyncio.Task[ActionResult]] = field(
        default_factory=set[asyncio.Task[ActionResult]], init=False
    )
    _is_stopping: bool = field(default=False, init=False)

    async def preview(
        self, name: str, arguments: Mapping[str, Any], caller: Principal
    ) -> ActionPreview:
        """What the action would do. Raises InvalidArguments, ActionRefused, ActionFailed and what an engine does."""
        action = self._allowed(name, caller)
        values = accepted(action.parameters, arguments)
        try:
            async with self.engine.looking(caller) as transaction:
                concern = await find_concern(action, values, caller, transaction)
        except NothingFits as problem:
            raise await self._mended(action, problem, caller) from None
        return ActionPreview(summary=concern.sentence(action.summary), changes=concern.changes())

    async def do(
        self, name: str, arguments: Mapping[str, Any], caller: Principal, key: str | None
    ) -> ActionResult:
        """Do the action, once per person and key.

        Raises:
            InvalidArguments: they are not as declared.
            ActionRefused: not by this person, or the key was used for something else.
            ActionFailed, StoreAway, DatabaseAway: nothing was changed.
            OutcomeUnknown: this or an earlier try with this key broke off; it may have been done.
        """
        action = self._allowed(name, caller)
        values = accepted(action.parameters, arguments)
        if self._is_stopping:
            raise DatabaseAway(
                "Nothing was changed: the server is stopping. Try again in a moment."
            )
        attempt = _Attempt(name, values, caller, key, _digest(action, values))
        # Its own task: a caller that goes away neither stops a write half-way nor lets a repeat overtake it.
        task = asyncio.create_task(self._run(attempt))
        self._under_way.add(task)
        task.add_done_callback(self._forget)
        return await asyncio.shield(task)

    async def close(self, within_s: float = STOP_WITHIN_S) -> None:
        """Begin nothing any more, and wait for what is under way, so long at most."""
        self._is_stopping = True
        if self._under_way:
            _, pending = await asyncio.wait(set(self._under_way), timeout=within_s)
            if pending:
                log.warning("actions_left_under_way", actions=len(pending))

    def _forget(self, task: asyncio.Task[ActionResult]) -> None:
        self._under_way.discard(task)
        if not task.cancelled():
            task.exception()  # Told to the caller, if there still is one.

    def _allowed(self, name: str, caller: Principal) -> Action:
        action = self.actions[name]
        if not caller.roles & set(action.roles):
            raise ActionRefused(
                f"{name} may only be done by: {', '.join(action.roles)}. Your role does not allow it."
            )
        return action

    async def _run(self, attempt: _Attempt) -> ActionResult:
        decision: Decision = "crashed"
        try:
            result = await self._once(attempt)
            decision = "repeated" if result.repeated else "done"
        except OutcomeUnknown:
            decision = "unknown"
            raise
        except Problem as problem:
            decision = "refused" if isinstance(problem, Refused) else "failed"
            raise
        finally:
            log.info(
                "action_ended",
                action=attempt.name,
                person=attempt.caller.subject,
                tenant=attempt.caller.tenant,
                key_digest=None if attempt.key is None else _sha256(attempt.key)[:16],
                arguments_digest=attempt.digest[:16],
                decision=decision,
                rows=attempt.rows,
            )
        return result

    async def _once(self, attempt: _Attempt) -> ActionResult:
        if attempt.key is None:
            return await self._do(attempt)
        return await self.ledger.once(
            attempt.caller, attempt.key, attempt.name, attempt.digest, lambda: self._do(attempt)
        )

    async def _do(self, attempt: _Attempt) -> ActionResult:
        action = self.actions[attempt.name]
        try:
            async with self.engine.changing(attempt.caller) as transaction:
                concern = await find_concern(action, attempt.arguments, attempt.caller, transaction)
                rows = await _run_statements(concern, transaction)
                # Before the commit, so that nothing can go wrong between it and the answer.
                result = ActionResult(
                    summary=concern.sentence(action.done), changes=concern.changes()
                )
        except NothingFits as problem:
            raise await self._mended(action, problem, attempt.caller) from None
        attempt.rows = rows
        return result

    async def _mended(self, action: Action, problem: NothingFits, caller: Principal) -> NothingFits:
        return await with_near_names(problem, action.lookups[problem.name], self.engine, caller)


async def _run_statements(concern: Concern, transaction: ChangeTransaction) -> int:
    """Run all in their order. Raises ActionFailed when one touches another number of rows than declared."""
    action = concern.action
    total = 0
    for number, step in enumerate(action.steps, 1):
        touched = await transaction.execute(step.sql, action.bound(step.sql, concern.bound))
        if not action.counts_rows(step.sql):
            continue
        if not step.expected_rows.fits(touched, concern.count):
            which = f"statement {number}: " if len(action.steps) > 1 else ""
            expected = step.expected_rows.in_words()
            if step.expected_rows.as_previewed:
                expected = f"the {concern.count} that the preview finds"
            raise ActionFailed(
                f"Nothing was changed: {which}{touched} rows would have been touched instead of {expected}."
            )
        total += touched
    return total


def _digest(action: Action, values: Mapping[str, Any]) -> str:
    plain = {name: json_value(action.parameters[name], value) for name, value in values.items()}
    return _sha256(json.dumps(plain, sort_keys=True))


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
