"""One example of each event of a turn; tests/browser/models/contract-events.test.js reads the same files."""

import json
from pathlib import Path
from typing import get_args

import pytest
from pydantic import BaseModel

from shared.wire.events import EVENT, EVENTS, Event

EXAMPLES = sorted((Path(__file__).parent / "events").glob("*.json"))


def kind_of(model: type[BaseModel]) -> str:
    return str(model.model_fields["kind"].default)


def test_every_kind_of_event_has_an_example() -> None:
    union, *_ = get_args(Event)
    assert {path.stem for path in EXAMPLES} == {kind_of(model) for model in get_args(union)}


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_says_all_that_goes_over_the_wire_and_no_more(path: Path) -> None:
    example = json.loads(path.read_text())
    event = EVENT.validate_python(example)
    assert event.kind == path.stem
    assert json.loads(EVENT.dump_json(event)) == example


def test_the_examples_in_order_make_a_turn_without_gaps() -> None:
    events = EVENTS.validate_python([json.loads(path.read_text()) for path in EXAMPLES])
    applied = 0
    for event in sorted(events, key=lambda event: event.n):
        assert event.first <= applied + 1 <= event.n
        applied = event.n
