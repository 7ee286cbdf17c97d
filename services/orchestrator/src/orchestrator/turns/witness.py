"""Puts what becomes of a turn's calls into the audit chain, each in the transaction in which it is stored."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from orchestrator.audit.canonical import digest, sha256
from orchestrator.audit.models import AuditKind
from orchestrator.audit.queries import record
from orchestrator.tools.calls import CallToSend
from orchestrator.tools.models import ToolCallRow
from orchestrator.turns.models import TurnRow
from shared.service_tokens import Principal
from shared.wire.events import CallFinished, CallProposed


@dataclass(frozen=True, slots=True)
class Witness:
    """Writes the rows of one turn, in the name of the person who asked."""

    turn: TurnRow
    principal: Principal
    now: Callable[[], datetime]
    policy_sha256: str
    """Of the file whose rules judge the turn's calls."""

    async def proposed(
        self, session: AsyncSession, event: CallProposed, ledger: ToolCallRow
    ) -> None:
        """What the model wanted, and what the gate said."""
        body = {
            "server": event.server,
            "tool": event.tool,
            "definition_hash": ledger.definition_hash,
            "arguments_sha256": ledger.arguments_hash,
            "verdict": event.verdict,
            "rule": event.rule,
            "reason": event.reason,
            "policy_sha256": self.policy_sha256,
            "grant_id": event.grant_id,
            "retry_of": event.retry_of,
        }
        await self._record(session, AuditKind.CALL_PROPOSED, event.call_id, body)

    async def sent(self, session: AsyncSession, call: CallToSend, *, attempt: int) -> None:
        """What goes to the tool server, to the byte. Stored before it leaves; `attempt` counts from 1."""
        body = {
            "server": call.tool.server.key,
            "tool": call.tool.tool.name,
            "definition_hash": call.tool.definition_hash,
            "arguments": call.arguments_text,
            "arguments_sha256": sha256(call.arguments_text),
            "idempotency_key": call.idempotency_key,
            "attempt": attempt,
        }
        await self._record(session, AuditKind.CALL_SENT, call.call_id, body)

    async def ended(self, session: AsyncSession, event: CallFinished) -> None:
        """How it ended, and the digest of the result as it is stored and shown."""
        body = {
            "state": event.state,
            "result_sha256": None if event.result is None else digest(event.result),
            "truncated": event.truncated,
            "error": event.error.code if event.error else None,
        }
        await self._record(session, AuditKind.CALL_ENDED, event.call_id, body)

    async def _record(
        self, session: AsyncSession, kind: AuditKind, call_id: str, body: Mapping[str, object]
    ) -> None:
        await record(
            session,
            self.turn.tenant_id,
            kind,
            self.now(),
            person=self.turn.owner_id,
            turn_id=self.turn.turn_id,
            call_id=call_id,
            body={**body, "session": self.principal.session},
        )
