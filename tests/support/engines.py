"""An engine that answers what a test tells it to, for what the server says of answers."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from mcp_dbquery.config import Limits
from mcp_dbquery.engine import (
    Catalog,
    ChangeTransaction,
    Column,
    Dialect,
    Estimate,
    Reading,
    Relation,
    Statement,
)
from shared.service_tokens import Principal


def restricted_catalog() -> Catalog:
    """One table with hidden columns, a masked one and filtered rows, and one with nothing of that."""
    people = Relation(
        "people",
        "table",
        (
            Column("id", "integer", primary_key=True),
            Column("email", "text", mask="domain"),
            Column("note", "text", examples=False),
            Column("kind", "text", comment="What they \u202eare."),
        ),
        hidden_columns=3,
        rows_filtered=True,
        comment="Who.\x1b[2J",
    )
    tasks = Relation("tasks", "table", (Column("person_id", "integer", references="people.id"),))
    return Catalog({"people": people, "tasks": tasks})


@dataclass
class ToldEngine:
    """Gives the same reading to every statement, and notes the statements."""

    reading: Reading
    known: Catalog = field(default_factory=restricted_catalog)
    limits: Limits = field(default_factory=Limits)
    estimate: Estimate = field(default_factory=lambda: Estimate(1.0, 1.0, ["Scan"]))
    dialect: Dialect = "postgresql"
    asked: list[str] = field(default_factory=list[str])

    async def start(self) -> None: ...

    async def close(self) -> None: ...

    async def problem(self) -> str | None:
        return None

    def facts(self) -> list[str]:
        return ["It is told."]

    async def catalog(self, caller: Principal) -> Catalog:
        del caller
        return self.known

    async def read(self, statement: Statement, caller: Principal) -> Reading:
        del caller
        self.asked.append(statement.sql)
        return self.reading

    async def explain(self, statement: Statement, caller: Principal) -> Estimate:
        del statement, caller
        return self.estimate

    def quoted(self, name: str) -> str:
        return f'"{name}"'

    @asynccontextmanager
    async def looking(self, caller: Principal) -> AsyncGenerator[ChangeTransaction]:
        raise NotImplementedError(caller)
        yield

    @asynccontextmanager
    async def changing(self, caller: Principal) -> AsyncGenerator[ChangeTransaction]:
        raise NotImplementedError(caller)
        yield

    async def check_action(self, sql: str, names: Sequence[str], *, reads: bool) -> list[str]:
        raise NotImplementedError
