"""What the tools answer with: structured, bounded, and saying when something was cut."""

from typing import Literal

from pydantic import BaseModel, Field, JsonValue


class ResultColumn(BaseModel):
    """A column of a result."""

    name: str
    type: str
    """integer, number, text, blob, or null when every value is."""


class QueryResult(BaseModel):
    """Rows of a query, in the query's order."""

    columns: list[ResultColumn]
    rows: list[list[JsonValue]]
    row_count: int
    """Rows given here."""
    truncated: bool
    """There are more rows than these."""
    elapsed_ms: float
    warnings: list[str] = Field(default_factory=list)


class TableSummary(BaseModel):
    """A table or view that may be asked."""

    name: str
    kind: str
    columns: int
    rows: int | None
    """None for views, which can take any time to count, and when there was no time."""


class TableList(BaseModel):
    """All visible tables, by name."""

    tables: list[TableSummary]


class ColumnDescription(BaseModel):
    """A column and what is known of it."""

    name: str
    type: str
    nullable: bool
    primary_key: bool
    references: str | None = None
    """`table.column` it points to."""
    values: list[str] | None = None
    """Its values, when there are only a few in the first 5,000 rows."""


class TableDescription(BaseModel):
    """A table or view in full."""

    name: str
    kind: str
    rows: int | None
    columns: list[ColumnDescription]
    sample_rows: list[list[JsonValue]] = Field(default_factory=list)


class TableDescriptions(BaseModel):
    """The tables asked for, in the order asked."""

    tables: list[TableDescription]


class Change(BaseModel):
    """One value that is or would be changed."""

    item: str
    field: str
    old: JsonValue = None
    new: JsonValue = None


class ActionPreview(BaseModel):
    """What an action would do. Nothing was done."""

    summary: str
    changes: list[Change]


class ActionStatus(BaseModel):
    """Whether an action was done under a key."""

    answer: Literal["done", "not_done", "unknown"]
    text: str


class ActionResult(ActionPreview):
    """What an action did."""

    repeated: bool = False
    """True when an earlier call with the same key had done it; nothing was done again."""
