"""Runs the work on documents as workflows of DBOS: queued, a few at a time, gone on with whatever ended a process.

DBOS keeps what was begun and how far it came; what a document is, and whether it is still wanted, the store alone says.
Each step asks it again, so that a step that is done twice, or by two, does no harm.
"""

import asyncio
import concurrent.futures
import contextlib
import logging
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import ClassVar, ParamSpec, TypeVar

import psycopg
import structlog
from dbos import (
    DBOS,
    DBOSConfig,
    DBOSPortableJSONSerializer,
    SetWorkflowID,
    WorkflowStatus,
    error,
)
from sqlalchemy.exc import SQLAlchemyError

from mcp_search.knowledge.ingestion.roll import Roll
from mcp_search.knowledge.ingestion.work import Job, Stage, Work
from shared.errors import BadSetup

QUEUE = "ingest"
INGEST = "ingest"
EMBED_AGAIN = "embed_again"
ACTIVE = ["ENQUEUED", "PENDING", "DELAYED"]
ENDED = ["SUCCESS", "ERROR", "CANCELLED", "MAX_RECOVERY_ATTEMPTS_EXCEEDED"]
KEPT_FOR = timedelta(days=1)
TAKEN_OVER = "taken_over"
MAX_TAKEOVERS = 5
"""How often a job may be taken over from a process that ended over it, before the document counts as the reason."""
ORDER_OF_STEPS = "1"
"""Pinned: what another build began is gone on with. Changes when steps change their order or meaning."""

P = ParamSpec("P")
T = TypeVar("T")

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Pace:
    """How often is looked for work, in seconds."""

    poll_s: float = 0.5
    sweep_s: float = 15.0
    """For what dead processes left, and what the store knows of and no job does."""
    embed_again_s: float = 600.0
    """For ready versions that lack vectors: their chunks are counted, which takes a moment."""


class _Stopped(BaseException):
    """The server stops. Not an Exception: DBOS would note the step as failed, and never do it again."""


class Jobs:
    """The jobs of one server. DBOS is one per process, and so is this.

    DBOS calls the database in the thread it is called in, so it gets threads of its own; the steps themselves run in
    the event loop that `start` was called in, where the store and the embedder live.
    """

    _running: ClassVar["Jobs | None"] = None

    def __init__(
        self, url: str, roll: Roll, work: Work, *, at_once: int = 2, pace: Pace | None = None
    ) -> None:
        """`url` is `sqlite:////PATH` of a file of its own, or `postgresql://…`, where DBOS has a schema of its own."""
        self._url = url
        self._roll = roll
        self._work = work
        self._at_once = at_once
        self._pace = pace or Pace()
        self._executor = secrets.token_hex(8)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._steps: set[concurrent.futures.Future[bool]] = set()
        self._stopping = False
        self._embed_again_at = 0.0
        self._behind: set[Job] = set()
        self._sweeping: asyncio.Task[None] | None = None
        self._thread = concurrent.futures.ThreadPoolExecutor(1, "ingestion")
        """For DBOS and the roll, which block."""
        self._workflows: dict[str, Callable[[str, str, int], None]] = {}

    def is_behind(self, tenant: str) -> bool:
        """Some of what is found in the tenant has no vectors of its collection's model yet, as far as is known here.

        What another replica embeds again is noticed with the next look.
        """
        return any(job.tenant == tenant for job in self._behind)

    async def start(self) -> None:
        """Begin, and go on with what was left.

        Raises BadSetup: the database cannot be used. RuntimeError: another one runs in this process.
        """
        if Jobs._running is not None:
            raise RuntimeError("DBOS is one per process, and other jobs run in this one.")
        Jobs._running = self
        self._loop = asyncio.get_running_loop()
        await self._take_in_new_model()
        try:
            await self._in_thread(self._launch)
            await self.sweep()
        except (OSError, psycopg.Error, SQLAlchemyError) as problem:
            await self.close()
            raise BadSetup("The database of the knowledge base's jobs cannot be used.") from problem
        except BaseException:
            await self.close()
            raise
        self._sweeping = asyncio.create_task(self._sweep_again_and_again())

    async def close(self) -> None:
        """Stop between two steps or in one; what was being done is gone on with at the next start."""
        if Jobs._running is not self:
            return
        self._stopping = True
        if self._sweeping is not None:
            self._sweeping.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._sweeping
        for step in list(self._steps):
            step.cancel()
        await self._in_thread(self._land)
        self._thread.shutdown(wait=False)
        Jobs._running = None

    async def submit(self, job: Job) -> None:
        """Have it done. A job that was submitted before is not done again."""
        try:
            await self._in_thread(self._enqueue, INGEST, job.id, job)
        except SQLAlchemyError:
            # The store has the document: the next sweep that finds the database there submits it.
            log.warning("job_submitted_later", document=job.id, tenant=job.tenant)

    # Threads of DBOS

    def _launch(self) -> None:
        # Without a handler of its own DBOS would put one on the console, past the server's log.
        logging.getLogger("dbos").addHandler(logging.NullHandler())
        self._roll.enter(self._executor)
        DBOS(
            config=DBOSConfig(
                name="mcp-search",
                system_database_url=self._url,
                application_version=ORDER_OF_STEPS,
                executor_id=self._executor,
                log_level="WARNING",
                notification_listener_polling_interval_sec=self._pace.poll_s,
                # The default pickles: whoever can write to the database could run code here.
                serializer=DBOSPortableJSONSerializer(),
            )
        )
        self._workflows = {
            INGEST: _workflow(INGEST, self._ingest),
            EMBED_AGAIN: _workflow(EMBED_AGAIN, self._embed_again),
        }
        DBOS.launch()
        DBOS.register_queue(
            QUEUE,
            worker_concurrency=self._at_once,
            polling_interval_sec=self._pace.poll_s,
            on_conflict="always_update",
        )

    def _land(self) -> None:
        try:
            # What was begun here is for whoever polls next, and does not count as taken over.
            if begun := [status.workflow_id for status in _pending(self._executor)]:
                DBOS.resume_workflows(begun, queue_name=QUEUE)
        except (error.DBOSException, SQLAlchemyError):
            log.warning(
                "jobs_not_handed_back"
            )  # They are taken over as from a process that was killed.
        finally:
            DBOS.destroy(destroy_registry=True)
            self._roll.leave()

    def _enqueue(self, name: str, workflow_id: str, job: Job) -> None:
        with SetWorkflowID(workflow_id):
            DBOS.enqueue_workflow(
                QUEUE, self._workflows[name], job.tenant, job.document_id, job.version
            )

    def _ingest(self, job: Job) -> None:
        """The workflow. Only what steps answer decides what it does, so that it comes the same way again."""
        if not self._step("read", job):
            return
        while self._step("embed", job):
            pass
        if self._step("publish", job):
            self._step("prove", job)

    def _embed_again(self, job: Job) -> None:
        while DBOS.run_step({"name": "embed_again"}, self._in_loop, self._work.embed_again, job):
            pass
        self._behind.discard(job)

    def _step(self, stage: Stage, job: Job) -> bool:
        async def act(job: Job) -> bool:
            return await self._work.step(stage, job)

        return DBOS.run_step({"name": stage}, self._in_loop, act, job)

    def _in_loop(self, act: Callable[[Job], Awaitable[bool]], job: Job) -> bool:
        """Run a step where the store lives, and wait for it."""
        if self._stopping or self._loop is None:
            raise _Stopped
        step = asyncio.run_coroutine_threadsafe(_awaited(act, job), self._loop)
        self._steps.add(step)
        try:
            return step.result()
        except concurrent.futures.CancelledError:
            raise _Stopped from None
        finally:
            self._steps.discard(step)

    # What was left

    async def _sweep_again_and_again(self) -> None:
        while True:
            await asyncio.sleep(self._pace.sweep_s)
            try:
                await self.sweep()
            # The runner of background work: a database that is away for an hour must not end it for good.
            except Exception:
                log.exception("sweep_failed")

    async def sweep(self) -> None:
        """Look for what dead processes left, and what the store knows of and no job does. Done by itself every while.

        Raises KnowledgeAway, and what DBOS and psycopg raise.
        """
        exhausted = await self._in_thread(self._take_over)
        for job in exhausted:
            await self._work.fail(
                job,
                "The server ended several times while it worked on this file. It is not tried again.",
            )
        for version in await self._work.store.unfinished():
            await self._see_to(Job(*version))
        await self._in_thread(_forget_what_ended)
        if asyncio.get_running_loop().time() >= self._embed_again_at:
            self._embed_again_at = asyncio.get_running_loop().time() + self._pace.embed_again_s
            self._behind = {Job(*version) for version in await self._work.store.unembedded()}
            for job in list(self._behind):
                await self._in_thread(self._embed_again_once, job)

    async def _see_to(self, job: Job) -> None:
        """Submit what nobody submitted (the process ended in between), and end what was given up on."""
        status = await self._in_thread(_status, job.id)
        if status is None:
            await self.submit(job)
        elif status not in ACTIVE:
            await self._work.fail(job, "The work on it broke off. Upload the file once more.")

    async def _take_in_new_model(self) -> None:
        """Collections embedded by another model than the configured one are now this one's.

        Until their passages are embedded again they are found by their words.
        """
        model = self._work.embedder.model
        for collection in await self._work.store.of_other_models(model):
            log.info("collection_model_changed", collection=collection.id, tenant=collection.tenant)
            await self._work.store.change_collection(replace(collection, model=model))

    def _take_over(self) -> list[Job]:
        """Queue again what processes were at that are gone. Gives the jobs over which too many of them ended."""
        self._roll.stay()
        exhausted: list[Job] = []
        for executor in {str(status.executor_id) for status in _pending()} - {self._executor}:
            with self._roll.gone(executor) as is_gone:
                # Asked again: whoever had the lock before may have taken them over already.
                left = _pending(executor) if is_gone else []
                exhausted += [_job_of(status) for status in left if not _resumed(status)]
        return exhausted

    def _embed_again_once(self, job: Job) -> None:
        prefix = f"{job.id}.embed."
        if not DBOS.list_workflows(workflow_id_prefix=prefix, status=ACTIVE, limit=1):
            self._enqueue(EMBED_AGAIN, f"{prefix}{secrets.token_hex(8)}", job)

    async def _in_thread(self, act: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, partial(act, *args, **kwargs))


def _workflow(name: str, run: Callable[[Job], None]) -> Callable[[str, str, int], None]:
    """DBOS keeps the arguments as JSON, and takes functions only."""

    @DBOS.workflow(name=name)
    def workflow(tenant: str, document_id: str, version: int) -> None:
        run(Job(tenant, document_id, version))

    return workflow


async def _awaited(act: Callable[[Job], Awaitable[bool]], job: Job) -> bool:
    return await act(job)


def _pending(executor: str | None = None) -> list[WorkflowStatus]:
    return DBOS.list_workflows(status="PENDING", executor_id=executor, load_output=False)


def _forget_what_ended() -> None:
    """What became of the documents, the store says; here it would only pile up."""
    before = (datetime.now(UTC) - KEPT_FOR).isoformat()
    ended = DBOS.list_workflows(
        status=ENDED, completed_before=before, limit=500, load_input=False, load_output=False
    )
    if ended:
        DBOS.delete_workflows([status.workflow_id for status in ended])


def _status(workflow_id: str) -> str | None:
    found = DBOS.list_workflows(workflow_ids=[workflow_id], load_input=False, load_output=False)
    return found[0].status if found else None


def _resumed(status: WorkflowStatus) -> bool:
    """Queue it again; or, after too many times, call it off."""
    taken_over = int((status.attributes or {}).get(TAKEN_OVER, 0)) + 1
    if taken_over > MAX_TAKEOVERS:
        DBOS.cancel_workflow(status.workflow_id)
        return False
    DBOS.update_workflow_attributes(status.workflow_id, {TAKEN_OVER: taken_over})
    DBOS.resume_workflow(status.workflow_id, queue_name=QUEUE)
    return True


def _job_of(status: WorkflowStatus) -> Job:
    assert status.input is not None  # noqa: S101 - it was asked for
    return Job(*status.input["args"])
