"""Processes that take one document in, and kill themselves as the kernel would, at a step of the store."""

import os
import signal
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

from support.forking import fork_as_told
from support.taking_in import ADA, PlayedEmbedder, knowledge_base, store_at

from mcp_search.knowledge.library import Upload
from mcp_search.knowledge.store.opening import open_store
from mcp_search.knowledge.store.store import SqlStore

TEXT = "".join(f"Drawer {number} holds the key of room number{number}.\n" for number in range(24))
STEPS = {
    "add_document",
    "original",
    "note_state",
    "stage",
    "stage_vectors",
    "publish",
    "neighbours",
}


class DyingStore:
    """Kills the process before or after one of its steps, the n-th time it comes to it."""

    def __init__(self, store: SqlStore, ends_at: str) -> None:
        self._store = store
        self._ends_at = ends_at
        self._times = dict.fromkeys(STEPS, 0)

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._store, name)
        if name not in STEPS:
            return found

        async def stepped(*values: Any) -> Any:
            self._times[name] += 1
            step = f"{name} {self._times[name]}"
            self._die_at(f"before {step}")
            result = await found(*values)
            self._die_at(f"after {step}")
            return result

        return stepped

    def _die_at(self, step: str) -> None:
        if step == self._ends_at:
            os.kill(os.getpid(), signal.SIGKILL)


def stop_for_good() -> None:
    """Until somebody kills it."""
    signal.pause()


async def take_in(told: str, ends_at: str, jobs_at: str) -> None:
    folder = Path(told)
    store: Any = DyingStore(open_store(store_at(folder, jobs_at)), ends_at)
    embedder = PlayedEmbedder(before=stop_for_good if ends_at == "hangs" else lambda: None)
    async with knowledge_base(folder, store=store, embedder=embedder, jobs_at=jobs_at) as base:
        added = await base.library.add(ADA, Upload("rooms.txt", TEXT.encode()))
        await base.settled(added.document)


if __name__ == "__main__":
    fork_as_told(take_in)
