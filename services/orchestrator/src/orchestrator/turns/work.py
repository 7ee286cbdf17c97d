"""What everything that takes one turn further shares."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Literal

from pydantic import JsonValue

from orchestrator.grants.matching import StandingGrant
from orchestrator.grants.queries import list_standing
from orchestrator.policy.rules import Judgement
from orchestrator.tools.catalogue import CatalogueTool
from orchestrator.tools.gate import judge_use, without_second_person
from orchestrator.turns import log as turn_log
from orchestrator.turns.facts import TurnFacts, fold
from orchestrator.turns.inputs import InputDesk
from orchestrator.turns.parts import TurnParts
from orchestrator.turns.provenance import untrusted_texts
from orchestrator.turns.tree import list_path
from orchestrator.turns.witness import Witness
from orchestrator.turns.writer import EventWriter
from shared.wire.events import (
    Notice,
)

EARLIER_TURNS = 25


class TurnWork:
    """One claimed turn in the hands of this process: its row, its log and the conversation before it."""

    def __init__(self, parts: TurnParts, claimed: turn_log.Claimed, facts: TurnFacts) -> None:
        self.parts = parts
        self.row = claimed.row
        self.principal = turn_log.asker_of(claimed.row)
        self.witness = Witness(claimed.row, self.principal, parts.now, parts.policy.sha256)
        self.writer = EventWriter(
            parts.database,
            parts.stream,
            claimed,
            facts,
            now=parts.now,
            coalesce_s=parts.settings.coalesce_ms / 1_000,
        )
        self.inputs = InputDesk(
            claimed.row,
            self.writer,
            timedelta(seconds=parts.settings.approval_lifetime_s),
            parts.now,
        )
        self.earlier: Sequence[TurnFacts] | None = None

    @property
    def facts(self) -> TurnFacts:
        return self.writer.facts

    @property
    def is_tainted(self) -> bool:
        """Text that strangers may have written is before the model."""
        return bool(untrusted_texts([*(self.earlier or ()), self.facts]))

    async def read_earlier(self) -> Sequence[TurnFacts]:
        """The conversation before this turn, oldest first. It cannot change while the turn runs."""
        if self.earlier is None:
            async with self.parts.database.reading() as session:
                rows = await list_path(session, self.row.parent_turn_id, limit=EARLIER_TURNS)
                events = await turn_log.list_events_of(session, [row.turn_id for row in rows])
            self.earlier = [fold(events[row.turn_id]) for row in rows]
        return self.earlier

    async def list_grants(self) -> Sequence[StandingGrant]:
        async with self.parts.database.reading() as session:
            return await list_standing(session, self.principal, self.parts.now())

    def judge_again(self, tool: CatalogueTool, arguments: dict[str, JsonValue]) -> Judgement:
        """Text from outside may have come in since the call was proposed, or a person changed it."""
        policy, roles = self.parts.policy, self.principal.roles
        judgement = judge_use(tool, arguments, policy, roles, tainted=self.is_tainted)
        return without_second_person(judgement) if self.principal.is_key else judgement

    def notice(self, code: str, level: Literal["info", "warning", "error"], text: str) -> None:
        """Tell the person once, however often the reply it concerns is asked for."""
        if (code, text) in self.facts.notices:
            return
        self.writer.add(
            Notice(n=(n := self.writer.number), first=n, code=code, level=level, text=text)
        )
