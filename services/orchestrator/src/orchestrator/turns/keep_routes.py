"""Keeping a succeeded call under a name, over HTTP. The person's click is the yes."""

from collections.abc import Mapping
from datetime import datetime

from fastapi import APIRouter
from sqlalchemy.ext.asyncio import AsyncSession

from orchestrator.audit.canonical import digest
from orchestrator.audit.models import AuditKind
from orchestrator.audit.queries import record
from orchestrator.deps import Caller, Now, PathId
from orchestrator.policy.conditions import ToolUse
from orchestrator.tools.catalogue import CatalogueTool
from orchestrator.tools.keeping import CallToKeep, keep
from orchestrator.tools.models import ToolCallRow
from orchestrator.tools.queries import get_call
from orchestrator.turns import log as turn_log
from orchestrator.turns.deps import Parts
from orchestrator.turns.parts import TurnParts
from shared.errors import Conflict, ExpectedError, NotAllowed, Unavailable
from shared.service_tokens import Principal
from shared.wire.api import KeepWish, KeptCall
from shared.wire.events import CallState, Verdict

router = APIRouter(prefix="/v1/calls", tags=["tools"])

MAY_BE_KEPT = frozenset({Verdict.RUN, Verdict.ASK})
"""One person's click is one person's yes."""


@router.put("/{call_id}/kept")
async def keep_call(
    call_id: PathId, wish: KeepWish, caller: Caller, parts: Parts, now: Now
) -> KeptCall:
    """Have its server keep a succeeded call under a name, with exactly the arguments it was sent with.

    409 when the name is taken, or when there is nothing to keep. The same wish again is harmless where the server
    heeds idempotency keys.
    """
    async with parts.database.reading() as session:
        call = await _get_succeeded(session, call_id, caller)
    companion = await _companion_of(call, caller, parts)
    to_keep = CallToKeep(wish.name, wish.title, call.arguments, call.idempotency_key)
    _check_policy(companion, to_keep, caller, parts)
    sent = {
        "server": call.server,
        "tool": call.tool,
        "companion": companion.tool.name,
        "definition_hash": companion.definition_hash,
        "name": wish.name,
        "title": wish.title,
        "arguments_sha256": digest(call.arguments),
    }
    await _note(parts, caller, call, AuditKind.KEEP_SENT, sent, now)
    try:
        kept = await keep(parts.catalogue, companion, caller, to_keep)
    except ExpectedError as error:
        ended = {"name": wish.name, "error": error.code}
        await _note(parts, caller, call, AuditKind.KEEP_ENDED, ended, parts.now())
        raise
    ended = {"name": kept.name, "error": None}
    await _note(parts, caller, call, AuditKind.KEEP_ENDED, ended, parts.now())
    return KeptCall(call_id=call_id, name=kept.name, text=kept.text)


async def _note(
    parts: TurnParts,
    caller: Principal,
    call: ToolCallRow,
    kind: AuditKind,
    body: Mapping[str, object],
    at: datetime,
) -> None:
    async with parts.database.writing() as session:
        await record(
            session,
            caller.tenant,
            kind,
            at,
            person=caller.subject,
            turn_id=call.turn_id,
            call_id=call.call_id,
            body={**body, "session": caller.session},
        )


async def _get_succeeded(session: AsyncSession, call_id: str, caller: Principal) -> ToolCallRow:
    """Raises NotFound, also when its conversation was deleted, and Conflict when it did not succeed."""
    call = await get_call(session, call_id, caller)
    await turn_log.get_turn(session, call.turn_id, caller)
    if call.state != CallState.SUCCEEDED:
        raise Conflict("Only a call that has succeeded can be kept.")
    return call


async def _companion_of(call: ToolCallRow, caller: Principal, parts: TurnParts) -> CatalogueTool:
    """The tool that keeps it, in the definition that was accepted.

    Raises:
        Unavailable: its server cannot be reached.
        Conflict: the tool does not offer it, or one of the two has changed.
    """
    toolbox = await parts.catalogue.toolbox(caller)
    tool = toolbox.find(call.server, call.tool)
    if tool is None:
        raise Unavailable("The tool cannot be reached right now. Try again in a moment.")
    companion = toolbox.find(call.server, tool.keep_tool) if tool.keep_tool else None
    if companion is None or not companion.is_hidden:
        raise Conflict("Calls of this tool cannot be kept.")
    if tool.is_changed or companion.is_changed:
        raise Conflict(
            "The tool has changed since it was accepted. An administrator can look at the difference on the "
            "tools page."
        )
    return companion


def _check_policy(
    companion: CatalogueTool, to_keep: CallToKeep, caller: Principal, parts: TurnParts
) -> None:
    """Raises NotAllowed when a rule wants more for the companion than this person's yes."""
    judgement = parts.policy.judge(
        ToolUse(
            server=companion.server.key,
            tool=companion.tool.name,
            traits=companion.traits,
            arguments={
                "name": to_keep.name,
                "title": to_keep.title,
                "arguments": to_keep.arguments,
            },
            roles=caller.roles,
            tainted=True,  # What the model wrote into the arguments may come from anywhere.
        )
    )
    if judgement.verdict not in MAY_BE_KEPT:
        raise NotAllowed(judgement.reason)
