"""What the tools answer with: structured, bounded, and saying when something was cut or hidden."""

from typing import Annotated, Literal

from pydantic import BaseModel, Field, JsonValue, WithJsonSchema

from mcp_dbquery.config import MaskKind

Format = Literal["table", "records", "markdown", "csv"]


# Clients validate what they get against these, cell by cell: for 5,000 rows that took ten times as long as the query.
_ANY_LISTS = WithJsonSchema({"type": "array", "description": "Lists of values, as columns say."})
_ANY_OBJECTS = WithJsonSchema({"type": "array", "description": "Objects, column → value."})


class ResultColumn(BaseModel):
    """A column of a result."""

    name: str
    type: str
    """integer, number, text, boolean, date, timestamp, json, blob, or null when nothing more is known."""
    masked: MaskKind | None = None
    """How its values were masked by policy."""


class QueryResult(BaseModel):
    """A page of a query's rows, in the query's order."""

    database: str
    query_id: str
    columns: list[ResultColumn]
    rows: Annotated[list[list[JsonValue]], _ANY_LISTS] = Field(
        default_factory=list[list[JsonValue]]
    )
    """Format table."""
    records: Annotated[list[dict[str, JsonValue]] | None, _ANY_OBJECTS] = None
    """Format records: one object a row; columns of the same name get a number."""
    text: str | None = None
    """Formats markdown and csv."""
    row_count: int
    """Rows on this page."""
    offset: int = 0
    """Rows before this page."""
    truncated: bool
    """There are more rows than these."""
    next_cursor: str | None = None
    """Gives the next page of the same result: nothing is run again, so the pages agree."""
    elapsed_ms: float
    hidden_columns: int = 0
    """Columns of the tables asked that the policy hides."""
    warnings: list[str] = Field(default_factory=list[str])


class LimitsTold(BaseModel):
    """What one call may take."""

    timeout_s: float
    page_rows: int
    read_rows: int
    page_bytes: int
    cell_characters: int
    concurrent: int
    per_minute: int
    cost: float | None = None


class DatabaseSummary(BaseModel):
    """A database that may be asked."""

    name: str
    dialect: Literal["sqlite", "postgresql", "mysql"]
    description: str
    limits: LimitsTold
    restrictions: list[str]
    """What the policy hides, masks or filters for this caller, in sentences."""
    actions: list[str]
    """Tools that change something in it and that this caller may use."""


class DatabaseList(BaseModel):
    """All databases that this caller may ask, by name."""

    databases: list[DatabaseSummary]


class TableSummary(BaseModel):
    """A table or view that may be asked."""

    name: str
    kind: Literal["table", "view"]
    columns: int
    rows: int | None
    """About how many. None where it is not known or not to be known."""
    comment: str | None = None


class TableList(BaseModel):
    """Visible tables, by name."""

    database: str
    tables: list[TableSummary]
    next_cursor: str | None = None


class ColumnDescription(BaseModel):
    """A column and what is known of it."""

    name: str
    type: str
    nullable: bool
    primary_key: bool
    references: str | None = None
    """`table.column` it points to."""
    masked: MaskKind | None = None
    comment: str | None = None
    values: list[str] | None = None
    """Its values, when there are only a few in the first 5,000 rows."""


class IndexDescription(BaseModel):
    """An index: filtering by its first columns is quick."""

    columns: list[str]
    unique: bool


class TableDescription(BaseModel):
    """A table or view in full."""

    name: str
    kind: Literal["table", "view"]
    rows: int | None
    comment: str | None = None
    columns: list[ColumnDescription]
    indexes: list[IndexDescription] = Field(default_factory=list[IndexDescription])
    referenced_by: list[str] = Field(default_factory=list[str])
    """`table.column` of others that point here."""
    hidden_columns: int = 0
    rows_filtered: bool = False
    sample_rows: list[list[JsonValue]] = Field(default_factory=list[list[JsonValue]])


class TableDescriptions(BaseModel):
    """The tables asked for, in the order asked."""

    database: str
    tables: list[TableDescription]


class SchemaHit(BaseModel):
    """A table or column that fits a search."""

    table: str
    column: str | None
    """None: the table itself."""
    type: str | None = None
    comment: str | None = None
    score: float


class SchemaHits(BaseModel):
    """The best hits first."""

    database: str
    hits: list[SchemaHit]


class Explanation(BaseModel):
    """What the planner expects. Nothing was run."""

    database: str
    verdict: Literal["runs", "too_expensive"]
    cost: float | None
    rows: float | None
    plan: list[str]
    advice: str | None = None


class SavedQuerySummary(BaseModel):
    """A query under a name."""

    name: str
    database: str
    title: str
    description: str
    parameters: dict[str, str]
    """Name → type and what it means."""
    own: bool
    """The caller saved it; else it stands in the server's configuration."""


class SavedQueryList(BaseModel):
    """Queries that this caller may run, by name."""

    queries: list[SavedQuerySummary]


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


class KeptQuery(BaseModel):
    """A query that was saved."""

    name: str
    text: str
    """How to have it run again."""
