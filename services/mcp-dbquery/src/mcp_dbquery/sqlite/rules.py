"""The policy for one caller, in the form in which it goes to a worker. Standard library only: workers read it, too."""

from dataclasses import dataclass, field
from typing import Any, Literal

Shown = Literal["hidden", "shown", "null", "redacted", "hash", "last4", "domain", "year"]
"""What the configuration says of a column: not there, as it is, or how it is masked."""


@dataclass(frozen=True, slots=True)
class Rule:
    """What the configuration says of a table or view for one caller."""

    hidden: bool = False
    filter: str | None = None
    """Which rows: a condition with the caller's values in it."""
    columns: dict[str, Shown] = field(default_factory=dict[str, Shown])
    """By name in lower case. Columns that are not here are shown as they are."""

    @property
    def restricts(self) -> bool:
        """Whether it takes anything away."""
        return (
            self.hidden
            or self.filter is not None
            or any(shown != "shown" for shown in self.columns.values())
        )


@dataclass(frozen=True, slots=True)
class Rules:
    """The whole policy of one database for one caller."""

    expose_all: bool = True
    """Tables without a rule are visible."""
    tables: dict[str, Rule] = field(default_factory=dict[str, Rule])
    """By name in lower case."""
    hash_key: str = ""
    """What masks of the kind hash are keyed with."""

    @property
    def restricts(self) -> bool:
        """Whether anything of the database is kept from the caller."""
        return not self.expose_all or any(rule.restricts for rule in self.tables.values())

    def as_message(self) -> dict[str, Any]:
        """JSON's values, for `of_message`."""
        return {
            "expose_all": self.expose_all,
            "tables": {
                name: {"hidden": rule.hidden, "filter": rule.filter, "columns": rule.columns}
                for name, rule in self.tables.items()
            },
            "hash_key": self.hash_key,
        }


def of_message(message: dict[str, Any]) -> Rules:
    """What `as_message` gave."""
    return Rules(
        expose_all=message["expose_all"],
        tables={name: Rule(**rule) for name, rule in message["tables"].items()},
        hash_key=message["hash_key"],
    )
