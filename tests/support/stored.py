"""What a service has stored in SQLite, for tests that show that a request changed nothing there."""

import sqlite3
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path

Content = frozenset[tuple[str, str]]
"""Table and row, as text."""


@dataclass
class Stored:
    """One database. It is read again only after somebody has written."""

    path: Path
    but: Collection[str] = ()
    """Tables that are of no account, such as notes of what was refused."""
    _watching: sqlite3.Connection = field(init=False)
    _version: int = -1
    _content: Content = frozenset()

    def __post_init__(self) -> None:
        self._watching = sqlite3.connect(self.path, isolation_level=None)

    def content(self) -> Content:
        version = self._watching.execute("PRAGMA data_version").fetchone()[0]
        if version != self._version:
            self._version, self._content = version, self._read()
        return self._content

    def copied(self) -> sqlite3.Connection:
        """All of it, for `restore`. The caller closes it."""
        copy = sqlite3.connect(":memory:")
        self._watching.backup(copy)
        return copy

    def restore(self, copied: sqlite3.Connection) -> None:
        """As it was, also for those who have it open."""
        copied.backup(self._watching)
        self._version = -1

    def close(self) -> None:
        self._watching.close()

    def _read(self) -> Content:
        # Not the tables of a full-text index, which has no more than other tables have.
        named = self._watching.execute("SELECT name FROM pragma_table_list WHERE type = 'table'")
        return frozenset(
            (table, repr(row))
            for (table,) in named.fetchall()
            if table not in self.but and not table.startswith("sqlite_")
            for row in self._watching.execute(f'SELECT * FROM "{table}"')
        )


def without(content: Content, *whose: str) -> Content:
    """The rows that name none of these."""
    return frozenset(row for row in content if not any(one in row[1] for one in whose))
