"""The owner's tables as the server's catalogue describes them."""

from collections import defaultdict
from dataclasses import dataclass, field

from mcp_dbquery.mysql.link import Link

NUMERIC = frozenset(
    {
        "tinyint",
        "smallint",
        "mediumint",
        "int",
        "bigint",
        "decimal",
        "float",
        "double",
        "bit",
        "year",
    }
)


@dataclass(frozen=True, slots=True)
class TableColumn:
    """A column of a table of the owner's."""

    name: str
    type: str
    """As it was declared: `decimal(10,2)`."""
    nullable: bool
    primary_key: bool
    comment: str | None
    references: tuple[str, str] | None = None
    """Table and column of the same database that it points to."""

    @property
    def is_number(self) -> bool:
        """Comparing it with a text would convert the text, and take `2x` for 2."""
        return self.type.partition("(")[0].partition(" ")[0].lower() in NUMERIC


@dataclass(frozen=True, slots=True)
class TableIndex:
    """An index of a table of the owner's."""

    name: str
    columns: tuple[str, ...]
    unique: bool


@dataclass(frozen=True, slots=True)
class Table:
    """A table or view of the owner's."""

    name: str
    is_view: bool
    rows: int | None
    comment: str | None
    columns: tuple[TableColumn, ...]
    indexes: tuple[TableIndex, ...] = field(default=())

    @property
    def column_names(self) -> frozenset[str]:
        """Names of all its columns."""
        return frozenset(column.name for column in self.columns)


async def read_tables(link: Link, database: str) -> dict[str, Table]:
    """All tables and views of a database that the login may see, by name in order. Raises ServerError."""
    which = link.literal(database)
    columns = await _columns(link, which)
    indexes = await _indexes(link, which)
    rows = await link.rows(
        "SELECT TABLE_NAME, TABLE_TYPE, TABLE_ROWS, TABLE_COMMENT FROM information_schema.TABLES "  # noqa: S608 - quoted
        f"WHERE TABLE_SCHEMA = {which} AND TABLE_TYPE IN ('BASE TABLE', 'VIEW', 'SYSTEM VERSIONED') ORDER BY TABLE_NAME"
    )
    return {
        name: Table(
            name=name,
            is_view=kind == "VIEW",
            rows=None if kind == "VIEW" or estimate is None else int(estimate),
            comment=None if kind == "VIEW" else comment or None,
            columns=tuple(columns[name]),
            indexes=tuple(indexes[name]),
        )
        for name, kind, estimate, comment in rows
    }


async def _columns(link: Link, which: str) -> dict[str, list[TableColumn]]:
    references = {
        (table, column): (to_table, to_column)
        for table, column, to_table, to_column in await link.rows(
            "SELECT TABLE_NAME, COLUMN_NAME, REFERENCED_TABLE_NAME, REFERENCED_COLUMN_NAME "  # noqa: S608 - quoted
            "FROM information_schema.KEY_COLUMN_USAGE "
            f"WHERE TABLE_SCHEMA = {which} AND REFERENCED_TABLE_SCHEMA = {which}"
        )
    }
    found: dict[str, list[TableColumn]] = defaultdict(list)
    for table, name, kind, nullable, key, comment in await link.rows(
        "SELECT TABLE_NAME, COLUMN_NAME, COLUMN_TYPE, IS_NULLABLE, COLUMN_KEY, COLUMN_COMMENT "  # noqa: S608 - quoted
        f"FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = {which} ORDER BY TABLE_NAME, ORDINAL_POSITION"
    ):
        column = TableColumn(
            name=name,
            type=_text(kind),
            nullable=nullable == "YES",
            primary_key=key == "PRI",
            comment=_text(comment) or None,
            references=references.get((table, name)),
        )
        found[table].append(column)
    return found


async def _indexes(link: Link, which: str) -> dict[str, list[TableIndex]]:
    parts: dict[tuple[str, str], list[str]] = defaultdict(list)
    unique: dict[tuple[str, str], bool] = {}
    for table, name, column, not_unique in await link.rows(
        "SELECT TABLE_NAME, INDEX_NAME, COLUMN_NAME, NON_UNIQUE FROM information_schema.STATISTICS "  # noqa: S608
        f"WHERE TABLE_SCHEMA = {which} AND COLUMN_NAME IS NOT NULL ORDER BY TABLE_NAME, INDEX_NAME, SEQ_IN_INDEX"
    ):
        parts[table, name].append(column)
        unique[table, name] = not not_unique
    found: dict[str, list[TableIndex]] = defaultdict(list)
    for (table, name), columns in parts.items():
        found[table].append(TableIndex(name, tuple(columns), unique[table, name]))
    return found


def _text(value: object) -> str:
    """MySQL gives some of these as bytes."""
    return value.decode() if isinstance(value, bytes) else str(value or "")
