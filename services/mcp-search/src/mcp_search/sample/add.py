"""Adds the sample documents to each tenant that comes by, once."""

import asyncio
import hashlib
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path

import structlog

from mcp_search.errors import NameTaken
from mcp_search.knowledge.library import Library, Upload
from shared.mcp_server import Problem
from shared.service_tokens import Principal

COLLECTION = "Handbook"
DOCUMENTS = (
    "employee-handbook.md",
    "travel-policy.md",
    "security-guide.pdf",
    "on-call.md",
    "onboarding.html",
    "price-list.csv",
)
WAIT_S = 20.0
"""For the documents to be read, which takes some seconds: the first question of all shall not find nothing."""
POLL_S = 0.1
UNDER_WAY = {"queued", "parsing", "embedding"}

log = structlog.get_logger()


@dataclass(slots=True)
class Samples:
    """For trials only: whoever is new finds something to ask about. Belongs to one event loop."""

    library: Library
    folder: Path
    """Notes whom they were added to: a collection that somebody removed does not come back."""
    _adding: "dict[str, asyncio.Task[None]]" = field(
        default_factory=dict[str, "asyncio.Task[None]"]
    )

    def begin(self, tenant: str) -> None:
        """Have them added, if they were not yet."""
        if tenant not in self._adding:
            self._adding[tenant] = asyncio.create_task(self._add(tenant))

    async def ready(self, tenant: str) -> None:
        """When they can be found, or it takes too long."""
        self.begin(tenant)
        await asyncio.wait({self._adding[tenant]}, timeout=WAIT_S)

    async def forget(self, tenant: str) -> None:
        """As if it had never come by."""
        adding = self._adding.pop(tenant, None)
        if adding is not None:
            adding.cancel()
            await asyncio.gather(adding, return_exceptions=True)
        self._mark(tenant).unlink(missing_ok=True)

    async def close(self) -> None:
        for task in self._adding.values():
            task.cancel()
        await asyncio.gather(*self._adding.values(), return_exceptions=True)
        self._adding.clear()

    async def _add(self, tenant: str) -> None:
        mark = self._mark(tenant)
        if mark.exists():
            return
        by = Principal(
            subject="sample",
            tenant=tenant,
            roles=frozenset(self.library.config.editor_roles[:1]),
            name="Tidewater office",
        )
        try:
            await self._add_as(by)
        except NameTaken:
            log.info("sample_not_added", reason="a collection has its name")
        except Problem as problem:
            log.warning("sample_not_added", reason=problem.message)
            return
        self.folder.mkdir(mode=0o700, exist_ok=True)
        mark.touch()

    def _mark(self, tenant: str) -> Path:
        return self.folder / hashlib.sha256(tenant.encode()).hexdigest()[:32]

    async def _add_as(self, by: Principal) -> None:
        collection = await self.library.make_collection(
            by, COLLECTION, description="How Tidewater works: policies, guides and prices."
        )
        for name in DOCUMENTS:
            content = (files(__package__ or "") / name).read_bytes()
            await self.library.add(by, Upload(name, content, collection.id))
        documents = await self.library.documents(by, collection.id)
        while any(one.state in UNDER_WAY for one in documents):
            await asyncio.sleep(POLL_S)
            documents = await self.library.documents(by, collection.id)
