"""What the server needs of a database engine. SQLite, PostgreSQL and MySQL each implement it in a package of their own.

An engine keeps every rule for tables, rows and columns by itself, below the statement: nothing above it filters.
"""

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from pydantic import JsonValue

from mcp_dbquery.config import Limits, MaskKind
from shared.service_tokens import Principal

Dialect = Literal["sqlite", "postgresql", "mysql"]
Scalar = str | int | float | bool | None
Parameters = list[Scalar] | dict[str, Scalar]


@dataclass(frozen=True, slots=True)
class Column:
    """A visible column of a table or view."""

    name: str
    type: str
    nullable: bool = True
    primary_key: bool = False
    references: str | None = None
    """`table.column` it points to, when that is visible too."""
    comment: str | None = None
    """The configuration's description, else the database's comment."""
    mask: MaskKind | None = None
    """How this caller sees it. None: as it is."""
    examples: bool = True
    """Values of it may be shown where the schema is described."""


@dataclass(frozen=True, slots=True)
class Index:
    """An index over visible columns only."""

    name: str
    columns: tuple[str, ...]
    unique: bool


@dataclass(frozen=True, slots=True)
class Relation:
    """A table or view that this caller may ask."""

    name: str
    """As it is written in a statement."""
    kind: Literal["table", "view"]
    columns: tuple[Column, ...]
    rows_estimate: int | None = None
    """None when it is not known, and always when rows are filtered: an estimate would tell of others' rows."""
    comment: str | None = None
    indexes: tuple[Index, ...] = ()
    hidden_columns: int = 0
    """How many columns the policy hides."""
    rows_filtered: bool = False
    """The policy lets this caller see some of the rows only."""


@dataclass(frozen=True, slots=True)
class Catalog:
    """All relations that one caller may ask, by name, in the order of their names."""

    relations: Mapping[str, Relation]

    def find(self, name: str) -> Relation | None:
        """The relation of this name, in any case of its letters."""
        found = self.relations.get(name)
        if found is None:
            lowered = name.lower()
            found = next((r for n, r in self.relations.items() if n.lower() == lowered), None)
        return found


@dataclass(frozen=True, slots=True)
class Statement:
    """One SELECT as the caller wrote it.

    Values are bound: as :name (an object) in every dialect, or by position (a list), as ? in SQLite and MySQL and $1
    in PostgreSQL.
    """

    sql: str
    parameters: Parameters = field(default_factory=list[Scalar])
    max_rows: int = 5_000
    """Reading stops there; one more is looked for, to know whether there are more."""


@dataclass(frozen=True, slots=True)
class ResultColumn:
    """A column of a result."""

    name: str
    type: str
    """integer, number, text, boolean, date, timestamp, json, blob or null, when nothing more is known."""
    mask: MaskKind | None = None
    """The column is a masked one of a table. An expression over masked values is not marked."""


@dataclass(slots=True)
class Reading:
    """What a statement gave, as far as it was read.

    Values are JSON's: dates as ISO 8601, decimals as numbers where a double holds them exactly and as text else, blobs
    as `[n bytes]`, long texts cut with their length.
    """

    columns: list[ResultColumn]
    rows: list[list[JsonValue]]
    cut_by: Literal["rows", "bytes"] | None = None
    """The limit that reading stopped at."""
    cut_cells: int = 0
    relations: frozenset[str] = frozenset()
    """Names of the catalogue's relations that the statement read."""
    elapsed_ms: float = 0.0


@dataclass(frozen=True, slots=True)
class Estimate:
    """What the planner expects of a statement. The statement was not run."""

    cost: float | None
    rows: float | None
    plan: list[str]
    """Lines, indented by depth. Only visible relations are named, and no value of a row or of the statistics."""
    problem: str | None = None
    """Why it would be refused as too expensive, with advice. None when it would run."""


class ChangeTransaction(Protocol):
    """A write transaction of a declared action. Statements bind :name."""

    async def rows(self, sql: str, values: Mapping[str, Any], limit: int) -> list[dict[str, Any]]:
        """The first rows of a query, as names and JSON values."""
        ...

    async def execute(self, sql: str, values: Mapping[str, Any]) -> int:
        """Run a changing statement and tell how many rows it touched."""
        ...


class Engine(Protocol):
    """One configured database. Belongs to one event loop; made without I/O, opened by `start`.

    Everything asked for a caller may raise (from mcp_dbquery.errors) StatementRefused, StatementInvalid,
    UnknownRelation, TooExpensive, TooSlow, TooLarge and DatabaseAway; nothing else leaves it. Cancelling a call
    ends its statement in the database too.
    """

    dialect: Dialect
    limits: Limits

    async def start(self) -> None:
        """Connect, and look whether the set-up is as safe as the configuration promises.

        Raises:
            BadSetup: it is not, or the database cannot be reached; the text says what to change.
        """
        ...

    async def close(self) -> None:
        """End everything that still runs."""
        ...

    async def problem(self) -> str | None:
        """Why the database cannot be asked right now, for the readiness check. None: it can."""
        ...

    def facts(self) -> list[str]:
        """The effective protection in plain sentences, for `mcp-dbquery check`. After `start`."""
        ...

    async def catalog(self, caller: Principal) -> Catalog:
        """What this caller may ask. Cached (60 s)."""
        ...

    async def read(self, statement: Statement, caller: Principal) -> Reading:
        """Run one SELECT."""
        ...

    async def explain(self, statement: Statement, caller: Principal) -> Estimate:
        """Ask the planner."""
        ...

    def quoted(self, name: str) -> str:
        """A relation's or column's name as it stands in a statement of ours."""
        ...

    def looking(self, caller: Principal) -> AbstractAsyncContextManager[ChangeTransaction]:
        """A read-only transaction with the rights of the actions, for their previews and look-ups."""
        ...

    def changing(self, caller: Principal) -> AbstractAsyncContextManager[ChangeTransaction]:
        """A write transaction: committed at the end of the block, rolled back when it raises.

        Raises:
            ActionFailed: the database refused a statement or the commit, so nothing was changed.
            OutcomeUnknown: the connection broke during the commit.
        """
        ...

    async def check_action(self, sql: str, names: Sequence[str], *, reads: bool) -> list[str]:
        """Let the database compile a statement of an action with nothing bound to these names; nothing runs.

        Returns the names of the columns it gives. Raises BadSetup with the database's words, which are for the owner.
        """
        ...


Block = AsyncGenerator[ChangeTransaction]
"""What the generator behind `looking` and `changing` yields."""
