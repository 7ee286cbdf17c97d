"""Where the texts of a conversation come from. Pure."""

from collections.abc import Sequence

from orchestrator.policy.taint import Source, texts_in
from orchestrator.turns.facts import CallFacts, TurnFacts
from shared.wire.events import Origin


def untrusted_texts(turns: Sequence[TurnFacts]) -> list[Source]:
    """Texts that strangers may have written and that the model has read, newest first. `turns` oldest first."""
    return [
        Source(text, origin)
        for turn in reversed(turns)
        for call in reversed(turn.calls.values())
        if (origin := _untrusted_origin(call)) is not None
        for text in _texts_of(call)
    ]


def own_words(turns: Sequence[TurnFacts]) -> list[str]:
    """What the person wrote."""
    return [turn.question for turn in turns]


def _untrusted_origin(call: CallFacts) -> Origin | None:
    if call.finished is None or call.finished.origin is None or call.finished.origin.trusted:
        return None
    return call.finished.origin


def _texts_of(call: CallFacts) -> list[str]:
    finished = call.finished
    if finished is None:
        return []
    error = [finished.error.message] if finished.error is not None else []
    return [*texts_in(finished.result), *error]
