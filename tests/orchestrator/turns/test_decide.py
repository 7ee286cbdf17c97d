"""The next step, as a table over what has happened."""

from typing import Any

import pytest
from pydantic import JsonValue

from orchestrator.turns.decide import (
    AskModel,
    AskOutcome,
    AskPerson,
    Done,
    Finish,
    Limits,
    RunCalls,
    SettleCalls,
    Wait,
    decide,
)
from orchestrator.turns.facts import fold
from shared.wire.events import EVENT, CallState, Event, Outcome, Verdict

LIMITS = Limits(model_replies=3, cut_replies=2)
AT = "2026-11-21T12:00:00Z"


def log(*kinds: tuple[str, dict[str, JsonValue]]) -> list[Event]:
    return [
        EVENT.validate_python({"n": n, "first": n, "kind": kind, **fields})
        for n, (kind, fields) in enumerate(kinds, start=1)
    ]


def started() -> tuple[str, dict[str, JsonValue]]:
    fields: dict[str, JsonValue] = {
        "turn_id": "t",
        "conversation_id": "c",
        "client_id": "x",
        "question": "?",
        "title": "?",
        "model": "m",
        "at": AT,
    }
    return "turn_started", fields


def proposed(
    call_id: str, verdict: Verdict = Verdict.RUN, **traits: bool
) -> tuple[str, dict[str, JsonValue]]:
    fields: dict[str, JsonValue] = {
        "call_id": call_id,
        "server": "s",
        "tool": "t",
        "title": "T",
        "arguments": {},
        "read_only": traits.get("read_only", True),
        "repeatable": traits.get("repeatable", True),
        "verdict": verdict,
        "rule": "r",
        "reason": "why",
    }
    return "call_proposed", fields


def asked(call_id: str) -> tuple[str, dict[str, JsonValue]]:
    return "approval_needed", {
        "call_id": call_id,
        "arguments": {},
        "arguments_schema": {},
        "preview": None,
        "rule": "r",
        "reason": "why",
        "expires_at": AT,
    }


def decided(call_id: str, decision: str) -> tuple[str, dict[str, JsonValue]]:
    return "approval_decided", {"call_id": call_id, "decision": decision, "arguments": {}}


def ended(call_id: str) -> tuple[str, dict[str, JsonValue]]:
    return "call_finished", {"call_id": call_id, "state": "succeeded"}


def outcome_needed(call_id: str) -> tuple[str, dict[str, JsonValue]]:
    return "outcome_needed", {
        "call_id": call_id,
        "message": "?",
        "can_check": False,
        "expires_at": AT,
    }


def outcome_decided(call_id: str, choice: str) -> tuple[str, dict[str, JsonValue]]:
    return "outcome_decided", {"call_id": call_id, "choice": choice}


def input_needed(call_id: str, input_id: str) -> tuple[str, dict[str, JsonValue]]:
    return "input_needed", {
        "input_id": input_id,
        "call_id": call_id,
        "server": "s",
        "mode": "form",
        "message": "?",
        "expires_at": AT,
    }


def input_answered(call_id: str, input_id: str) -> tuple[str, dict[str, JsonValue]]:
    return "input_answered", {"input_id": input_id, "call_id": call_id, "action": "accept"}


SENT: tuple[str, dict[str, JsonValue]] = ("call_started", {"call_id": "a", "at": AT})
REPLY_END: tuple[str, dict[str, JsonValue]] = ("usage", {"model": "m"})
WORDS: tuple[str, dict[str, JsonValue]] = ("text_finished", {"text": "Noon."})
CUT: tuple[str, dict[str, JsonValue]] = ("text_dropped", {"reason": "cut"})
OVER: tuple[str, dict[str, JsonValue]] = ("turn_finished", {"outcome": "answered"})
ASK = Verdict.ASK
LOST = [proposed("a", repeatable=False, read_only=False), REPLY_END, SENT]

CASES: list[tuple[str, list[Any], type]] = [
    ("a new question goes to the model", [], AskModel),
    ("words without calls are the answer", [WORDS, REPLY_END], Finish),
    ("a reply cut off is asked for again", [CUT], AskModel),
    ("a reply cut off too often ends the turn", [CUT, CUT], Finish),
    ("an allowed call is sent", [proposed("a"), REPLY_END], RunCalls),
    ("a call that needs a yes is put to the person", [proposed("a", ASK), REPLY_END], AskPerson),
    ("an open question is waited for", [proposed("a", ASK), REPLY_END, asked("a")], Wait),
    (
        "allowed calls are sent before questions are asked",
        [proposed("a"), proposed("b", ASK), REPLY_END],
        RunCalls,
    ),
    (
        "an approved call is sent",
        [proposed("a", ASK), REPLY_END, asked("a"), decided("a", "approved")],
        RunCalls,
    ),
    (
        "a rejected call is settled",
        [proposed("a", ASK), REPLY_END, asked("a"), decided("a", "rejected")],
        SettleCalls,
    ),
    ("a refused call is settled", [proposed("a", Verdict.REFUSE), REPLY_END], SettleCalls),
    ("a repeatable call is sent again after a crash", [proposed("a"), REPLY_END, SENT], RunCalls),
    (
        "a write that was sent before a crash is never sent again",
        [proposed("a", repeatable=False, read_only=False), REPLY_END, SENT],
        AskOutcome,
    ),
    ("a lost outcome is waited for", [*LOST, outcome_needed("a")], Wait),
    (
        "a lost outcome that was chosen about is settled",
        [*LOST, outcome_needed("a"), outcome_decided("a", "leave")],
        SettleCalls,
    ),
    (
        "a call whose server asks something waits",
        [proposed("a"), REPLY_END, SENT, input_needed("a", "i")],
        Wait,
    ),
    (
        "a call whose server has its answers is sent again",
        [proposed("a"), REPLY_END, SENT, input_needed("a", "i"), input_answered("a", "i")],
        RunCalls,
    ),
    ("results go back to the model", [proposed("a"), REPLY_END, SENT, ended("a")], AskModel),
    ("silence is no answer", [REPLY_END], Finish),
    ("a finished turn stays finished", [WORDS, REPLY_END, OVER], Done),
]


@pytest.mark.parametrize(("why", "events", "step"), CASES, ids=[case[0] for case in CASES])
def test_the_next_step(why: str, events: list[Any], step: type) -> None:
    facts = fold(log(started(), *events))
    assert type(decide(facts, cancel_requested=False, limits=LIMITS)) is step, why


def test_the_same_facts_give_the_same_step_however_they_were_gathered() -> None:
    events = log(started(), proposed("a", ASK), REPLY_END, asked("a"), decided("a", "approved"))
    piecewise = None
    for event in events:
        piecewise = fold([event], piecewise)
    assert piecewise == fold(events)


def test_a_stop_settles_what_is_open_and_says_what_may_have_been_done() -> None:
    facts = fold(
        log(
            started(),
            proposed("a", read_only=False, repeatable=False),
            proposed("b"),
            proposed("c", ASK),
            REPLY_END,
            SENT,
            asked("c"),
        )
    )
    step = decide(facts, cancel_requested=True, limits=LIMITS)
    assert isinstance(step, SettleCalls)
    assert {call.call_id: state for call, state in step.calls} == {
        "a": CallState.OUTCOME_UNKNOWN,
        "b": CallState.CANCELLED,
        "c": CallState.CANCELLED,
    }


def test_a_stop_with_nothing_open_ends_the_turn() -> None:
    step = decide(fold(log(started())), cancel_requested=True, limits=LIMITS)
    assert step == Finish(Outcome.STOPPED)


def test_a_model_that_never_stops_calling_tools_is_ended() -> None:
    rounds = [(proposed(f"c{i}"), REPLY_END, ended(f"c{i}")) for i in range(LIMITS.model_replies)]
    step = decide(
        fold(log(started(), *(event for round_ in rounds for event in round_))),
        cancel_requested=False,
        limits=LIMITS,
    )
    assert isinstance(step, Finish)
    assert step.error is not None
    assert step.error.code == "too_many_steps"
