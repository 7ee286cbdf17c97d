"""Reading whole chains from the database, page by page: to check them and to export them.

Each page is a short transaction of its own. That is as good as one long one, because rows are never changed.
"""

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy.ext.asyncio import AsyncSession

from orchestrator.audit.chain import NOTHING, Break, ChainCheck, Head, Row, Whole, instant
from orchestrator.audit.file import FileHeader, row_line
from orchestrator.audit.queries import find_end, first_seq_since, last_seq_until, list_rows
from orchestrator.database import Database

PAGE_ROWS = 500


@dataclass(frozen=True, slots=True)
class Stretch:
    """Which rows of a chain: those on these days (UTC), both included; None: from the first, to the last."""

    since: date | None = None
    until: date | None = None


EVERYTHING = Stretch()


async def verify_chain(database: Database, tenant_id: str) -> Whole | Break:
    """Walk a tenant's chain from its first row to its end."""
    async with database.reading() as session:
        end, last = await find_end(session, tenant_id)
    check = ChainCheck(tenant_id)
    async for row in _rows(database, tenant_id, after=0, to=last):
        broken = check.add(row)
        if broken is not None:
            return broken
    if end is None and last:
        return Break(tenant_id, last, "nothing says that the chain ends here: its head is missing")
    return check.end(end or NOTHING)


async def export_chain(
    database: Database, tenant_id: str, now: datetime, stretch: Stretch = EVERYTHING
) -> AsyncGenerator[str]:
    """The lines of an export file, up to the end that the chain has now."""
    before, head = await _ends(database, tenant_id, stretch)
    yield FileHeader(
        tenant_id=tenant_id,
        exported_at=instant(now),
        first_seq=before.seq + 1,
        prev_hash=before.row_hash,
        last_seq=head.seq,
        last_hash=head.row_hash,
    ).line()
    async for row in _rows(database, tenant_id, after=before.seq, to=head.seq):
        yield row_line(row)


async def _ends(database: Database, tenant_id: str, stretch: Stretch) -> tuple[Head, Head]:
    """The row before the first of a stretch, and its last."""
    async with database.reading() as session:
        end, last_row = await find_end(session, tenant_id)
        head = end or Head(last_row)
        before = NOTHING
        if stretch.since is not None:
            first = await first_seq_since(session, tenant_id, stretch.since)
            if first is None or first > head.seq:
                return head, head
            before = await _head_at(session, tenant_id, first - 1)
        if stretch.until is not None:
            last = await last_seq_until(session, tenant_id, stretch.until) or 0
            if last < head.seq:
                head = await _head_at(session, tenant_id, max(last, before.seq))
    return before, head


async def _head_at(session: AsyncSession, tenant_id: str, seq: int) -> Head:
    rows = await list_rows(session, tenant_id, after=seq - 1, to=seq, limit=1)
    return rows[0].head if rows else Head(seq)


async def _rows(database: Database, tenant_id: str, *, after: int, to: int) -> AsyncGenerator[Row]:
    while after < to:
        async with database.reading() as session:
            rows = await list_rows(session, tenant_id, after=after, to=to, limit=PAGE_ROWS)
        if not rows:
            return
        for row in rows:
            yield row
        after = rows[-1].seq
