"""Adding somebody else's tool server to a tenant, switching it, removing it; and ending people's connections."""

import secrets
import string
from collections.abc import Collection
from typing import ClassVar

from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from orchestrator.audit.models import AuditKind
from orchestrator.audit.queries import record
from orchestrator.connections.clients import client_row
from orchestrator.connections.endings import end_connections
from orchestrator.connections.exchange import Client
from orchestrator.connections.models import RemoteServerRow
from orchestrator.connections.parts import ConnectionParts
from orchestrator.connections.queries import (
    are_to,
    get_server,
    is_of,
    list_servers,
    put_client,
    remove_sign_ins,
    take_to_end,
    was_key_used,
)
from shared.errors import Conflict, InvalidInput, NotFound
from shared.service_tokens import Principal

MAX_SERVERS = 50
"""Of one tenant: each is asked for its tools."""
SUFFIX_CHARACTERS = 4


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

    Where there are many, the last of them a minute later.

    Raises:
        NotFound.
    """
    async with parts.database.writing() as session:
        row = await get_server(session, key, admin.tenant)
        row.removed_at, row.is_enabled = parts.now(), False
        await remove_sign_ins(session, [key])
        await take_to_end(session, are_to(row), parts.now())
        await _record(session, parts, admin, AuditKind.SERVER_REMOVED, row)
    # Where there are more, they are found as if somebody had left them behind.
    await end_connections(parts, are_to(row), admin)


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
    ended = await end_connections(parts, is_of(person, server), person)
    if not ended.connections:
        raise NotFound("You are not signed in there.")
    return ended.revoked > 0


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
