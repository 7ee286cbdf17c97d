"""Standing grants over HTTP: list and withdraw. They are given with a decision, see turns.call_routes."""

from typing import Annotated

from fastapi import APIRouter, Query, status

from orchestrator.deps import Caller, Db, Now, PathId
from orchestrator.grants.queries import list_grants, withdraw
from shared.errors import NotAllowed
from shared.wire.api import Grants

MAY_SEE_EVERYBODYS = frozenset({"owner", "admin"})

router = APIRouter(prefix="/v1/grants", tags=["grants"])


@router.get("", response_model_exclude_unset=True)  # a pattern has exactly one field
async def list_all(
    caller: Caller,
    db: Db,
    now: Now,
    everybody: Annotated[bool, Query(description="Everybody's; for owners and admins.")] = False,
) -> Grants:
    """Your standing grants, newest first, whatever their state."""
    if everybody and not caller.personal_roles & MAY_SEE_EVERYBODYS:
        raise NotAllowed("Only an owner or an admin can see everybody's standing grants.")
    async with db.reading() as session:
        grants = await list_grants(session, caller, now, everybody=everybody)
    return Grants(grants=grants)


@router.delete("/{grant_id}", status_code=status.HTTP_204_NO_CONTENT)
async def remove(grant_id: PathId, caller: Caller, db: Db, now: Now) -> None:
    """Withdraw a grant: it covers nothing from now on. Yours, or as an owner or admin anybody's."""
    anybodys = bool(caller.personal_roles & MAY_SEE_EVERYBODYS)
    async with db.writing() as session:
        await withdraw(session, grant_id, caller, now, anybodys=anybodys)
