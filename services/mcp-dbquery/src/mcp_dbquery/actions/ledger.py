"""Does what is asked for under a key once, on whichever replica and however often it is sent.

A key is claimed before the action and ended after it. A claim that never ended means that the action may have been
done: it is told as unknown, and never tried again.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from weakref import WeakValueDictionary

import structlog

from mcp_dbquery.errors import ActionRefused, OutcomeUnknown, StoreAway
from mcp_dbquery.results import ActionResult, ActionStatus
from mcp_dbquery.store import Entry, Store
from shared.mcp_server import Problem
from shared.service_tokens import Principal

USED_UP = "(nothing)"
"""Stands for the action of a key that was asked about before any action came with it."""
POLL_S = 0.1
UNDER_WAY = timedelta(seconds=60)
"""A claim that is older than any action takes broke off: nobody waits for it."""
MAX_KEY_CHARACTERS = 200

log = structlog.get_logger()


@dataclass(slots=True)
class Ledger:
    """What was done under which key."""

    store: Store
    patience_s: float = 5.0
    """How long a repeat waits for the same action that another replica is about to end."""
    _locks: WeakValueDictionary[tuple[str, str, str], asyncio.Lock] = field(
        default_factory=WeakValueDictionary[tuple[str, str, str], asyncio.Lock], init=False
    )
    """One per key in use: a second send waits for the first. Gone when nobody holds or awaits it."""

    async def once(
        self,
        caller: Principal,
        key: str,
        action: str,
        arguments_digest: str,
        work: Callable[[], Awaitable[ActionResult]],
    ) -> ActionResult:
        """What `work` gives, or gave when it was done under this key before.

        Raises:
            ActionRefused: the key was used for something else, or is none.
            OutcomeUnknown: an earlier try broke off, or is not yet over; it may have been done.
            StoreAway: nothing was done.
            Problem: what `work` raises; the key is free again unless the outcome is unknown.
        """
        if not key.isprintable() or not 0 < len(key) <= MAX_KEY_CHARACTERS:
            raise ActionRefused(
                f"An idempotency key has 1 to {MAX_KEY_CHARACTERS} printable characters."
            )
        lock = self._locks.setdefault((caller.tenant, caller.subject, key), asyncio.Lock())
        async with lock:
            known = await self._claim(caller, key, action, arguments_digest)
            if known is not None:
                return _repeated(known, action, arguments_digest)
            try:
                result = await work()
            except OutcomeUnknown:
                raise
            except Problem:
                await self._release(caller, key, action)
                raise
            await self._end(caller, key, action, result)
            return result

    async def was_done(self, caller: Principal, key: str) -> bool:
        """Whether something was done under this key: then nothing is done under it any more. Raises StoreAway."""
        known = await self.store.find(caller, key)
        return known is not None and known.result is not None

    async def status(self, caller: Principal, key: str) -> ActionStatus:
        """Whether the action with this key was done, for a caller whose answer was lost.

        A key that is not known is used up by the question: should the lost request still arrive, it is refused.
        Otherwise a caller who hears "not done" and tries again could have it done twice. Raises StoreAway.
        """
        entry = await self.store.claim(caller, key, USED_UP, "")
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

    async def _claim(
        self, caller: Principal, key: str, action: str, arguments_digest: str
    ) -> Entry | None:
        """None: the key is ours. Else what is known, after waiting for what another replica is doing under it."""
        clock = asyncio.get_running_loop()
        until = clock.time() + self.patience_s
        while True:
            try:
                known = await self.store.claim(caller, key, action, arguments_digest)
            except StoreAway as error:
                raise StoreAway(
                    "Nothing was changed: the record of what was done cannot be reached right now.",
                    hint="Try again in a moment.",
                ) from error
            if known is None or known.result is not None or known.action != action:
                return known
            if clock.time() >= until or self.store.now() - known.claimed_at > UNDER_WAY:
                return known
            await asyncio.sleep(POLL_S)

    async def _release(self, caller: Principal, key: str, action: str) -> None:
        try:
            await self.store.release(caller, key)
        except StoreAway:
            # Nothing was changed, and that is the answer. A repeat will hear that the outcome is unknown.
            log.exception("ledger_entry_not_released", action=action)

    async def _end(self, caller: Principal, key: str, action: str, result: ActionResult) -> None:
        try:
            await self.store.end(caller, key, result.model_dump_json())
        except StoreAway:
            # It was done, so that is the answer. A repeat will hear that the outcome is unknown.
            log.exception("ledger_entry_not_ended", action=action)


def _repeated(known: Entry, action: str, arguments_digest: str) -> ActionResult:
    if (known.action, known.arguments_digest) != (action, arguments_digest):
        raise ActionRefused("This idempotency key was used for something else. Use a new one.")
    if known.result is None:
        raise OutcomeUnknown(
            "An earlier try with this key broke off or is not over yet: it may have been done.",
            hint="Look before trying again.",
        )
    return ActionResult.model_validate_json(known.result).model_copy(update={"repeated": True})
