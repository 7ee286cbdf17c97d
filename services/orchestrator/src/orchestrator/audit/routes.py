"""The audit chain over HTTP, for owners and admins of the tenant: look through it, export it."""

from typing import Annotated

import orjson
from fastapi import APIRouter, Depends, Query
from fastapi.responses import StreamingResponse

from orchestrator.audit.chain import Row
from orchestrator.audit.queries import list_latest
from orchestrator.audit.walk import export_chain
from orchestrator.deps import Caller, Db, Now
from shared.errors import NotAllowed
from shared.service_tokens import Principal
from shared.wire.api import AuditPage, AuditRow

MAY_READ = frozenset({"owner", "admin"})

router = APIRouter(prefix="/v1/audit", tags=["audit"])


def _reader(caller: Caller) -> Principal:
    if not caller.personal_roles & MAY_READ:
        raise NotAllowed("Only an owner or an admin can read the audit chain. Ask one of them.")
    return caller


Reader = Annotated[Principal, Depends(_reader)]
Id = Annotated[str | None, Query(max_length=64)]


@router.get("")
async def list_all(
    reader: Reader,
    db: Db,
    before: Annotated[int | None, Query(ge=1, description="Rows before this number.")] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    kind: Id = None,
    person: Id = None,
    turn: Id = None,
) -> AuditPage:
    """What was decided and done in your organisation, latest first. For owners and admins."""
    async with db.reading() as session:
        rows = await list_latest(
            session,
            reader.tenant,
            before=before,
            limit=limit,
            kind=kind,
            person=person,
            turn=turn,
        )
    return AuditPage(
        rows=[_as_wire(row) for row in rows],
        next_before=rows[-1].seq if len(rows) == limit else None,
    )


@router.get("/export", response_class=StreamingResponse)
async def export(reader: Reader, db: Db, now: Now) -> StreamingResponse:
    """The whole chain of your organisation as JSON lines. `orchestrator audit verify --file` checks it."""
    return StreamingResponse(
        export_chain(db, reader.tenant, now),
        media_type="application/jsonl",
        headers={"Content-Disposition": 'attachment; filename="audit.jsonl"'},
    )


def _as_wire(row: Row) -> AuditRow:
    return AuditRow(
        seq=row.seq,
        at=row.at,
        kind=row.kind,
        person_id=row.person_id,
        turn_id=row.turn_id,
        call_id=row.call_id,
        body=orjson.loads(row.body),
        prev_hash=row.prev_hash,
        row_hash=row.row_hash,
    )
