"""Remembers which actions were done under which key, so that a repeated request does nothing twice.

The ledger is ours, the data is the customer's, and no transaction spans both. So a key is claimed before the
action and ended after it; a claim that never ended means that it may have been done, and is never tried again.
"""

import sqlite3
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from mcp_dbquery.errors import BadSetup

_SCHEMA = """
CREATE TABLE IF NOT EXISTS actions_done (
  principal TEXT NOT NULL, idempotency_key TEXT NOT NULL, action TEXT NOT NULL, arguments_hash TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('claimed', 'done')), result TEXT, claimed_at TEXT NOT NULL, done_at TEXT,
  PRIMARY KEY (principal, idempotency_key)
) STRICT
"""


@dataclass(frozen=True, slots=True)
class Entry:
    """What is known of a key. `result` is None when it was claimed and never ended."""

    action: str
    arguments_hash: str
    result: str | None


class Ledger:
    """One SQLite file. Every call opens and closes it: actions are rare, and threads differ."""

    def __init__(self, path: Path) -> None:
        """Make the file if it is not there, for its owner's eyes only: results are kept in it.

        Raises:
            BadSetup: it cannot be made or written.
        """
        self._path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch(mode=0o600)
            with self._connection() as connection:
                connection.execute("PRAGMA journal_mode=WAL")
                connection.execute(_SCHEMA)
        except (OSError, sqlite3.Error) as error:
            raise BadSetup(f"The ledger {path} cannot be written: {error}.") from None

    def claim(self, principal: str, key: str, action: str, arguments_hash: str) -> Entry | None:
        """Take a key. None: it is new and now ours; else what is known of it."""
        with self._connection() as connection:
            taken = connection.execute(
                "INSERT INTO actions_done (principal, idempotency_key, action, arguments_hash, state, claimed_at) "
                "VALUES (?, ?, ?, ?, 'claimed', ?) ON CONFLICT DO NOTHING",
                (principal, key, action, arguments_hash, _now()),
            )
            if taken.rowcount == 1:
                return None
            row = connection.execute(
                "SELECT action, arguments_hash, result FROM actions_done "
                "WHERE principal = ? AND idempotency_key = ?",
                (principal, key),
            ).fetchone()
            return Entry(*row)

    def end(self, principal: str, key: str, result: str) -> None:
        """Note that the action was done, with its result."""
        with self._connection() as connection:
            connection.execute(
                "UPDATE actions_done SET state = 'done', result = ?, done_at = ? "
                "WHERE principal = ? AND idempotency_key = ?",
                (result, _now(), principal, key),
            )

    def release(self, principal: str, key: str) -> None:
        """Give a key back: nothing was done under it."""
        with self._connection() as connection:
            connection.execute(
                "DELETE FROM actions_done WHERE principal = ? AND idempotency_key = ? AND state = 'claimed'",
                (principal, key),
            )

    def _connection(self) -> "_Closing":
        return _Closing(self._path)


class _Closing:
    """A connection that commits and closes at the end of its block."""

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(path, timeout=5)

    def __enter__(self) -> sqlite3.Connection:
        return self._connection

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is None:
            self._connection.commit()
        self._connection.close()


def _now() -> str:
    return datetime.now(UTC).isoformat()
