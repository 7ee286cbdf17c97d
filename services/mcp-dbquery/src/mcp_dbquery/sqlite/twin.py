"""An empty database that has exactly the tables and columns one caller may see. Statements compile there first.

Hidden names do not exist in it, so no error text that it gives can tell of one, and a statement that names one fails
before the file is asked at all. It also knows which visible table and column a result's column shows.
"""

from collections.abc import Iterable, Mapping

import apsw

from mcp_dbquery.sqlite.ask import rows_of
from mcp_dbquery.sqlite.connection import declare_table_functions, open_empty
from mcp_dbquery.sqlite.gate import (
    TABLE_FUNCTIONS,
    Compiled,
    Gate,
    NoQuery,
    Phase,
    compile_only,
)
from mcp_dbquery.sqlite.names import quoted
from mcp_dbquery.sqlite.view_text import after_the_name
from mcp_dbquery.sqlite.visible import VisibleRelation


class Twin:
    """Holds the visible relations, without rows."""

    def __init__(self, relations: Mapping[str, VisibleRelation], *, keep_broken: bool) -> None:
        """Views that read what is not visible are left out, unless `keep_broken`. See `names`."""
        self._connection = open_empty()
        self._gate = Gate(open_tables=frozenset())
        self._names: dict[str, str] = {}
        self._connection.authorizer = self._gate
        with self._gate.in_phase(Phase.OURS):
            self._fill(relations)
        if not keep_broken:
            self.keep(name for name in relations if not self._is_broken(relations[name]))

    @property
    def names(self) -> Mapping[str, str]:
        """The relations there are: in lower case → as they are spelled."""
        return self._names

    @property
    def gate(self) -> Gate:
        """What is denied."""
        return self._gate

    def compile(self, sql: str) -> Compiled:
        """Raises NoQuery and apsw.Error: see `compile_only`. Their texts may be told."""
        return compile_only(self._connection, sql, self._gate)

    def keep(self, names: Iterable[str]) -> None:
        """Drop all relations but these (lower case)."""
        kept = set(names)
        with self._gate.in_phase(Phase.OURS):
            for name in [name for name in self._names if name not in kept]:
                kind = "VIEW" if self._is_view(name) else "TABLE"
                rows_of(self._connection, f"DROP {kind} {quoted(name)}")
                del self._names[name]
        self._open()

    def _fill(self, relations: Mapping[str, VisibleRelation]) -> None:
        declare_table_functions(self._connection)
        with self._connection:
            for key, relation in sorted(relations.items(), key=lambda item: item[1].kind == "view"):
                if self._make(relation):
                    self._names[key] = relation.name
        self._open()

    def _make(self, relation: VisibleRelation) -> bool:
        """Whether there is such a relation now."""
        if not relation.restricted and relation.kind in {"view", "virtual"}:
            if self._is_made(relation):
                return True
            if relation.kind == "view":
                return False
        if not relation.columns:
            return False
        columns = ", ".join(quoted(column.name) for column in relation.columns)
        rows_of(self._connection, f"CREATE TABLE {quoted(relation.name)} ({columns})")
        return True

    def _is_made(self, relation: VisibleRelation) -> bool:
        """Whether the statement that made it in the file makes it here, too."""
        statement = _as_made(relation)
        if statement is None:
            return False
        try:
            rows_of(self._connection, statement)
        except apsw.Error:
            return False
        return True

    def _is_broken(self, relation: VisibleRelation) -> bool:
        """A view that does not compile. One that the configuration names stands here as a table then."""
        if relation.kind != "view" or relation.restricted:
            return relation.name.lower() not in self._names
        try:
            self.compile(f"SELECT * FROM {quoted(relation.name)}")  # noqa: S608 - quoted
        except (apsw.Error, NoQuery):
            if not relation.named or not relation.columns:
                return True
            with self._gate.in_phase(Phase.OURS):
                if self._is_view(relation.name.lower()):
                    rows_of(self._connection, f"DROP VIEW {quoted(relation.name)}")
                columns = ", ".join(quoted(column.name) for column in relation.columns)
                rows_of(self._connection, f"CREATE TABLE {quoted(relation.name)} ({columns})")
                self._names[relation.name.lower()] = relation.name
                self._open()
        return False

    def _is_view(self, name: str) -> bool:
        found = rows_of(
            self._connection,
            "SELECT 1 FROM sqlite_schema WHERE type = 'view' AND lower(name) = ?",
            (name,),
        )
        return bool(found)

    def _open(self) -> None:
        with self._gate.in_phase(Phase.OURS):
            there = {
                str(name).lower()
                for (name,) in rows_of(self._connection, "SELECT name FROM sqlite_schema")
            }
            modules = {
                str(name).lower() for (name,) in rows_of(self._connection, "PRAGMA module_list")
            }
        self._gate.open_tables = frozenset(self._names) | TABLE_FUNCTIONS
        self._gate.off_limits = frozenset((there | modules) - self._gate.open_tables)


def _as_made(relation: VisibleRelation) -> str | None:
    if relation.kind == "virtual":
        return relation.sql
    rest = after_the_name(relation.sql)
    return f"CREATE VIEW {quoted(relation.name)} {rest}" if rest is not None else None
