"""Every statement on added servers and on sign-ins there. All by tenant, and what is a person's by person."""

import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import ColumnElement, and_, delete, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from orchestrator.connections.models import (
    ConnectionRow,
    OAuthClientRow,
    RemoteServerRow,
    SignInRow,
)
from shared.errors import NotFound
from shared.service_tokens import Principal

NO_SERVER = "There is no such server here."


class ConnectionState(StrEnum):
    """Where a person's connection stands."""

    WANTED = "wanted"
    """The server wants a sign-in, and there was none yet."""
    ACTIVE = "active"
    ENDED = "ended"
    """Its tokens are refused or cannot be renewed: the person has to sign in again."""


async def list_servers(session: AsyncSession, tenant_id: str) -> list[RemoteServerRow]:
    """Oldest first, those that are switched off included."""
    query = (
        select(RemoteServerRow)
        .where(RemoteServerRow.tenant_id == tenant_id, RemoteServerRow.removed_at.is_(None))
        .order_by(RemoteServerRow.added_at, RemoteServerRow.key)
    )
    return list(await session.scalars(query))


async def get_server(session: AsyncSession, key: str, tenant_id: str) -> RemoteServerRow:
    """Raises NotFound when it is absent, removed or another tenant's."""
    row = await session.scalar(
        select(RemoteServerRow).where(
            RemoteServerRow.key == key,
            RemoteServerRow.tenant_id == tenant_id,
            RemoteServerRow.removed_at.is_(None),
        )
    )
    if row is None:
        raise NotFound(NO_SERVER)
    return row


async def was_key_used(session: AsyncSession, key: str) -> bool:
    """By any server of any tenant, also by one that was removed."""
    return await session.get(RemoteServerRow, key) is not None


async def find_client(session: AsyncSession, server: str, issuer: str) -> OAuthClientRow | None:
    return await session.get(OAuthClientRow, (server, issuer))


async def put_client(session: AsyncSession, row: OAuthClientRow) -> None:
    await session.merge(row)


def _is_of(person: Principal, server: str) -> ColumnElement[bool]:
    return and_(
        ConnectionRow.tenant_id == person.tenant,
        ConnectionRow.owner_id == person.subject,
        ConnectionRow.server == server,
    )


async def find_connection(
    session: AsyncSession, server: str, person: Principal
) -> ConnectionRow | None:
    """As it is in the database now, whatever the session has seen before."""
    query = select(ConnectionRow).where(_is_of(person, server))
    return await session.scalar(query.execution_options(populate_existing=True))


async def list_connections(session: AsyncSession, person: Principal) -> list[ConnectionRow]:
    query = select(ConnectionRow).where(
        ConnectionRow.tenant_id == person.tenant, ConnectionRow.owner_id == person.subject
    )
    return list(await session.scalars(query.order_by(ConnectionRow.server)))


async def list_connections_to(
    session: AsyncSession, server: RemoteServerRow
) -> list[ConnectionRow]:
    """Everybody's, for when the server is removed."""
    query = select(ConnectionRow).where(
        ConnectionRow.server == server.key, ConnectionRow.tenant_id == server.tenant_id
    )
    return list(await session.scalars(query))


def new_connection(server: str, person: Principal) -> ConnectionRow:
    """Without tokens yet."""
    return ConnectionRow(
        connection_id=f"connection_{uuid.uuid4().hex}",
        tenant_id=person.tenant,
        owner_id=person.subject,
        server=server,
        state=ConnectionState.WANTED,
        issuer="",
        token_endpoint="",
        revocation_endpoint=None,
        resource="",
        client_id="",
        scopes="",
        sealed_tokens=None,
        token_expires_at=None,
        generation=0,
        refresh_until=None,
        wanted_scopes="",
        metadata_url=None,
        problem="",
        connected_at=None,
        refreshed_at=None,
        last_used_at=None,
    )


async def remove_connection(session: AsyncSession, row: ConnectionRow) -> bool:
    """False: it was gone already, or replaced by another sign-in."""
    result = await session.execute(
        delete(ConnectionRow)
        .where(
            ConnectionRow.connection_id == row.connection_id,
            ConnectionRow.generation == row.generation,
        )
        .returning(ConnectionRow.connection_id)
    )
    return result.scalar_one_or_none() is not None


async def update_connection(session: AsyncSession, row: ConnectionRow, **values: object) -> bool:
    """Change it, if its tokens are still those of `row`. False: they are not, or it is gone."""
    result = await session.execute(
        update(ConnectionRow)
        .where(
            ConnectionRow.connection_id == row.connection_id,
            ConnectionRow.generation == row.generation,
        )
        .values(**values)
        .returning(ConnectionRow.connection_id)
        .execution_options(synchronize_session=False)
    )
    return result.scalar_one_or_none() is not None


async def claim_refresh(
    session: AsyncSession, row: ConnectionRow, now: datetime, lease: timedelta
) -> bool:
    """Become the one replica that asks for new tokens. False: another is, or there are new ones already."""
    result = await session.execute(
        update(ConnectionRow)
        .where(
            ConnectionRow.connection_id == row.connection_id,
            ConnectionRow.generation == row.generation,
            ConnectionRow.state == ConnectionState.ACTIVE,
            or_(ConnectionRow.refresh_until.is_(None), ConnectionRow.refresh_until <= now),
        )
        .values(refresh_until=now + lease, problem="")
        .returning(ConnectionRow.connection_id)
        .execution_options(synchronize_session=False)
    )
    return result.scalar_one_or_none() is not None


async def take_sign_in(
    session: AsyncSession, state_hash: str, person: Principal
) -> SignInRow | None:
    """Take a sign-in out, once. None: it is unknown, over, or another person's or session's."""
    return await session.scalar(
        delete(SignInRow)
        .where(
            SignInRow.state_hash == state_hash,
            SignInRow.tenant_id == person.tenant,
            SignInRow.owner_id == person.subject,
            SignInRow.session == person.session,
        )
        .returning(SignInRow)
    )


async def remove_outdated_sign_ins(session: AsyncSession, now: datetime) -> None:
    await session.execute(delete(SignInRow).where(SignInRow.expires_at <= now))


async def remove_sign_ins(session: AsyncSession, servers: Sequence[str]) -> None:
    """Those under way at servers that are gone or switched off."""
    await session.execute(delete(SignInRow).where(SignInRow.server.in_(servers)))
