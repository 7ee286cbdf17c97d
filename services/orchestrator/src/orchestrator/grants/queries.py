"""Every statement on standing grants."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import ColumnElement, Select, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from orchestrator.audit.models import AuditKind
from orchestrator.audit.queries import record
from orchestrator.grants.matching import StandingGrant, state_of
from orchestrator.grants.models import GrantRow
from orchestrator.tools.models import ToolDefinitionRow
from orchestrator.tools.queries import EVERY_TENANT
from shared.errors import NotFound
from shared.service_tokens import Principal
from shared.wire.api import ArgumentPattern, Grant

MAX_LISTED = 500


async def list_grants(
    session: AsyncSession, caller: Principal, now: datetime, *, everybody: bool
) -> list[Grant]:
    """A person's grants or those of their whole tenant: newest first, the latest 500."""
    theirs = [GrantRow.tenant_id == caller.tenant]
    if not everybody:
        theirs.append(GrantRow.owner_id == caller.subject)
    own, common = aliased(ToolDefinitionRow), aliased(ToolDefinitionRow)
    rows = await session.execute(
        select(GrantRow, func.coalesce(own.definition_hash, common.definition_hash))
        .outerjoin(own, _defines(own, caller.tenant))
        .outerjoin(common, _defines(common, EVERY_TENANT))
        .where(*theirs)
        .order_by(GrantRow.created_at.desc(), GrantRow.grant_id)
        .limit(MAX_LISTED)
    )
    return [_as_grant(row, now, definition_hash) for row, definition_hash in rows]


def _defines(definition: type[ToolDefinitionRow], tenant_id: str) -> ColumnElement[bool]:
    return (
        (definition.tenant_id == tenant_id)
        & (definition.server == GrantRow.server)
        & (definition.tool == GrantRow.tool)
    )


async def list_standing(
    session: AsyncSession, person: Principal, now: datetime
) -> list[StandingGrant]:
    """A person's grants that are neither withdrawn nor expired, newest first."""
    rows = await session.scalars(
        _standing(person, now).order_by(GrantRow.created_at.desc(), GrantRow.grant_id)
    )
    return [_as_standing(row) for row in rows]


async def count_standing(session: AsyncSession, person: Principal, now: datetime) -> int:
    """How many `list_standing` would give."""
    standing = _standing(person, now).subquery()
    return await session.scalar(select(func.count()).select_from(standing)) or 0


async def count_use(session: AsyncSession, grant_id: str, now: datetime) -> None:
    """Note that a call runs under a grant."""
    await session.execute(
        update(GrantRow)
        .where(GrantRow.grant_id == grant_id)
        .values(uses=GrantRow.uses + 1, last_used_at=now)
    )


async def withdraw(
    session: AsyncSession, grant_id: str, caller: Principal, now: datetime, *, anybodys: bool
) -> None:
    """End a grant. Doing it again changes nothing.

    Raises:
        NotFound: there is none, or it is somebody else's and `anybodys` is false.
    """
    row = await session.get(GrantRow, grant_id, with_for_update=True)
    mine = row is not None and (anybodys or row.owner_id == caller.subject)
    if row is None or not mine or row.tenant_id != caller.tenant:
        raise NotFound("There is no such standing grant.")
    if row.withdrawn_at is not None:
        return
    row.withdrawn_at = now
    await record(
        session,
        row.tenant_id,
        AuditKind.GRANT_WITHDRAWN,
        now,
        person=caller.subject,
        call_id=row.call_id,
        body={"grant_id": grant_id, "owner_id": row.owner_id, "session": caller.session},
    )


def _standing(person: Principal, now: datetime) -> Select[GrantRow]:
    return select(GrantRow).where(
        GrantRow.tenant_id == person.tenant,
        GrantRow.owner_id == person.subject,
        GrantRow.withdrawn_at.is_(None),
        GrantRow.expires_at > now,
    )


def _as_standing(row: GrantRow) -> StandingGrant:
    return StandingGrant(
        grant_id=row.grant_id,
        server=row.server,
        tool=row.tool,
        definition_hash=row.definition_hash,
        definition=row.definition,
        arguments=_patterns(row.arguments),
        created_at=row.created_at,
        expires_at=row.expires_at,
        withdrawn_at=row.withdrawn_at,
    )


def _as_grant(row: GrantRow, now: datetime, definition_hash: str | None) -> Grant:
    return Grant(
        grant_id=row.grant_id,
        server=row.server,
        tool=row.tool,
        title=row.title,
        definition_hash=row.definition_hash,
        arguments=_patterns(row.arguments),
        state=state_of(_as_standing(row), now, definition_hash=definition_hash),
        created_at=row.created_at,
        expires_at=row.expires_at,
        last_used_at=row.last_used_at,
        uses=row.uses,
        given_by=row.owner_name,
    )


def _patterns(stored: Mapping[str, object]) -> dict[str, ArgumentPattern]:
    return {name: ArgumentPattern.model_validate(pattern) for name, pattern in stored.items()}
