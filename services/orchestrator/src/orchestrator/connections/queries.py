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
    LEAVING = "leaving"
    """It is being revoked and goes then. `refresh_until` is when another may take that over."""


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


def are_of_tenant(tenant_id: str) -> ColumnElement[bool]:
    return ConnectionRow.tenant_id == tenant_id


def are_of_person(tenant_id: str, owner_id: str) -> ColumnElement[bool]:
    return and_(are_of_tenant(tenant_id), ConnectionRow.owner_id == owner_id)


def is_of(person: Principal, server: str) -> ColumnElement[bool]:
    return and_(are_of_person(person.tenant, person.subject), ConnectionRow.server == server)


def are_to(server: RemoteServerRow) -> ColumnElement[bool]:
    """Everybody's, for when the server is removed."""
    return and_(are_of_tenant(server.tenant_id), ConnectionRow.server == server.key)


def are_left_behind(now: datetime) -> ColumnElement[bool]:
    """Anybody's: whoever began to end them has not done it in time."""
    return and_(ConnectionRow.state == ConnectionState.LEAVING, ConnectionRow.refresh_until <= now)


async def find_connection(
    session: AsyncSession, server: str, person: Principal
) -> ConnectionRow | None:
    """As it is in the database now, whatever the session has seen before."""
    query = select(ConnectionRow).where(is_of(person, server))
    return await session.scalar(query.execution_options(populate_existing=True))


async def list_connections(session: AsyncSession, person: Principal) -> list[ConnectionRow]:
    """Without those that are being revoked."""
    query = select(ConnectionRow).where(
        are_of_person(person.tenant, person.subject),
        ConnectionRow.state != ConnectionState.LEAVING,
    )
    return list(await session.scalars(query.order_by(ConnectionRow.server)))


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


async def take_to_end(
    session: AsyncSession, which: ColumnElement[bool], until: datetime, limit: int | None = None
) -> list[ConnectionRow]:
    """Put connections out of use. Until then they are the caller's alone to revoke and remove."""
    some = select(ConnectionRow.connection_id).where(which).limit(limit)
    taken = (
        update(ConnectionRow)
        .where(which, ConnectionRow.connection_id.in_(some))
        .values(
            state=ConnectionState.LEAVING,
            generation=ConnectionRow.generation + 1,
            refresh_until=until,
            problem="",
        )
        .returning(ConnectionRow)
        .execution_options(synchronize_session=False, populate_existing=True)
    )
    return list(await session.scalars(taken))


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


async def remove_connections_of(session: AsyncSession, tenant_id: str, owner_id: str) -> int:
    """A person's, with nothing revoked. Gives how many there were."""
    gone = await session.scalars(
        delete(ConnectionRow)
        .where(are_of_person(tenant_id, owner_id))
        .returning(ConnectionRow.connection_id)
    )
    return len(gone.all())


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


async def remove_sign_ins_of(session: AsyncSession, tenant_id: str, owner_id: str) -> None:
    """Those that a person has under way."""
    await session.execute(
        delete(SignInRow).where(SignInRow.tenant_id == tenant_id, SignInRow.owner_id == owner_id)
    )
