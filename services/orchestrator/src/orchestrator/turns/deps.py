"""The parts of the turn engine, as routes are handed them."""

from typing import Annotated, cast

from fastapi import Depends, Request

from orchestrator.turns.parts import TurnParts
from orchestrator.turns.runner import TurnRunner


def _parts(request: Request) -> TurnParts:
    return cast(TurnParts, request.app.state.turn_parts)


def _runner(request: Request) -> TurnRunner:
    return cast(TurnRunner, request.app.state.runner)


Parts = Annotated[TurnParts, Depends(_parts)]
Runner = Annotated[TurnRunner, Depends(_runner)]
