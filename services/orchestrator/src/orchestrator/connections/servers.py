"""Adding somebody else's tool server to a tenant, switching it, removing it; and ending people's connections."""

import asyncio
import secrets
import string
from collections.abc import Collection
from typing import ClassVar

from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from orchestrator.audit.models import AuditKind
from orchestrator.audit.queries import record
from orchestrator.connections.clients import client_row
from orchestrator.connections.exchange import Client
from orchestrator.connections.models import ConnectionRow, RemoteServerRow
from orchestrator.connections.parts import ConnectionParts
from orchestrator.connections.queries import (
    find_connection,
    get_server,
    list_connections_to,
    list_servers,
    put_client,
    remove_connection,
    remove_sign_ins,
    was_key_used,
)
from orchestrator.connections.tokens import opened, revoke
from shared.errors import Conflict, InvalidInput, NotFound
from shared.service_tokens import Principal

MAX_SERVERS = 50
"""Of one tenant: each is asked for its tools."""
SUFFIX_CHARACTERS = 4
REVOKED_AT_ONCE = 8


class ServerExists(Conflict):
    """The tenant has a server of that name or at that address."""

    code: ClassVar[str] = "server_exists"


async def add_server(
    parts: ConnectionParts, admin: Principal, *, name: str, url: str, taken: Collection[str]
) -> RemoteServerRow:
    """Add a server; none of its tools can be used before somebody has looked at them.

    `taken`: keys of the servers that the operator has configured.

    Raises:
        AddressRefused, ServerExists, InvalidInput: there are too many.
    """
    address = str(parts.guard.target(url))
    try:
        async with parts.database.writing() as session:
            return await _add(session, parts, admin, name, address, taken)
    except IntegrityError:
        raise ServerExists(f"There is a server “{name}” already. Choose another name.") from None


async def _add(
    session: AsyncSession,
    parts: ConnectionParts,
    admin: Principal,
    name: str,
    url: str,
    taken: Collection[str],
) -> RemoteServerRow:
    present = await list_servers(session, admin.tenant)
    if len(present) >= MAX_SERVERS:
        raise InvalidInput(f"There are {MAX_SERVERS} servers already. Remove one first.")
    if name in taken or any(row.key == name for row in present):
        raise ServerExists(f"There is a server “{name}” already. Choose another name.")
    if any(row.url == url for row in present):
        raise ServerExists("The server at this address was added already.")
    row = RemoteServerRow(
        key=await _free_key(session, name),
        tenant_id=admin.tenant,
        url=url,
        is_enabled=True,
        added_by=admin.subject,
        added_at=parts.now(),
        removed_at=None,
    )
    session.add(row)
    await session.flush()
    await _record(session, parts, admin, AuditKind.SERVER_ADDED, row)
    return row


async def switch_server(
    parts: ConnectionParts, admin: Principal, key: str, *, is_enabled: bool
) -> RemoteServerRow:
    """Raises NotFound."""
    kind = AuditKind.SERVER_ENABLED if is_enabled else AuditKind.SERVER_DISABLED
    async with parts.database.writing() as session:
        row = await get_server(session, key, admin.tenant)
        if row.is_enabled != is_enabled:
            row.is_enabled = is_enabled
            await remove_sign_ins(session, [key])
            await _record(session, parts, admin, kind, row)
        return row


async def remove_server(parts: ConnectionParts, admin: Principal, key: str) -> None:
    """Take it away with everybody's connections, which are revoked as far as their issuers answer.

    Raises:
        NotFound.
    """
    async with parts.database.writing() as session:
        row = await get_server(session, key, admin.tenant)
        connections = await list_connections_to(session, row)
        row.removed_at, row.is_enabled = parts.now(), False
        await remove_sign_ins(session, [key])
        for connection in connections:
            await session.delete(connection)
        await _record(session, parts, admin, AuditKind.SERVER_REMOVED, row)
    turns = asyncio.Semaphore(REVOKED_AT_ONCE)

    async def forget(connection: ConnectionRow) -> None:
        async with turns:
            await revoke(parts, connection, opened(parts, connection))

    await asyncio.gather(*(forget(connection) for connection in connections))


async def set_client(
    parts: ConnectionParts, admin: Principal, key: str, issuer: str, client: Client
) -> None:
    """Say as whom we are registered with an issuer. Sign-ins of another client there end with their tokens.

    Raises:
        NotFound, AddressRefused.
    """
    parts.guard.target(issuer)
    async with parts.database.writing() as session:
        server = await get_server(session, key, admin.tenant)
        await put_client(session, client_row(parts, key, issuer, client, is_registered=True))
        await record(
            session,
            admin.tenant,
            AuditKind.SERVER_CLIENT_SET,
            parts.now(),
            person=admin.subject,
            body={
                "server": server.key,
                "issuer": issuer,
                "client_id": client.client_id,
                "name": admin.name,
                "session": admin.session,
            },
        )


async def disconnect(parts: ConnectionParts, person: Principal, server: str) -> bool:
    """Forget the person's tokens, here and at the issuer. True: the issuer has confirmed it.

    Raises:
        NotFound: there is no connection.
    """
    async with parts.database.writing() as session:
        row = await find_connection(session, server, person)
        if row is None or not await remove_connection(session, row):
            raise NotFound("You are not signed in there.")
    is_revoked = await revoke(parts, row, opened(parts, row))
    async with parts.database.writing() as session:
        await record(
            session,
            person.tenant,
            AuditKind.DISCONNECTED,
            parts.now(),
            person=person.subject,
            body={
                "server": server,
                "issuer": row.issuer,
                "connection_id": row.connection_id,
                "revoked": is_revoked,
                "name": person.name,
                "session": person.session,
            },
        )
    return is_revoked


async def _free_key(session: AsyncSession, name: str) -> str:
    """The name, made another where any server has or had it: what was said of that one holds for no other."""
    key = name
    while await was_key_used(session, key):
        letters = (secrets.choice(string.ascii_lowercase) for _ in range(SUFFIX_CHARACTERS))
        key = f"{name}{''.join(letters)}"
    return key


async def _record(
    session: AsyncSession,
    parts: ConnectionParts,
    admin: Principal,
    kind: AuditKind,
    row: RemoteServerRow,
) -> None:
    await record(
        session,
        admin.tenant,
        kind,
        parts.now(),
        person=admin.subject,
        body={"server": row.key, "url": row.url, "name": admin.name, "session": admin.session},
    )
