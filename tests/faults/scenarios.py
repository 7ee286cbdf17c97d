"""What is asked in the fault tests, and which kinds of events each scenario produces: the one table of both.

Every kind of `shared.wire.events` must be here; the tests are generated from the wire's kinds, not from this table.
"""

from dataclasses import dataclass
from typing import Any, get_args

from shared.wire.events import Event

WIRE_KINDS: tuple[str, ...] = tuple(
    str(kind.model_fields["kind"].default) for kind in get_args(get_args(Event)[0])
)
CITED = "aaaaaaaaaa"
"""The id of the one passage there is."""
TEXT_ENDS = "Task 42 is done, and the note is filed."
DELAY_MS = 15
ANSWERED = frozenset(
    {"turn_started", "notice", "text_delta", "text_finished", "usage", "turn_finished"}
)
"""What comes of every question that is answered."""
CALLED = ANSWERED | {"call_proposed", "call_started", "call_finished"}
"""The same where a tool is called."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """A question's replies, and the kinds of events that come of them when nothing goes wrong."""

    name: str
    kinds: frozenset[str]
    replies: tuple[dict[str, Any], ...]
    effects: dict[str, int]
    """How often each tool that changes something has done so when nothing went wrong."""


def _calls(*calls: tuple[str, dict[str, Any]]) -> list[dict[str, Any]]:
    return [{"name": f"tracker__{name}", "arguments": arguments} for name, arguments in calls]


EVERYTHING = Scenario(
    name="reads, writes with approval, and a reply that breaks off",
    kinds=CALLED | {"text_dropped", "approval_needed", "approval_decided", "call_progress"},
    replies=(
        {
            "after_results": 0,
            "text": ["I look ", "at ", "all of it."],
            "calls": _calls(("survey", {})),
            "delay_ms": DELAY_MS,
            "usage": {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15},
        },
        {
            "after_results": 1,
            "text": ["Now ", "the changes."],
            "calls": _calls(
                ("set_status", {"task_id": 42, "status": "done"}), ("file_note", {"text": "done"})
            ),
            "delay_ms": DELAY_MS,
        },
        {"after_results": 3, "text": ["Task 42 ", "is "], "cut_after": 2, "delay_ms": DELAY_MS},
        {
            "after_results": 3,
            "text": [f"{word} " for word in TEXT_ENDS.split()],
            "delay_ms": DELAY_MS,
        },
    ),
    effects={"set_status": 1, "file_note": 1},
)
SLOW_TEXT = Scenario(
    name="says a lot, slowly",
    kinds=ANSWERED,
    replies=({"text": ["word "] * 60, "delay_ms": DELAY_MS},),
    effects={},
)
LONG_TEXT = Scenario(
    name="says more than any buffer holds",
    kinds=ANSWERED,
    replies=({"text": ["word " * 4_000] * 9, "delay_ms": DELAY_MS},),
    effects={},
)
LOST_ANSWER = Scenario(
    name="orders, and the answer is lost",
    kinds=CALLED
    | {
        "approval_needed",
        "approval_decided",
        "outcome_needed",
        "outcome_checked",
        "outcome_decided",
    },
    replies=(
        {"after_results": 0, "calls": [{"name": "hasty__order", "arguments": {}}]},
        {"after_results": 1, "text": ["It ", "is ", "ordered."], "delay_ms": DELAY_MS},
    ),
    effects={"order": 1},
)
ASKED_BY_TOOL = Scenario(
    name="calls a tool that asks the person",
    kinds=CALLED | {"input_needed", "input_answered"},
    replies=(
        {"after_results": 0, "calls": _calls(("ask_first", {}))},
        {"after_results": 1, "text": ["It ", "was ", "heard."], "delay_ms": DELAY_MS},
    ),
    effects={},
)
CITES = Scenario(
    name="reads a passage and cites it",
    kinds=CALLED | {"citations_checked"},
    replies=(
        {"after_results": 0, "calls": _calls(("find_passage", {}))},
        {
            "after_results": 1,
            "text": ["Visitors ", "park ", f"on level 2. [^{CITED}]"],
            "delay_ms": DELAY_MS,
        },
    ),
    effects={},
)
HELD_CALL = Scenario(
    name="calls a tool that never ends",
    kinds=frozenset({"turn_started", "notice", "call_proposed", "usage", "call_started"}),
    replies=({"calls": _calls(("hold", {}))},),
    effects={},
)
"""Ends only when it is stopped."""
SCENARIOS = (EVERYTHING, SLOW_TEXT, LONG_TEXT, LOST_ANSWER, ASKED_BY_TOOL, CITES)
"""Those that end by themselves."""


def scenario_for(kind: str) -> Scenario:
    """The first scenario that produces a kind of event."""
    for scenario in SCENARIOS:
        if kind in scenario.kinds:
            return scenario
    raise AssertionError(f"no scenario produces kind {kind}: add one to tests/faults/scenarios.py")
