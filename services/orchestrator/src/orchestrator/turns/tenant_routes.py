"""Deleting a tenant over HTTP. The frontend asks for it when the time in which it can be taken back is over."""

from typing import cast

from fastapi import APIRouter, Request

from orchestrator.connections.parts import ConnectionParts
from orchestrator.deps import Db, Remover
from orchestrator.tools.removal import ServerRemoval
from orchestrator.turns.tenant import remove_part
from shared.wire.api import TenantRemoval

router = APIRouter(prefix="/v1/tenant", tags=["tenant"])


@router.delete("")
async def remove(remover: Remover, db: Db, request: Request) -> TenantRemoval:
    """Delete everything of an organisation, here and at our tool servers: conversations, calls, the audit chain, mail.

    Only with a token for deleting, which nobody is given. A part at a time: ask again until `done`. It is for good.
    """
    connections = cast("ConnectionParts | None", request.app.state.connections)
    servers = cast(ServerRemoval, request.app.state.server_removal)
    is_done = await remove_part(db, remover.tenant, connections)
    return TenantRemoval(done=is_done and await servers.remove_part(remover.tenant))
