"""Added servers and people's connections over HTTP. Signing in itself is in `turns`: it lets turns go on."""

from typing import Annotated, cast

from fastapi import APIRouter, Depends, Request

from orchestrator.connections.endings import end_person
from orchestrator.connections.exchange import Client
from orchestrator.connections.models import ConnectionRow, RemoteServerRow
from orchestrator.connections.parts import ConnectionParts
from orchestrator.connections.queries import (
    ConnectionState,
    list_connections,
    list_servers,
    remove_connections_of,
)
from orchestrator.connections.servers import (
    add_server,
    disconnect,
    remove_server,
    set_client,
    switch_server,
)
from orchestrator.connections.tokens import opened
from orchestrator.deps import Caller, Db, PathId, Remover, ServerKey
from shared.errors import NotAllowed, NotFound
from shared.service_tokens import Principal
from shared.wire.api import (
    AddedServer,
    AddedServers,
    Connection,
    Connections,
    ConnectionsEnded,
    Disconnected,
    IssuerClient,
    NewServer,
    ServerChange,
)

UNREADABLE = "Steward cannot read what it kept of this sign-in any more."
MAY_MANAGE = frozenset({"owner", "admin"})

router = APIRouter(prefix="/v1", tags=["connections"])


def _parts(request: Request) -> ConnectionParts:
    parts = cast("ConnectionParts | None", request.app.state.connections)
    if parts is None:
        raise NotFound(
            "Servers of others cannot be added here: the operator has not set ORCHESTRATOR_SECRET_FILE and "
            "ORCHESTRATOR_PUBLIC_URL."
        )
    return parts


def _configured(request: Request) -> frozenset[str]:
    return cast("frozenset[str]", request.app.state.configured_servers)


def _admin(caller: Caller) -> Principal:
    if not caller.personal_roles & MAY_MANAGE:
        raise NotAllowed("Only an owner or an admin can manage tool servers.")
    return caller


ConnectionsHere = Annotated[ConnectionParts, Depends(_parts)]
Configured = Annotated[frozenset[str], Depends(_configured)]
Admin = Annotated[Principal, Depends(_admin)]


@router.get("/servers")
async def list_added(admin: Admin, parts: ConnectionsHere) -> AddedServers:
    """The servers that were added, those that are switched off included. For owners and admins."""
    async with parts.database.reading() as session:
        rows = await list_servers(session, admin.tenant)
    return AddedServers(servers=[_as_server(row) for row in rows])


@router.post("/servers", status_code=201)
async def add(
    wanted: NewServer, admin: Admin, parts: ConnectionsHere, configured: Configured
) -> AddedServer:
    """Add somebody else's tool server by its address. Its tools stay off until each was looked at and accepted."""
    row = await add_server(parts, admin, name=wanted.name, url=wanted.url, taken=configured)
    return _as_server(row)


@router.patch("/servers/{server}")
async def switch(
    server: ServerKey, change: ServerChange, admin: Admin, parts: ConnectionsHere
) -> AddedServer:
    """Switch a server on or off. Off, nobody's calls reach it; connections and accepted tools stay."""
    return _as_server(await switch_server(parts, admin, server, is_enabled=change.enabled))


@router.delete("/servers/{server}", status_code=204)
async def remove(server: ServerKey, admin: Admin, parts: ConnectionsHere) -> None:
    """Remove a server and everybody's connections to it, which are revoked."""
    await remove_server(parts, admin, server)


@router.put("/servers/{server}/client", status_code=204)
async def set_issuer_client(
    server: ServerKey, known: IssuerClient, admin: Admin, parts: ConnectionsHere
) -> None:
    """Say as whom Steward is registered with the server's sign-in service. The secret is never shown again."""
    secret = known.client_secret.get_secret_value() if known.client_secret else None
    method = known.auth_method if secret else "none"
    await set_client(parts, admin, server, known.issuer, Client(known.client_id, secret, method))


@router.get("/connections")
async def list_mine(caller: Caller, parts: ConnectionsHere) -> Connections:
    """Your sign-ins at the servers that were added."""
    async with parts.database.reading() as session:
        servers = {row.key: row for row in await list_servers(session, caller.tenant)}
        rows = {row.server: row for row in await list_connections(session, caller)}
    return Connections(
        connections=[
            _as_connection(parts, server, rows.get(key))
            for key, server in servers.items()
            if server.is_enabled or key in rows
        ]
    )


@router.delete("/connections/{server}")
async def end(server: ServerKey, caller: Caller, parts: ConnectionsHere) -> Disconnected:
    """Disconnect: the tokens are revoked at the sign-in service and forgotten here."""
    return Disconnected(revoked=await disconnect(parts, caller, server))


@router.delete("/people/{subject}/connections", tags=["tenant"])
async def end_of_person(
    subject: PathId, remover: Remover, request: Request, db: Db
) -> ConnectionsEnded:
    """End all sign-ins of somebody who has left the tenant: they are revoked at their issuers and forgotten here.

    Only with a token for deleting, which nobody is given. Doing it again does no harm.
    """
    parts = cast("ConnectionParts | None", request.app.state.connections)
    if parts is None:  # nothing to read their tokens with
        async with db.writing() as session:
            ended = await remove_connections_of(session, remover.tenant, subject)
        return ConnectionsEnded(ended=ended, revoked=0)
    end = await end_person(parts, subject, remover)
    return ConnectionsEnded(ended=end.connections, revoked=end.revoked)


def _as_server(row: RemoteServerRow) -> AddedServer:
    return AddedServer(server=row.key, url=row.url, enabled=row.is_enabled, added_at=row.added_at)


def _as_connection(
    parts: ConnectionParts, server: RemoteServerRow, row: ConnectionRow | None
) -> Connection:
    if row is None:
        return Connection(server=server.key, url=server.url, state="none")
    tokens = opened(parts, row)
    is_unreadable = row.state == ConnectionState.ACTIVE and tokens is None
    is_active = row.state == ConnectionState.ACTIVE and not is_unreadable
    return Connection.model_validate(
        {
            "server": server.key,
            "url": server.url,
            "state": ConnectionState.ENDED if is_unreadable else row.state,
            "issuer": row.issuer,
            "scopes": row.scopes.split(),
            "expires_at": row.token_expires_at if is_active else None,
            "renews": tokens is not None and tokens.refresh is not None,
            "problem": UNREADABLE if is_unreadable else row.problem,
            "connected_at": row.connected_at,
            "last_used_at": row.last_used_at,
        }
    )
