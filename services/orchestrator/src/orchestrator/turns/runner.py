"""Keeps turns going in this process: starts them, renews their leases, takes over what others left behind."""

import asyncio
import contextlib
from collections.abc import Sequence
from datetime import datetime, timedelta

import structlog
from sqlalchemy.exc import SQLAlchemyError

from orchestrator.approvals import queries as approvals
from orchestrator.database import DatabaseAway
from orchestrator.inputs import queries as inputs
from orchestrator.tools.elicitation import SIGN_IN
from orchestrator.turns import log as turn_log
from orchestrator.turns.advance import Turn
from orchestrator.turns.facts import fold
from orchestrator.turns.metrics import turns_running
from orchestrator.turns.parts import TurnParts
from orchestrator.turns.signing_in import go_on
from orchestrator.turns.temporary import list_outdated, remove_outdated
from shared.wire.events import Event

MAX_TAKEN_AT_ONCE = 20
SHUTDOWN_PATIENCE_S = 5.0
SIGNED_IN_BEFORE = timedelta(seconds=5)
"""Whoever took a sign-in up so long ago, and did not tell the turns that waited for it, has died."""

log = structlog.get_logger()


class TurnRunner:
    """Runs each claimed turn as one task. Run `sweeping()` and `keeping_leases()` as tasks beside it."""

    def __init__(self, parts: TurnParts, instance_id: str) -> None:
        self._parts = parts
        self._instance_id = instance_id
        self._turns: dict[str, Turn] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._fences: dict[str, int] = {}
        self._woken: set[str] = set()
        """Turns that were woken while their task was still ending: it may just have laid them down."""
        self._is_closing = False

    @property
    def instance_id(self) -> str:
        return self._instance_id

    def start(self, claimed: turn_log.Claimed, events: Sequence[Event]) -> None:
        """Take a claimed turn further in the background."""
        turn_id = claimed.lease.turn_id
        if turn_id in self._tasks:
            raise AssertionError("A turn was claimed twice by the same process.")
        turn = Turn(self._parts, claimed, fold(events))
        self._turns[turn_id] = turn
        self._fences[turn_id] = claimed.lease.fence
        self._tasks[turn_id] = asyncio.create_task(self._run(turn_id, turn))
        turns_running.set(len(self._tasks))

    async def wake(self, turn_id: str) -> None:
        """Run a turn that has become ready, unless somebody already does, or this process is about to stop."""
        if self._is_closing:
            return
        if turn_id in self._tasks:
            self._woken.add(turn_id)
            return
        async with self._parts.database.writing() as session:
            claimed = await turn_log.claim(
                session,
                turn_id,
                self._instance_id,
                now=self._parts.now(),
                lease_s=self._parts.settings.lease_s,
            )
            if claimed is None:
                return
            events = await turn_log.list_events(session, turn_id)
        if claimed.interrupted:
            log.info("turn_taken_over", turn_id=turn_id)
        self.start(claimed, events)

    def request_stop(self, turn_id: str) -> None:
        """Stop a turn if it runs here."""
        turn = self._turns.get(turn_id)
        if turn is not None:
            turn.request_stop()

    async def take_over_everything(self) -> None:
        """For a single process that just started: nobody else can hold a lease."""
        async with self._parts.database.writing() as session:
            await turn_log.release_leases(session, now=self._parts.now())

    async def sweeping(self) -> None:
        """Close expired questions and take up turns nobody runs. Runs until cancelled."""
        while True:
            try:
                await self._sweep()
            except (SQLAlchemyError, DatabaseAway) as error:
                log.warning("sweep_failed", error=type(error).__name__)
            await asyncio.sleep(self._parts.settings.sweep_interval_s)

    async def keeping_leases(self) -> None:
        """Renew leases three times within their life, and notice requested stops. Runs until cancelled."""
        while True:
            await asyncio.sleep(self._parts.settings.lease_s / 3)
            try:
                await self._renew()
            except (SQLAlchemyError, DatabaseAway) as error:
                log.warning("leases_not_renewed", error=type(error).__name__)

    async def hand_over(self) -> None:
        """Give running turns up, and take up no others: another replica, or this one restarted, goes on at once."""
        self._is_closing = True
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=SHUTDOWN_PATIENCE_S)
        async with self._parts.database.writing() as session:
            await turn_log.release_leases(session, now=self._parts.now(), owner=self._instance_id)

    async def _sweep(self) -> None:
        now = self._parts.now()
        async with self._parts.database.reading() as session:
            due = await approvals.list_due(session, now) + await inputs.list_due(session, now)
            claimable = await turn_log.list_claimable(session, now=now, limit=MAX_TAKEN_AT_ONCE)
            forgotten = await list_outdated(session, self._temporary_until(now))
            signed_in = await inputs.list_signed_in(session, SIGN_IN, now - SIGNED_IN_BEFORE)
        for turn_id in due:
            async with self._parts.database.writing() as session:
                await turn_log.wake(session, turn_id)
                await approvals.expire_approvals(session, turn_id, now)
                await inputs.expire_inputs(session, turn_id, now)
        for row in signed_in:
            if await go_on(self._parts.database, row, now):
                due.append(row.turn_id)
        for turn_id in dict.fromkeys(claimable + due):
            await self.wake(turn_id)
        if forgotten:
            async with self._parts.database.writing() as session:
                await remove_outdated(session, forgotten, self._temporary_until(now))

    def _temporary_until(self, now: datetime) -> datetime:
        """Temporary conversations without activity since then are over."""
        return now - timedelta(seconds=self._parts.settings.temporary_lifetime_s)

    async def _renew(self) -> None:
        if not self._tasks:
            return
        until = self._parts.now() + timedelta(seconds=self._parts.settings.lease_s)
        async with self._parts.database.writing() as session:
            renewed = await turn_log.renew_leases(
                session, self._instance_id, list(self._tasks), until=until
            )
        for news in renewed:
            if news.stop_requested:
                self.request_stop(news.turn_id)
            self._leave_if_lost(news)

    def _leave_if_lost(self, news: turn_log.Renewed) -> None:
        """A turn that is another's must not wait for its next commit to find out: its viewers here would wait too."""
        fence = self._fences.get(news.turn_id)
        if fence is not None and news.fence > fence:
            log.info("turn_lease_lost", turn_id=news.turn_id)
            self._tasks[news.turn_id].cancel()

    async def _run(self, turn_id: str, turn: Turn) -> None:
        with (
            structlog.contextvars.bound_contextvars(turn_id=turn_id),
            self._parts.stream.running(turn_id),
        ):
            try:
                await turn.run()
            except turn_log.LeaseLost:
                log.info("turn_lease_lost")
                self._parts.stream.notify(turn_id)
            except DatabaseAway as error:
                # Its log says how far it got. Whoever finds the lease run out goes on from there.
                log.warning("turn_left", error=str(error))
            except Exception:
                log.exception("turn_crashed")
                with contextlib.suppress(turn_log.LeaseLost, SQLAlchemyError, DatabaseAway):
                    await turn.fail_internally()
            finally:
                self._forget(turn_id)
        with contextlib.suppress(DatabaseAway):  # the next sweep finds them
            if turn.next_turn_id is not None:
                await self.wake(turn.next_turn_id)
            if turn_id in self._woken:
                self._woken.discard(turn_id)
                await self.wake(turn_id)

    def _forget(self, turn_id: str) -> None:
        self._tasks.pop(turn_id, None)
        self._turns.pop(turn_id, None)
        self._fences.pop(turn_id, None)
        turns_running.set(len(self._tasks))
