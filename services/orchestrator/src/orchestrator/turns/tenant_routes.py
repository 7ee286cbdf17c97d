"""Deleting a tenant over HTTP. The frontend asks for it when the time in which it can be taken back is over."""

from fastapi import APIRouter

from orchestrator.deps import Caller, Db
from orchestrator.turns.tenant import remove_part
from shared.errors import NotAllowed
from shared.wire.api import TenantRemoval

router = APIRouter(prefix="/v1/tenant", tags=["tenant"])


@router.delete("")
async def remove(caller: Caller, db: Db) -> TenantRemoval:
    """Delete everything of your organisation: conversations, calls, approvals, grants and the audit chain.

    For owners. A part at a time: ask again until `done`. It cannot be undone.
    """
    if "owner" not in caller.roles or caller.client or caller.subject.startswith("key:"):
        raise NotAllowed("Only an owner can delete an organisation.")
    return TenantRemoval(done=await remove_part(db, caller.tenant))
