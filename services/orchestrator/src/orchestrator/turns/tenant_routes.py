"""Deleting a tenant over HTTP. The frontend asks for it when the time in which it can be taken back is over."""

from fastapi import APIRouter

from orchestrator.deps import Db, Remover
from orchestrator.turns.tenant import remove_part
from shared.wire.api import TenantRemoval

router = APIRouter(prefix="/v1/tenant", tags=["tenant"])


@router.delete("")
async def remove(remover: Remover, db: Db) -> TenantRemoval:
    """Delete everything of an organisation: conversations, calls, approvals, grants and the audit chain.

    Only with a token for deleting, which nobody is given. A part at a time: ask again until `done`. It cannot be undone.
    """
    return TenantRemoval(done=await remove_part(db, remover.tenant))
