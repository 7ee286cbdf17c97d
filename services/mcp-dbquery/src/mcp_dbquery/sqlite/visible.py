"""Which tables and columns of a file a caller has, by the rules and what the file says. Decides; asks nothing."""

from dataclasses import dataclass
from typing import Literal

from mcp_dbquery.sqlite.rules import Rule, Rules, Shown
from mcp_dbquery.sqlite.structure import FileColumn, FileRelation, Kind, Structure

Mask = Literal["null", "redacted", "hash", "last4", "domain", "year"]


@dataclass(frozen=True, slots=True)
class VisibleColumn:
    """A column that the caller has, perhaps masked."""

    of_file: FileColumn
    mask: Mask | None

    @property
    def name(self) -> str:
        return self.of_file.name


@dataclass(frozen=True, slots=True)
class VisibleRelation:
    """A table or view that the caller has."""

    name: str
    kind: Kind
    columns: tuple[VisibleColumn, ...]
    filter: str | None
    hidden_columns: int
    sql: str
    named: bool
    """The configuration names it: a view may then read tables that are hidden by themselves."""
    content: str | None = None
    stored_column: str | None = None
    """A column that is no other name of the rowid, visible or not."""

    @property
    def restricted(self) -> bool:
        """Whether it is not shown whole."""
        return (
            self.filter is not None
            or self.hidden_columns > 0
            or any(column.mask is not None for column in self.columns)
        )


def visible_relations(structure: Structure, rules: Rules) -> dict[str, VisibleRelation]:
    """By name in lower case. Views are among them that turn out to read what the caller may not."""
    found: dict[str, VisibleRelation] = {}
    for key, relation in structure.items():
        rule = rules.tables.get(key)
        if _is_there(relation, rule, rules):
            found[key] = _shown(relation, rule)
    return found


def _is_there(relation: FileRelation, rule: Rule | None, rules: Rules) -> bool:
    if relation.kind == "shadow":
        return False
    if rule is not None:
        return not rule.hidden
    # A search index may hold a copy of a table that has rules, and nothing in the file says so.
    is_copy = relation.kind == "virtual" and (rules.restricts or not relation.columns)
    return rules.expose_all and not is_copy


def _shown(relation: FileRelation, rule: Rule | None) -> VisibleRelation:
    said = rule.columns if rule is not None else {}
    listed = [column for column in relation.columns if not column.unlisted]
    has_secrets = any(shown != "shown" for shown in said.values())
    visible = tuple(
        VisibleColumn(column, _mask(said.get(column.name.lower())))
        for column in listed
        if not _is_hidden(column, said, has_secrets=has_secrets)
    )
    is_filtered_index = relation.kind == "virtual" and rule is not None and rule.filter is not None
    if is_filtered_index and not has_secrets:
        # Views pass on listed columns only, and an index is asked through its unlisted ones. Over masked columns it
        # is not asked at all: it finds the real values.
        visible += tuple(
            VisibleColumn(column, None) for column in relation.columns if column.unlisted
        )
    return VisibleRelation(
        name=relation.name,
        kind=relation.kind,
        columns=visible,
        filter=rule.filter if rule is not None else None,
        hidden_columns=sum(_is_hidden(column, said, has_secrets=has_secrets) for column in listed),
        sql=relation.sql,
        named=rule is not None,
        content=relation.content,
        stored_column=next((c.name for c in listed if not _may_be_rowid(c)), None),
    )


def _may_be_rowid(column: FileColumn) -> bool:
    return column.primary_key and column.type.upper() == "INTEGER"


def _is_hidden(column: FileColumn, said: dict[str, Shown], *, has_secrets: bool) -> bool:
    shown = said.get(column.name.lower())
    # What is computed may be computed from a masked column. The file does not tell; the configuration can.
    return shown == "hidden" or (shown is None and column.computed and has_secrets)


def _mask(shown: Shown | None) -> Mask | None:
    return None if shown in {None, "shown", "hidden"} else shown  # pyright: ignore[reportReturnType]
