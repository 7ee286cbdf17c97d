"""What each caller may ask: the views, described by the tables below them as far as those are visible."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from mcp_dbquery.config import DatabaseConfig, MaskKind
from mcp_dbquery.engine import Catalog, Column, Index, Relation
from mcp_dbquery.postgres.introspection import Exposed, Table, exposed_tables
from mcp_dbquery.postgres.names import Visible

KINDS = {"r": "table", "p": "table", "f": "table", "v": "view", "m": "view"}


@dataclass(frozen=True, slots=True)
class Offered:
    """A table that is asked under a name, and what is asked there: its view, or in direct mode itself."""

    exposed: Exposed
    asked: Table

    @property
    def column_names(self) -> tuple[str, ...]:
        shown = {column.name for column in self.exposed.columns}
        return tuple(column.name for column in self.asked.columns if column.name in shown)


@dataclass(frozen=True, slots=True)
class Shown:
    """The catalogue of the callers with certain roles, and what is needed to judge and to mark their statements."""

    catalog: Catalog
    visible: Visible
    masks: Mapping[tuple[int, int], MaskKind]
    """By what the driver tells of a result's column: the view's oid and the column's number."""
    below: Mapping[tuple[str, str], str]
    """Schema and name of a table in a plan → the relation that shows it."""
    filtered: frozenset[str] = field(default=frozenset())
    """Relations of which these callers see some rows only."""


def offered(config: DatabaseConfig, tables: Sequence[Table]) -> list[Offered]:
    """What is asked: views that were not made yet and columns that they lack are left out. Raises BadSetup."""
    exposed = exposed_tables(config, [table for table in tables if table.schema in config.schemas])
    if config.direct:
        return [Offered(item, item.table) for item in exposed]
    views = {table.name: table for table in tables if table.schema == config.safe_schema}
    return [Offered(item, views[item.name]) for item in exposed if item.name in views]


def shown_to(config: DatabaseConfig, items: Sequence[Offered], roles: frozenset[str]) -> Shown:
    """The catalogue for callers with these roles."""
    mine = [
        item
        for item in items
        if not item.exposed.rule.roles or roles & set(item.exposed.rule.roles)
    ]
    by_table = {(item.exposed.table.schema, item.exposed.table.name): item for item in mine}
    relations = {item.exposed.name: _relation(item, by_table, roles) for item in mine}
    schema = config.schemas[0] if config.direct else config.safe_schema
    return Shown(
        catalog=Catalog(relations),
        visible=Visible(
            schema,
            {item.exposed.name: item.column_names for item in mine},
            {key: item.exposed.name for key, item in by_table.items()} if config.direct else {},
        ),
        masks={
            (item.asked.oid, column.number): mask
            for item in mine
            for column in item.asked.columns
            if (mask := _mask(item.exposed, column.name, roles)) is not None
        },
        below={key: item.exposed.name for key, item in by_table.items()},
        filtered=frozenset(name for name, relation in relations.items() if relation.rows_filtered),
    )


def _relation(
    item: Offered, others: Mapping[tuple[str, str], Offered], roles: frozenset[str]
) -> Relation:
    exposed, table = item.exposed, item.exposed.table
    is_filtered = exposed.rule.is_filtered_for(roles)
    return Relation(
        name=exposed.name,
        kind="view" if KINDS[table.kind] == "view" else "table",
        columns=tuple(_column(item, name, others, roles) for name in item.column_names),
        rows_estimate=int(table.rows)
        if table.rows >= 0 and table.kind in "rpm" and not is_filtered
        else None,
        comment=exposed.rule.description or table.comment,
        indexes=tuple(
            Index(index.name, index.columns, index.unique)
            for index in table.indexes
            if index.whole and index.columns and _are_plain(item, index.columns, roles)
        ),
        hidden_columns=exposed.hidden_columns,
        rows_filtered=is_filtered,
    )


def _column(
    item: Offered, name: str, others: Mapping[tuple[str, str], Offered], roles: frozenset[str]
) -> Column:
    exposed = item.exposed
    base, asked = exposed.table.column(name), item.asked.column(name)
    assert base is not None  # noqa: S101 - column_names are in both
    assert asked is not None  # noqa: S101
    rule = exposed.rule.columns.get(name)
    primary = next((index.columns for index in exposed.table.indexes if index.primary), ())
    mask = _mask(exposed, name, roles)
    return Column(
        name=name,
        type=asked.type,
        nullable=base.nullable,
        primary_key=name in primary,
        references=_reference(item, name, others),
        comment=(rule.description if rule is not None else None) or base.comment,
        mask=mask,
        examples=mask is None and (rule is None or rule.examples),
    )


def _reference(item: Offered, name: str, others: Mapping[tuple[str, str], Offered]) -> str | None:
    for key in item.exposed.table.keys:
        target = others.get((key.schema, key.table))
        if key.column == name and target is not None and key.to in target.column_names:
            return f"{target.exposed.name}.{key.to}"
    return None


def _are_plain(item: Offered, columns: Sequence[str], roles: frozenset[str]) -> bool:
    """Whether this caller sees all of these columns as they are."""
    names = item.column_names
    return all(name in names and _mask(item.exposed, name, roles) is None for name in columns)


def _mask(exposed: Exposed, name: str, roles: frozenset[str]) -> MaskKind | None:
    rule = exposed.rule.columns.get(name)
    return None if rule is None or roles & set(rule.unmasked_for) else rule.mask
