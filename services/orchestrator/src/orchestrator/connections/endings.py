"""The end of people's connections: out of use at once, revoked at their issuers (RFC 7009), then forgotten here.

Whoever asks for it waits a moment for the issuers, and the rows go whatever those say. What a process that died has
left behind is ended by another.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

import structlog
from sqlalchemy import ColumnElement
from sqlalchemy.exc import SQLAlchemyError

from orchestrator.audit.models import AuditKind
from orchestrator.audit.queries import record
from orchestrator.connections.models import ConnectionRow
from orchestrator.connections.parts import ConnectionParts
from orchestrator.connections.queries import (
    are_left_behind,
    are_of_person,
    are_of_tenant,
    remove_connection,
    remove_sign_ins_of,
    take_to_end,
)
from orchestrator.connections.tokens import opened, revoke
from orchestrator.database import DatabaseAway
from shared.service_tokens import Principal

PART = 50
"""Connections that are ended at one go; as many as a person can have (`servers.MAX_SERVERS`)."""
PATIENCE_S = 10.0
"""For all their issuers together: the frontend waits 15 s for an answer."""
AT_ONCE = 8
LEFT_AFTER = timedelta(minutes=1)
"""Whoever began to end a connection so long ago has died."""
LOOK_FOR_LEFT_S = 60.0

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Ended:
    """What came of ending connections."""

    connections: int
    revoked: int
    """Of those, by how many an issuer has confirmed that it forgot them, too."""


async def end_connections(
    parts: ConnectionParts, which: ColumnElement[bool], by: Principal | None
) -> Ended:
    """End a part of them. `by` is whom the audit names; None: nobody, or it is not known any more."""
    until = parts.now() + LEFT_AFTER
    async with parts.database.writing() as session:
        rows = await take_to_end(session, which, until, PART)
    revoked = await _revoke(parts, rows)
    ended = 0
    async with parts.database.writing() as session:
        for row in rows:
            if not await remove_connection(session, row):
                continue  # another took it over meanwhile, or the person has signed in anew
            ended += 1
            if row.connected_at is None:
                continue  # it was only wanted
            body = {
                "server": row.server,
                "issuer": row.issuer,
                "connection_id": row.connection_id,
                "revoked": row.connection_id in revoked,
                "by": "" if by is None else by.subject,
                "name": "" if by is None else by.name,
                "session": "" if by is None else by.session,
            }
            await record(
                session,
                row.tenant_id,
                AuditKind.DISCONNECTED,
                parts.now(),
                person=row.owner_id,
                body=body,
            )
    return Ended(ended, len(revoked))


async def end_person(parts: ConnectionParts, subject: str, by: Principal) -> Ended:
    """All connections of somebody who has left `by`'s tenant, and the sign-ins that they have begun."""
    async with parts.database.writing() as session:
        await remove_sign_ins_of(session, by.tenant, subject)
    return await end_connections(parts, are_of_person(by.tenant, subject), by)


async def end_part_of_tenant(parts: ConnectionParts, tenant_id: str) -> bool:
    """Whether there were some left to end."""
    return (await end_connections(parts, are_of_tenant(tenant_id), None)).connections > 0


async def ending_what_was_left(parts: ConnectionParts) -> None:
    """End what others began to end. Runs until cancelled."""
    while True:
        try:
            while (await end_connections(parts, are_left_behind(parts.now()), None)).connections:
                pass
        except (SQLAlchemyError, DatabaseAway) as error:
            log.warning("connections_not_ended", error=type(error).__name__)
        await asyncio.sleep(LOOK_FOR_LEFT_S)


async def _revoke(parts: ConnectionParts, rows: Sequence[ConnectionRow]) -> set[str]:
    """The ids of those whose issuers confirmed it in time."""
    revoked: set[str] = set()
    turns = asyncio.Semaphore(AT_ONCE)

    async def forget(row: ConnectionRow) -> None:
        async with turns:
            if await revoke(parts, row, opened(parts, row)):
                revoked.add(row.connection_id)

    try:
        async with asyncio.timeout(PATIENCE_S):
            await asyncio.gather(*(forget(row) for row in rows))
    except TimeoutError:
        log.warning("connections_not_revoked_in_time", count=len(rows) - len(revoked))
    return revoked
