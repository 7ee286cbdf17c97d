"""Counts the faults that a test run injects, and what the turns lost or repeated."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from shared.wire.events import Event


@dataclass
class Tally:
    """What one process of a test run counted."""

    faults: Counter[str] = field(default_factory=Counter[str])
    lost: int = 0
    repeated: int = 0

    def add(self, other: "Tally") -> None:
        self.faults += other.faults
        self.lost += other.lost
        self.repeated += other.repeated

    def check_next(self, applied: int, event: Event) -> None:
        """Raises AssertionError unless `event` is what a viewer that applied everything up to `applied` may get."""
        if event.n <= applied:
            self.repeated += 1
            raise AssertionError(f"event {event.n} came again after {applied}")
        if event.first > applied + 1:
            self.lost += 1
            raise AssertionError(f"{applied + 1}-{event.first - 1} are missing before {event.kind}")

    def check_said_once(self, stored: Sequence[Event]) -> None:
        """Raises AssertionError when something a turn says once is in its log twice."""
        said = Counter(
            (event.kind, event.model_dump_json(exclude={"n", "first", "at"}))
            for event in stored
            if event.kind not in {"text_dropped", "text_finished", "usage", "call_started"}
        )
        twice = [what for what, count in said.items() if count > 1]
        self.repeated += len(twice)
        assert not twice, f"said more than once: {twice}"

    def check_effects(self, what: str, done: int, *, least: int, most: int) -> None:
        """Raises AssertionError when something was done too often, or not although it was said to be."""
        self.repeated += max(0, done - most)
        self.lost += max(0, least - done)
        assert least <= done <= most, f"{what} was done {done} times instead of {least} to {most}"

    def summary(self) -> str:
        kinds = ", ".join(f"{kind} {count}" for kind, count in sorted(self.faults.items()))
        return (
            f"{sum(self.faults.values())} faults injected ({kinds}); "
            f"lost: {self.lost or 'none'}, repeated: {self.repeated or 'none'}"
        )


TALLY = Tally()
"""This process's. Workers of pytest-xdist send theirs to the one that prints (tests/conftest.py)."""
