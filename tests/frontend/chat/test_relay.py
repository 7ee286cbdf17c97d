"""Who gets which events of a turn, and when a relay begins and ends. Driven step by step, without threads."""

import json
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from frontend.accounts.queries import Person
from frontend.chat.relay import Relays
from shared.errors import NotFound

ADA = Person("ada", "tenant", "ada@example.org", "Ada", ("owner",))
EVE = Person("eve", "tenant", "eve@example.org", "Eve", ("member",))


@dataclass
class ScriptedStream:
    """Gives its pieces one by one; before each, something else may happen."""

    pieces: deque[bytes | Callable[[], None] | OSError]
    is_closed: bool = False
    was_interrupted: bool = False

    def read(self) -> bytes:
        while self.pieces:
            piece = self.pieces.popleft()
            if isinstance(piece, OSError):
                raise piece
            if isinstance(piece, bytes):
                return piece
            piece()
            if self.was_interrupted:
                return b""
        return b""

    def interrupt(self) -> None:
        self.was_interrupted = True

    def close(self) -> None:
        self.is_closed = True


def event(n: int, kind: str = "text_delta") -> bytes:
    return b'id: %d\nevent: %b\ndata: {"n":%d}\n\n' % (n, kind.encode(), n)


@dataclass
class Office:
    """Relays whose background work waits until the test lets it run."""

    streams: list[ScriptedStream] = field(default_factory=list[ScriptedStream])
    waiting: deque[tuple[Any, ...]] = field(default_factory=deque[tuple[Any, ...]])
    got: dict[str, list[int]] = field(default_factory=dict[str, list[int]])
    lost: list[str] = field(default_factory=list[str])

    def __post_init__(self) -> None:
        self.relays = Relays(
            open_stream=lambda _person, _turn: self.stream(event(1), event(2, "turn_finished")),
            start=lambda *work: self.waiting.append(work),
            sleep=lambda _: None,
            emit=self._emit,
            on_lost=lambda socket_id, _: self.lost.append(socket_id),
            grace_s=5,
        )

    def stream(self, *pieces: bytes | Callable[[], None] | OSError) -> ScriptedStream:
        self.streams.append(ScriptedStream(deque(pieces)))
        return self.streams[-1]

    def run(self) -> None:
        while self.waiting:
            work, *arguments = self.waiting.popleft()
            work(*arguments)

    def begin(
        self, *pieces: bytes | Callable[[], None] | OSError, after: int = 0
    ) -> ScriptedStream:
        stream = self.stream(*pieces)
        self.relays.begin(ADA, "turn", stream, "first", after)
        return stream

    def follow(self, socket_id: str, after: int = 0, person: Person = ADA) -> None:
        self.relays.follow(person, "turn", socket_id, after)

    def _emit(self, socket_id: str, _turn_id: str, events: str) -> None:
        self.got.setdefault(socket_id, []).extend(item["n"] for item in json.loads(events))


def test_everybody_gets_everything_once_in_order() -> None:
    office = Office()
    join = lambda: office.follow("second")  # noqa: E731 - one step of the script
    office.begin(event(1) + event(2), join, event(3), event(4, "turn_finished"))

    office.run()

    assert office.got == {"first": [1, 2, 3, 4], "second": [1, 2, 3, 4]}
    assert len(office.streams) == 1
    assert office.streams[0].is_closed
    assert office.lost == []


@pytest.mark.parametrize("after", range(6))
def test_who_has_some_events_gets_only_the_rest(after: int) -> None:
    office = Office()
    join = lambda: office.follow("second", after)  # noqa: E731 - one step of the script
    office.begin(
        event(1), event(2), join, event(3) + event(4), event(5, "turn_finished"), after=after
    )

    office.run()

    rest = list(range(after + 1, 6))
    assert office.got.get("first", []) == rest
    assert office.got.get("second", []) == rest


def test_after_a_gap_the_page_is_served_from_memory() -> None:
    office = Office()
    again = lambda: office.follow("first", 1)  # noqa: E731 - one step of the script
    office.begin(event(1) + event(2) + event(3), again, event(4, "turn_finished"))

    office.run()

    assert office.got["first"] == [1, 2, 3, 2, 3, 4]


def test_a_turn_that_is_over_is_read_again() -> None:
    office = Office()
    office.begin(event(1), event(2, "turn_finished"))
    office.run()

    office.follow("second", 1)
    office.run()

    assert office.got["second"] == [2]
    assert len(office.streams) == 2


def test_a_question_repeated_by_its_page_joins_the_relay_that_runs() -> None:
    office = Office()
    repeated = office.stream()
    repeat = lambda: office.relays.begin(ADA, "turn", repeated, "second")  # noqa: E731 - one step of the script
    office.begin(event(1), repeat, event(2, "turn_finished"))

    office.run()

    assert repeated.is_closed
    assert office.got == {"first": [1, 2], "second": [1, 2]}


def test_somebody_elses_relay_is_like_none() -> None:
    office = Office()
    refused: list[str] = []

    def sneak() -> None:
        with pytest.raises(NotFound):
            office.follow("second", person=EVE)
        refused.append("second")

    office.begin(event(1), sneak, event(2, "turn_finished"))
    office.run()

    assert refused == ["second"]
    assert "second" not in office.got


@pytest.mark.parametrize(
    "end", [(), (OSError("reset"),), (b"id: 3\nda",), (b"data: no number\n\n",)], ids=repr
)
def test_a_stream_that_breaks_before_the_end_is_told_to_everybody(end: tuple[Any, ...]) -> None:
    office = Office()
    join = lambda: office.follow("second")  # noqa: E731 - one step of the script
    office.begin(event(1), join, event(2), *end)

    office.run()

    assert sorted(office.lost) == ["first", "second"]
    assert office.streams[0].is_closed


def test_when_nobody_looks_any_more_the_relay_ends_and_nobody_hears_of_it() -> None:
    office = Office()

    def leave() -> None:
        office.relays.leave("first")
        stop, *arguments = office.waiting.pop()
        stop(*arguments)

    stream = office.begin(event(1), leave, event(2))
    office.run()

    assert stream.was_interrupted
    assert stream.is_closed
    assert office.lost == []


def test_a_page_that_is_loaded_again_finds_its_relay_still_there() -> None:
    office = Office()

    def reload() -> None:
        office.relays.leave("first")
        office.follow("reloaded")
        stop, *arguments = office.waiting.pop()
        stop(*arguments)

    stream = office.begin(event(1), reload, event(2, "turn_finished"))
    office.run()

    assert not stream.was_interrupted
    assert office.got["reloaded"] == [1, 2]


def test_who_comes_while_a_relay_is_being_stopped_gets_a_new_one() -> None:
    office = Office()

    def leave_and_come() -> None:
        office.relays.leave("first")
        stop, *arguments = office.waiting.pop()
        stop(*arguments)
        office.follow("second")

    office.begin(event(1), leave_and_come)
    office.run()

    assert office.got["second"] == [1, 2]
    assert len(office.streams) == 2
