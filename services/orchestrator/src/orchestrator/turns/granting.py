"""Giving a yes for longer, and running under one that was given."""

import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from mcp.types import ToolAnnotations
from pydantic import JsonValue
from sqlalchemy.ext.asyncio import AsyncSession

from orchestrator.approvals.models import ApprovalRow
from orchestrator.audit.chain import instant
from orchestrator.audit.models import AuditKind
from orchestrator.audit.queries import record
from orchestrator.grants.matching import CallToCover, StandingGrant, find_covering, find_outdated
from orchestrator.grants.models import GrantRow
from orchestrator.grants.queries import count_standing
from orchestrator.grants.wishes import patterns_for
from orchestrator.policy.rules import Judgement
from orchestrator.tools.catalogue import CatalogueTool, traits_of
from orchestrator.tools.gate import GatedCall
from orchestrator.tools.host import McpServer
from orchestrator.tools.models import ToolDefinitionRow
from orchestrator.tools.queries import find_definition, get_call
from shared.errors import Conflict, InvalidInput
from shared.service_tokens import Principal
from shared.wire.api import GrantWish
from shared.wire.events import CallError, CallProposed, DefinitionChange, Verdict

MAX_STANDING = 100
"""Grants of one person that hold at the same time."""

GRANT_ENDED = CallError(
    code="grant_ended",
    message="The standing grant for this call has ended, so it was not sent.",
    hint="Propose the call again to have it asked about.",
)


async def give_grant(
    session: AsyncSession,
    approval: ApprovalRow,
    wish: GrantWish,
    arguments: dict[str, JsonValue],
    giver: Principal,
    servers: Mapping[str, McpServer],
    now: datetime,
) -> str:
    """Store a grant for calls like the one being approved with these arguments; gives its id.

    Belongs in the decision's transaction.

    Raises:
        InvalidInput: the yes to this call counts only once, the wish does not fit the call, is too wide, or is one
            grant too many.
        Conflict: the tool's definition has changed since the question was put.
        NotFound: the call is not the giver's.
    """
    if not approval.shown.get("may_grant"):
        raise InvalidInput(f"This yes cannot be given for longer. {approval.shown['reason']}")
    call = await get_call(session, approval.call_id, giver)
    definition = await find_definition(session, call.server, call.tool, giver.tenant)
    if definition is None or definition.definition_hash != call.definition_hash:
        raise Conflict(
            "The tool has changed since the question was put. Say yes to this call alone."
        )
    if await count_standing(session, giver, now) >= MAX_STANDING:
        raise InvalidInput(f"You have {MAX_STANDING} standing grants already. Withdraw some first.")
    own = call.server in servers and servers[call.server].own
    patterns = patterns_for(wish, arguments, destructive=_is_destructive(definition, own=own))
    row = GrantRow(
        grant_id=f"grant_{uuid.uuid4().hex}",
        tenant_id=giver.tenant,
        owner_id=giver.subject,
        owner_name=giver.name,
        server=call.server,
        tool=call.tool,
        title=(approval.proposed or {}).get("title", call.tool),
        definition_hash=definition.definition_hash,
        definition=definition.definition,
        arguments={
            name: pattern.model_dump(mode="json", exclude_unset=True)
            for name, pattern in patterns.items()
        },
        call_id=call.call_id,
        created_at=now,
        expires_at=now + timedelta(seconds=wish.lifetime_s),
        withdrawn_at=None,
        last_used_at=None,
        uses=0,
    )
    session.add(row)
    await record(
        session,
        row.tenant_id,
        AuditKind.GRANT_GIVEN,
        now,
        person=giver.subject,
        turn_id=approval.turn_id,
        call_id=row.call_id,
        body={
            "grant_id": row.grant_id,
            "server": row.server,
            "tool": row.tool,
            "definition_hash": row.definition_hash,
            "arguments": row.arguments,
            "expires_at": instant(row.expires_at),
            "session": giver.session,
        },
    )
    return row.grant_id


def _is_destructive(definition: ToolDefinitionRow, *, own: bool) -> bool:
    """A server that is not ours cannot talk itself out of it."""
    hints = definition.definition.get("annotations")
    traits = traits_of(ToolAnnotations.model_validate(hints) if hints else None, own=own)
    return traits.destructive_hint or not own


def find_grant(
    gated: GatedCall, grants: Sequence[StandingGrant], now: datetime
) -> StandingGrant | None:
    """The grant under which a call runs that would otherwise be asked about."""
    if gated.tool is None or not gated.judgement.may_grant:
        return None
    return find_covering(grants, _call_to_cover(gated.tool, gated.arguments), now)


def change_since_granted(
    tool: CatalogueTool,
    arguments: dict[str, JsonValue],
    grants: Sequence[StandingGrant],
    now: datetime,
) -> DefinitionChange | None:
    """How the tool has changed, when a grant would have covered the call but for that."""
    grant = find_outdated(grants, _call_to_cover(tool, arguments), now)
    return DefinitionChange(before=grant.definition, after=tool.definition) if grant else None


def _call_to_cover(tool: CatalogueTool, arguments: dict[str, JsonValue]) -> CallToCover:
    return CallToCover(tool.server.key, tool.tool.name, tool.definition_hash, arguments)


def why_not_granted(proposed: CallProposed, grants: Sequence[StandingGrant]) -> CallError | None:
    """Why a call that was to run under a grant may not, now that it is about to be sent. `grants` still hold."""
    ids = {grant.grant_id for grant in grants}
    return None if proposed.grant_id is None or proposed.grant_id in ids else GRANT_ENDED


def granted(grant: StandingGrant, tz: str) -> Judgement:
    """What becomes of a call that a grant covers. Times are told in the person's time zone."""
    since, until = (_in_words(at, tz) for at in (grant.created_at, grant.expires_at))
    return Judgement(
        Verdict.RUN,
        "standing_grant",
        f"You said yes to calls like this on {since}, for all until {until}.",
    )


def _in_words(at: datetime, tz: str) -> str:
    try:
        zone = ZoneInfo(tz)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        zone = ZoneInfo("UTC")
    return at.astimezone(zone).strftime("%d %B %Y, %H:%M %Z")
