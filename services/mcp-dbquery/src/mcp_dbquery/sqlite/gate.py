"""What a statement may touch: SQLite asks this for every single access while it compiles. Default: deny.

The engine's own parser decides what is accessed, so nothing hides in syntax.
"""

import contextlib
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

import apsw

from mcp_dbquery.sqlite.comments import without_comments
from mcp_dbquery.sqlite.functions import ALLOWED_FUNCTIONS

_NO_VALUES: Any = vars(apsw)[
    "_null_bindings"
]  # as apsw.ext.query_info does; its stubs have no name for it
"""Leaves all parameters unbound: a statement that is only compiled needs no values."""

TABLE_FUNCTIONS = frozenset({"json_each", "json_tree"})


class Phase(Enum):
    """Whose SQL is compiled at the moment."""

    OURS = "ours"
    CALLERS = "callers"
    MODULES = "modules"
    """The statement runs; the modules of virtual tables compile statements of their own, callers no more."""


@dataclass(frozen=True, slots=True)
class Denied:
    """The first access that was denied."""

    what: str
    """table, function or statement"""
    name: str


@dataclass(slots=True)
class Gate:
    """The authorizer of one connection."""

    open_tables: frozenset[str]
    """What may be read by its name, in lower case."""
    safe_views: frozenset[str] = frozenset()
    """Names of our temporary views that stand for tables with rules, in lower case."""
    inner: dict[str, frozenset[str]] = field(default_factory=dict[str, frozenset[str]])
    """Our views with unguessable names, and the tables of the file that each may read."""
    countable: frozenset[str] = frozenset()
    """Tables all rows of which the caller sees, so that their number may be asked of the table itself."""
    storage: frozenset[str] = frozenset()
    """What the modules of visible virtual tables read for themselves."""
    off_limits: frozenset[str] = frozenset()
    """Names that are modules or storage, and so never a subquery of the caller's."""
    own_functions: frozenset[str] = frozenset()
    """Callable from inner views only."""
    phase: Phase = Phase.OURS
    denied: Denied | None = None
    read: set[str] = field(default_factory=set[str])
    """Names of the tables read, as the file spells them."""
    inner_reads: dict[str, set[str]] = field(default_factory=dict[str, set[str]])
    """While our own views are compiled: which tables of the file each reads."""

    @contextmanager
    def in_phase(self, phase: Phase) -> Generator[None]:
        """Nothing is denied before, nothing stays allowed after."""
        self.phase, before = phase, self.phase
        self.denied = None
        self.read = set()
        try:
            yield
        finally:
            self.phase = before

    def __call__(
        self,
        action: int,
        first: str | None,
        second: str | None,
        database: str | None,
        within: str | None,
    ) -> int:
        if self.phase is Phase.OURS:
            if action == apsw.SQLITE_READ and database == "main" and within:
                self.inner_reads.setdefault(within, set()).add(str(first).lower())
            return apsw.SQLITE_OK
        if self._allows(action, first or "", second or "", database, within):
            return apsw.SQLITE_OK
        if self.denied is None:
            self.denied = _denied(action, first or "", second or "")
        return apsw.SQLITE_DENY

    def _allows(
        self, action: int, first: str, second: str, database: str | None, within: str | None
    ) -> bool:
        match action:
            case apsw.SQLITE_SELECT | apsw.SQLITE_RECURSIVE:
                return True
            case apsw.SQLITE_READ:
                self.read.add(first)
                return self._may_read(first.lower(), second, database, within)
            case apsw.SQLITE_FUNCTION:
                name = second.lower()
                return name in ALLOWED_FUNCTIONS or (
                    name in self.own_functions and within in self.inner
                )
            case apsw.SQLITE_PRAGMA:
                # FTS5 asks this of itself to see whether the file has changed.
                return self.phase is Phase.MODULES and (first, second) == ("data_version", "")
            case _:
                return False

    def _may_read(self, table: str, column: str, database: str | None, within: str | None) -> bool:
        match database:
            case "main":
                return (
                    table in self.open_tables
                    or table in self.inner.get(within or "", ())
                    or (not column and table in self.countable)
                    or (self.phase is Phase.MODULES and table in self.storage)
                )
            case "temp":
                return table in self.safe_views or table in self.inner
            case None:
                # count(*) is asked for by the name alone, without column and database, and so is that of a subquery
                # or WITH of this name. A table with rules has a view of ours before it, and a hidden one is unknown
                # to the twin in which the statement was compiled first, so this is one of the others.
                is_of_sqlite = table.startswith(("sqlite_", "pragma_"))
                return not column and not is_of_sqlite and table not in self.off_limits
            case _:
                return False


def _denied(action: int, first: str, second: str) -> Denied:
    if action == apsw.SQLITE_READ:
        return Denied("table", first)
    if action == apsw.SQLITE_FUNCTION:
        return Denied("function", second)
    return Denied("statement", "")


@dataclass(frozen=True, slots=True)
class Compiled:
    """What SQLite says of a statement it has compiled."""

    columns: list[tuple[str, str | None, str | None]]
    """Name, and the table and column that it shows as they are."""
    binds: tuple[str | None, ...]
    """Names of its parameters in their order; None for those without one."""
    reads: frozenset[str]


class NoQuery(Exception):
    """The text is more than one statement, none, or not one that only gives rows; the text says which."""


class SeveralStatements(NoQuery):
    """Something follows the first statement."""


def compile_only(connection: apsw.Connection, sql: str, gate: Gate) -> Compiled:
    """Compile a statement of the caller without running it.

    Raises:
        NoQuery: see there.
        apsw.Error: it does not compile, or `gate.denied` says what of it is not allowed.
    """
    seen: list[Compiled] = []

    def before_running(cursor: apsw.Cursor, text: str, _: object) -> bool:
        seen.append(_described(cursor, sql, text, gate))
        return False

    cursor: Any = connection.cursor()
    cursor.exec_trace = before_running
    with gate.in_phase(Phase.CALLERS), contextlib.suppress(apsw.ExecTraceAbort):
        cursor.execute(sql, _NO_VALUES, can_cache=False)
    if not seen:
        raise NoQuery("The statement is empty.")
    return seen[0]


def _described(cursor: apsw.Cursor, sql: str, text: str, gate: Gate) -> Compiled:
    if not cursor.has_vdbe:
        raise NoQuery("The statement is empty.")
    if without_comments(sql[len(text) :]):
        raise SeveralStatements("Only one statement runs at a time.")
    if cursor.is_explain:
        raise NoQuery("EXPLAIN does not run here.")
    if not cursor.is_readonly or not cursor.get_description():
        raise NoQuery("This statement does more than read.")
    return Compiled(
        columns=[(str(c[0]), c[3], c[4]) for c in cursor.description_full],
        binds=tuple(cursor.bindings_names),
        reads=frozenset(gate.read),
    )


def spelled(reads: frozenset[str], known: Mapping[str, str]) -> list[str]:
    """Those of the tables read that are known, spelled as they are known, by name."""
    return sorted({known[name.lower()] for name in reads if name.lower() in known})
