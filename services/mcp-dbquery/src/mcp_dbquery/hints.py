"""Near names, to mend a statement with. Only ever given names that the caller may see."""

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches


@dataclass(frozen=True, slots=True)
class Near:
    """The visible names nearest to one that is not there, best first."""

    names: list[str]

    def __bool__(self) -> bool:
        return bool(self.names)

    @property
    def sentence(self) -> str:
        """`Did you mean …?`, or nothing."""
        return f"Did you mean {' or '.join(self.names)}?" if self.names else ""


LONGEST_TOLD = 80


def shortened(text: str, most: int = LONGEST_TOLD) -> str:
    """A name or text of the caller's as it is told back: they may be of any length."""
    return text if len(text) <= most else f"{text[:most]}…"


def did_you_mean(name: str, visible: Iterable[str], *, most: int = 3) -> Near:
    """The names nearest to `name`, in their own spelling."""
    by_lowered = {known.lower(): known for known in sorted(visible)}
    near = get_close_matches(name.lower(), list(by_lowered), n=most, cutoff=0.6)
    return Near([by_lowered[found] for found in near])
