"""What a method of the store does, as steps: statements that are yielded, rows that come back.

The steps know nothing of threads, loops and drivers, so that one text of SQL and one order of doing things serve both
engines. An engine runs all steps of a method in one transaction.
"""

from collections.abc import Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

Row = tuple[Any, ...]
Values = Mapping[str, Any]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Ask:
    """A statement that binds :name. With `many`, it is run once for each of them and gives no rows."""

    sql: str
    values: Values = field(default_factory=dict[str, Any])
    many: Sequence[Values] | None = None


Steps = Generator[Ask, list[Row], T]


class Duplicate(Exception):
    """Thrown into the steps at the statement that a unique constraint refused. The transaction is lost."""


def listed(name: str, values: Iterable[Any]) -> tuple[str, dict[str, Any]]:
    """What stands between the brackets of IN, and its values. Never empty: NULL is in no list."""
    bound = {f"{name}_{place}": value for place, value in enumerate(values)}
    return ", ".join(f":{key}" for key in bound) or "NULL", bound


def bindable(values: Values) -> Values:
    """With texts that both engines keep as they are: PostgreSQL refuses NUL, SQLite's length() ends there.

    One character stands for one, so that offsets stay.
    """
    return {
        name: _clean(value) if isinstance(value, str) else value for name, value in values.items()
    }


def _clean(text: str) -> str:
    if "\0" in text:
        text = text.replace("\0", "\ufffd")
    if text.isascii() or text.isprintable():
        return text
    return text.encode("utf-8", "replace").decode()
