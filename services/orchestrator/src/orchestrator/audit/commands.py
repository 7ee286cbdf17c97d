"""`orchestrator audit verify` and `orchestrator audit export`: what they do and what they say."""

import asyncio
import sys
from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import TextIO

from orchestrator.audit.chain import Break, Whole
from orchestrator.audit.file import NotAnExport, check_file
from orchestrator.audit.queries import list_chains
from orchestrator.audit.walk import Stretch, export_chain, verify_chain
from orchestrator.database import Database
from shared.sql import utc_now


def verify_database(url: str, tenant_id: str | None) -> int:
    """Check the chain of one tenant, or all of them, and say what was found. Gives the exit status."""
    return _tell(asyncio.run(_verify(url, tenant_id)))


def verify_file(path: Path, tenant_id: str | None) -> int:
    """The same for an exported file. Needs no settings and no database."""
    try:
        with path.open("rb") as lines:
            found = [
                result
                for result in check_file(lines)
                if tenant_id is None or result.tenant_id == tenant_id
            ]
    except (OSError, NotAnExport) as error:
        sys.stderr.write(f"{path}: {getattr(error, 'strerror', None) or error}\n")
        return 1
    return _tell(found)


def export_database(
    url: str, tenant_id: str | None, since: date | None, until: date | None, out: TextIO
) -> int:
    """Write the chain of one tenant, or all of them, as JSON lines. Gives the exit status."""
    return asyncio.run(_export(url, tenant_id, Stretch(since, until), out))


async def _verify(url: str, tenant_id: str | None) -> list[Whole | Break]:
    database = Database(url, bounded=False)
    try:
        return [await verify_chain(database, chain) for chain in await _chains(database, tenant_id)]
    finally:
        await database.close()


async def _export(url: str, tenant_id: str | None, stretch: Stretch, out: TextIO) -> int:
    database = Database(url, bounded=False)
    try:
        chains = await _chains(database, tenant_id)
        for chain in chains:
            async for line in export_chain(database, chain, utc_now(), stretch):
                out.write(line)
    finally:
        await database.close()
    return 0 if chains else _nothing_found()


async def _chains(database: Database, tenant_id: str | None) -> list[str]:
    async with database.reading() as session:
        known = await list_chains(session)
    return [chain for chain in known if tenant_id in {None, chain}]


def _tell(results: Iterable[Whole | Break]) -> int:
    """Also nothing is a failure: whoever checks a chain every day must hear that it is gone."""
    status = None
    for result in results:
        sys.stdout.write(f"{in_words(result)}\n")
        status = 1 if isinstance(result, Break) or status else 0
    return _nothing_found() if status is None else status


def _nothing_found() -> int:
    sys.stderr.write("There is no audit chain of that tenant, or of any.\n")
    return 1


def in_words(result: Whole | Break) -> str:
    """One line on a chain."""
    if isinstance(result, Break):
        return f"{result.tenant_id}: BROKEN at row {result.seq}: {result.problem}"
    hashed = f"last hash {result.head.row_hash}"
    if result.before.seq == 0:
        return f"{result.tenant_id}: {result.rows} rows, chain whole, {hashed}"
    first = result.before.seq + 1
    return (
        f"{result.tenant_id}: {result.rows} rows, chain whole from row {first} on "
        f"(what came before is not in the file), {hashed}"
    )
