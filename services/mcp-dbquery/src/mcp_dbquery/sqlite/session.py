"""A connection prepared for one caller's rules: nothing but what they allow can be read through it.

Every table with rules has two temporary views. The inner one, with a name of 128 random bits, gives the rows and
masked columns that the caller may see, and is the only place from which the table may be read. The outer one has the
table's name. SQLite names the view that an access comes from, but a WITH or a subquery of the caller's can have any
name: so the name has to be one that nobody can write.
"""

import contextlib
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import apsw

from mcp_dbquery.sqlite.ask import rows_of
from mcp_dbquery.sqlite.connection import (
    FileIdentity,
    declare_table_functions,
    forbid_writes,
    identity,
    open_file,
    snapshot,
)
from mcp_dbquery.sqlite.functions import add_hash
from mcp_dbquery.sqlite.gate import TABLE_FUNCTIONS, Gate, NoQuery, compile_only
from mcp_dbquery.sqlite.masks import masked
from mcp_dbquery.sqlite.names import quoted
from mcp_dbquery.sqlite.rules import Rules
from mcp_dbquery.sqlite.structure import Structure, read_structure
from mcp_dbquery.sqlite.twin import Twin
from mcp_dbquery.sqlite.view_text import after_the_name
from mcp_dbquery.sqlite.visible import VisibleColumn, VisibleRelation, visible_relations

ALWAYS_FALSE = ("0", "false")


class RuleDoesNotFit(Exception):
    """A rule cannot be kept with this file; the text is for the owner."""

    def __init__(self, table: str, problem: str) -> None:
        super().__init__(f"{table}: {problem}")


class SessionIsOld(Exception):
    """The file is another, or has another schema, than the one the session was made for."""


@dataclass(slots=True)
class Session:
    """A confined connection and its twin. Holds nothing of a statement after it."""

    path: Path
    connection: apsw.Connection
    gate: Gate
    twin: Twin
    relations: dict[str, VisibleRelation]
    """What the caller has, by name in lower case."""
    of_file: FileIdentity
    inner_names: dict[str, str] = field(default_factory=dict[str, str])
    """Unguessable name → the table it stands for."""

    def column(self, table: str | None, name: str | None) -> VisibleColumn | None:
        """The visible column of a table that the twin names."""
        relation = self.relations.get((table or "").lower())
        if relation is None or name is None:
            return None
        return next((c for c in relation.columns if c.name.lower() == name.lower()), None)

    def check_file(self) -> None:
        """Raises SessionIsOld, and OSError when the file is gone. Within a snapshot, it stays as it is found."""
        if identity(self.connection, self.path) != self.of_file:
            raise SessionIsOld

    def close(self) -> None:
        self.connection.close()


def open_session(path: Path, rules: Rules) -> Session:
    """Raises RuleDoesNotFit; apsw.Error and OSError when the file cannot be read."""
    connection = open_file(path)
    is_ready = False
    try:
        with snapshot(connection):
            session = _confined(connection, path, rules)
        is_ready = True
        return session
    finally:
        if not is_ready:
            connection.close()


def _confined(connection: apsw.Connection, path: Path, rules: Rules) -> Session:
    declare_table_functions(connection)
    structure = read_structure(connection)
    visible = visible_relations(structure, rules)
    twin = Twin(visible, keep_broken=not rules.restricts)
    gate = Gate(open_tables=frozenset())
    session = Session(path, connection, gate, twin, visible, identity(connection, path))
    connection.authorizer = gate
    _make_views(session, rules, structure)
    forbid_writes(connection)
    _set_gate(session, rules, structure)
    if rules.restricts:
        _keep_what_compiles(session)
    session.relations = {name: one for name, one in visible.items() if name in twin.names}
    return session


def _make_views(session: Session, rules: Rules, structure: Structure) -> None:
    """The inner and outer views of all that has rules. Once there are rules, every view is one of ours."""
    hash_function = f"h{secrets.token_hex(16)}"
    if rules.hash_key:
        add_hash(session.connection, hash_function, rules.hash_key.encode())
        session.gate.own_functions = frozenset({hash_function})
    for key in session.twin.names:
        relation = session.relations[key]
        if relation.kind == "view" and rules.restricts:
            _make_pair(session, relation, f"temp.{quoted(_copy(session, relation))}", hash_function)
        elif relation.restricted:
            _make_pair(session, relation, f"main.{quoted(relation.name)}", hash_function)
    hidden = frozenset(structure) - frozenset(session.twin.names)
    _find_inner_reads(session, hidden)


def _make_pair(
    session: Session, relation: VisibleRelation, source: str, hash_function: str
) -> None:
    inner = _new_name(session, relation)
    columns = ", ".join(masked(column, hash_function) for column in relation.columns)
    try:
        rows_of(
            session.connection,
            f"CREATE TEMP VIEW {quoted(inner)} AS SELECT {columns} FROM {source}{_where(relation)}",  # noqa: S608 - quoted
        )
    except apsw.Error as error:
        raise RuleDoesNotFit(relation.name, str(error)) from None
    rows_of(
        session.connection,
        f"CREATE TEMP VIEW {quoted(relation.name)} AS SELECT * FROM temp.{quoted(inner)}",  # noqa: S608 - quoted
    )


def _where(relation: VisibleRelation) -> str:
    """The filter, with a condition that always holds and names a column.

    When neither statement nor filter asks for a stored column, as with count(*), SQLite asks whether the table may be
    read as if the caller had named it. An INTEGER PRIMARY KEY is no stored column.
    """
    if relation.filter is None:
        return ""
    if relation.stored_column is None:
        return f" WHERE ({relation.filter}\n)"
    column = quoted(relation.stored_column)
    if relation.filter.strip().lower() in ALWAYS_FALSE:  # which SQLite would leave alone of the two
        return f" WHERE {column} IS NOT {column}"
    return f" WHERE ({relation.filter}\n) AND {column} IS {column}"


def _copy(session: Session, view: VisibleRelation) -> str:
    """The file's view once more under an unguessable name, where it finds our views instead of the tables."""
    name = _new_name(session, view)
    rest = after_the_name(view.sql)
    if rest is None:
        raise RuleDoesNotFit(view.name, "its CREATE VIEW cannot be read")
    rows_of(session.connection, f"CREATE TEMP VIEW {quoted(name)} {rest}")
    return name


def _new_name(session: Session, relation: VisibleRelation) -> str:
    name = f"k{secrets.token_hex(16)}"
    session.inner_names[name] = relation.name
    return name


def _find_inner_reads(session: Session, hidden: frozenset[str]) -> None:
    """Let each inner view read what it is written to read: its table and what a filter asks.

    A view of the file that the configuration names may also read what is hidden by itself.
    """
    session.gate.inner_reads.clear()
    for inner, name in session.inner_names.items():
        relation = session.relations[name.lower()]
        with contextlib.suppress(apsw.Error):
            rows_of(session.connection, f"EXPLAIN QUERY PLAN SELECT * FROM temp.{quoted(inner)}")  # noqa: S608 - quoted
        read = frozenset(session.gate.inner_reads.get(inner, set()))
        if relation.kind == "view":
            read &= hidden if relation.named else frozenset()
        session.gate.inner[inner] = read


def _set_gate(session: Session, rules: Rules, structure: Structure) -> None:
    gate = session.gate
    visible = {name: session.relations[name] for name in session.twin.names}
    ours = {
        name
        for name, relation in visible.items()
        if relation.restricted or (relation.kind == "view" and rules.restricts)
    }
    gate.safe_views = frozenset(ours)
    gate.countable = frozenset(name for name in ours if visible[name].filter is None)
    gate.open_tables = frozenset(visible) - gate.safe_views | (TABLE_FUNCTIONS - set(structure))
    indexes = [relation for relation in visible.values() if relation.kind == "virtual"]
    shadows = {name for name, relation in structure.items() if relation.kind == "shadow"}
    gate.storage = frozenset(
        {relation.name.lower() for relation in indexes}
        | {relation.content.lower() for relation in indexes if relation.content}
        | {
            name
            for name in shadows
            if any(name.startswith(f"{relation.name.lower()}_") for relation in indexes)
        }
    )
    modules = {str(name).lower() for (name,) in rows_of(session.connection, "PRAGMA module_list")}
    gate.off_limits = frozenset((modules | shadows) - gate.open_tables - gate.safe_views)


def _keep_what_compiles(session: Session) -> None:
    """Take away views that read what the caller may not, and those that read them in turn.

    Raises RuleDoesNotFit for a table with rules, or a view that the configuration names.
    """
    while broken := dict(_broken(session)):
        for name, problem in broken.items():
            relation = session.relations[name]
            if relation.kind != "view" or relation.named:
                raise RuleDoesNotFit(relation.name, problem)
        session.twin.keep(set(session.twin.names) - set(broken))
        gone = frozenset(broken)
        session.gate.open_tables -= gone
        session.gate.safe_views -= gone


def _broken(session: Session) -> Iterable[tuple[str, str]]:
    for name in session.gate.safe_views:
        try:
            compile_only(session.connection, f"SELECT * FROM {quoted(name)}", session.gate)  # noqa: S608 - quoted
        except NoQuery as error:
            yield name, str(error)
        except apsw.Error as error:
            denied = session.gate.denied
            yield name, f"it reads {denied.name}, which it may not" if denied else str(error)
