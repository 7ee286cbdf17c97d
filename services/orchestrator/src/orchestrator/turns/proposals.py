"""Calls that the model proposes: judged, noted, and where a yes is needed put before the person."""

import asyncio
import uuid
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

from pydantic import JsonValue
from sqlalchemy.ext.asyncio import AsyncSession

from orchestrator.approvals.queries import add_approval
from orchestrator.grants.matching import StandingGrant
from orchestrator.grants.queries import count_use
from orchestrator.models.port import ProposedCall
from orchestrator.policy.taint import marks
from orchestrator.tools.catalogue import CatalogueTool, Toolbox
from orchestrator.tools.fingerprint import canonical_hash
from orchestrator.tools.gate import asking_again, gate, without_second_person
from orchestrator.tools.models import ToolCallRow
from orchestrator.turns.facts import CallFacts
from orchestrator.turns.granting import (
    change_since_granted,
    find_grant,
    granted,
)
from orchestrator.turns.provenance import own_words, untrusted_texts
from orchestrator.turns.work import TurnWork
from shared.wire.events import (
    ApprovalNeeded,
    CallProposed,
    CallState,
    TaintMark,
    Verdict,
)


class Proposals:
    """The proposals of one turn."""

    def __init__(self, work: TurnWork) -> None:
        self._work = work

    def propose(
        self,
        call: ProposedCall,
        toolbox: Toolbox,
        grants: Sequence[StandingGrant],
        *,
        retry_of: str | None = None,
    ) -> None:
        calls_left = self._work.parts.settings.max_calls - len(self._work.facts.calls)
        gated = gate(
            call,
            toolbox,
            self._work.parts.policy,
            self._work.principal.roles,
            tainted=self._work.is_tainted,
            calls_left=calls_left,
        )
        judgement = gated.judgement if retry_of is None else asking_again(gated.judgement)
        if self._work.principal.is_key:
            judgement = without_second_person(judgement)
        tool = gated.tool
        grant = find_grant(gated, grants, self._work.parts.now())
        if grant is not None:
            judgement = granted(grant, self._work.principal.tz)
        event = CallProposed(
            n=(n := self._work.writer.number),
            first=n,
            call_id=f"call_{uuid.uuid4().hex}",
            server=tool.server.key if tool else "",
            tool=tool.tool.name if tool else gated.model_name[:256],
            title=tool.title if tool else gated.model_name[:256],
            arguments=gated.arguments,
            read_only=bool(tool and tool.reads_only),
            repeatable=bool(tool and tool.is_repeatable),
            verdict=judgement.verdict,
            rule=judgement.rule,
            reason=judgement.reason,
            approver_roles=list(judgement.approver_roles),
            grant_id=grant.grant_id if grant else None,
            retry_of=retry_of,
            keepable=bool(tool and tool.keep_tool),
        )
        writes = [self._ledger_entry(event, tool)]
        if grant is not None:
            writes.append(
                lambda session: count_use(session, grant.grant_id, self._work.parts.now())
            )
        self._work.writer.add(event, *writes)

    async def ask_person(self, calls: Sequence[CallFacts]) -> None:
        toolbox = await self._work.parts.catalogue.toolbox(self._work.principal)
        await self._work.read_earlier()
        grants = await self._work.list_grants()
        questions = await asyncio.gather(*(self._question(call, toolbox, grants) for call in calls))
        for question in questions:
            event = question.model_copy(update={"n": (n := self._work.writer.number), "first": n})

            async def store(session: AsyncSession, event: ApprovalNeeded = event) -> None:
                await add_approval(
                    session,
                    event,
                    self._work.facts.calls[event.call_id].proposed,
                    turn_id=self._work.row.turn_id,
                    requester=self._work.principal,
                    now=self._work.parts.now(),
                )

            self._work.writer.add(event, store)
        await self._work.writer.commit()

    def _ledger_entry(
        self, event: CallProposed, tool: CatalogueTool | None
    ) -> Callable[[AsyncSession], Any]:
        row = ToolCallRow(
            call_id=event.call_id,
            turn_id=self._work.row.turn_id,
            tenant_id=self._work.row.tenant_id,
            owner_id=self._work.row.owner_id,
            server=event.server,
            tool=event.tool,
            definition_hash=tool.definition_hash if tool else "",
            arguments=event.arguments,
            arguments_hash=canonical_hash(event.arguments),
            idempotency_key=uuid.uuid4().hex,
            repeatable=event.repeatable,
            retry_of=event.retry_of,
            state=CallState.PROPOSED,
            rule=event.rule,
            error=None,
            proposed_at=self._work.parts.now(),
            sent_at=None,
            finished_at=None,
        )

        async def add(session: AsyncSession) -> None:
            session.add(row)
            await self._work.witness.proposed(session, event, row)

        return add

    async def _question(
        self, call: CallFacts, toolbox: Toolbox, grants: Sequence[StandingGrant]
    ) -> ApprovalNeeded:
        proposed = call.proposed
        tool = toolbox.find(proposed.server, proposed.tool)
        preview, problem = None, None
        if tool is not None:
            preview, problem = await self._work.parts.caller.preview(
                tool, self._work.principal, proposed.arguments
            )
        may_grant = tool is not None and self._may_grant(proposed, tool)
        return ApprovalNeeded(
            n=1,
            first=1,
            call_id=call.call_id,
            arguments=proposed.arguments,
            arguments_schema=dict(tool.for_model().parameters) if tool else {},
            preview=preview,
            preview_problem=problem,
            rule=proposed.rule,
            reason=proposed.reason,
            approver_roles=proposed.approver_roles,
            taint=self._taint_marks(proposed.arguments),
            may_grant=may_grant,
            outdated_grant=change_since_granted(
                tool, proposed.arguments, grants, self._work.parts.now()
            )
            if tool is not None and may_grant
            else None,
            expires_at=self._work.parts.now()
            + timedelta(seconds=self._work.parts.settings.approval_lifetime_s),
        )

    def _may_grant(self, proposed: CallProposed, tool: CatalogueTool) -> bool:
        if proposed.verdict is not Verdict.ASK or proposed.retry_of is not None:
            return False
        return self._work.judge_again(tool, proposed.arguments).may_grant

    def _taint_marks(self, arguments: dict[str, JsonValue]) -> list[TaintMark]:
        turns = [*(self._work.earlier or ()), self._work.facts]
        return marks(arguments, untrusted_texts(turns), own_words(turns))
