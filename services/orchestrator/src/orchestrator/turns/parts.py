"""What running turns needs, built once for the whole process."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from orchestrator.database import Database
from orchestrator.models.port import Model
from orchestrator.policy.rules import Policy
from orchestrator.settings import Settings
from orchestrator.tools.calls import ToolCaller
from orchestrator.tools.catalogue import Catalogue
from orchestrator.turns.decide import (
    Limits,
)
from orchestrator.turns.stream import TurnStream


@dataclass(frozen=True, slots=True)
class TurnParts:
    """What running turns needs; one for the whole process."""

    database: Database
    stream: TurnStream
    model: Model
    catalogue: Catalogue
    caller: ToolCaller
    policy: Policy
    settings: Settings
    now: Callable[[], datetime]

    @property
    def limits(self) -> Limits:
        return Limits(
            model_replies=self.settings.max_model_replies, cut_replies=self.settings.model_attempts
        )
