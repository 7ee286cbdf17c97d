"""Queries that persons keep under a name for themselves: one SQLite file, each person's apart from all others'."""

import asyncio
import json
import sqlite3
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, cast

from mcp_dbquery.engine import Parameters, Scalar
from mcp_dbquery.errors import BadSetup
from shared.mcp_server import InvalidArguments, Problem

T = TypeVar("T")

MOST_OF_ONE_PERSON = 200
_SCHEMA = """
CREATE TABLE IF NOT EXISTS saved_queries (
  tenant TEXT NOT NULL, subject TEXT NOT NULL, name TEXT NOT NULL, title TEXT NOT NULL, database TEXT NOT NULL,
  sql TEXT NOT NULL, parameters TEXT NOT NULL, saved_at TEXT NOT NULL DEFAULT (datetime('now')),
  PRIMARY KEY (tenant, subject, name)
) STRICT
"""
_BY_POSITION = "p"
"""Values bound by position are parameters named p1, p2, …"""
_TYPES: dict[type, str] = {bool: "boolean", int: "integer", float: "number", str: "text"}


class NameTaken(Problem):
    """There is another saved query of this name. `details`: `name`."""

    code = "conflict"


@dataclass(frozen=True, slots=True)
class OwnQuery:
    """A kept query; the values it was kept with are the defaults of its parameters."""

    name: str
    title: str
    database: str
    sql: str
    parameters: Parameters

    def told_parameters(self) -> dict[str, str]:
        """Name → type and default."""
        return {
            name: f"{_TYPES.get(type(value), 'any')}, {json.dumps(value, ensure_ascii=False)} unless given"
            for name, value in _named(self.parameters).items()
        }

    def bind(self, given: Mapping[str, Any]) -> Parameters:
        """The values to run it with.

        Raises:
            InvalidArguments: a parameter that it does not have, or a value of another type than it was kept with.
        """
        values = _named(self.parameters)
        for name, value in given.items():
            if name not in values:
                known = ", ".join(values) or "none"
                raise InvalidArguments(
                    f"There is no parameter {name}. The parameters are: {known}."
                )
            values[name] = _checked(name, value, values[name])
        return list(values.values()) if isinstance(self.parameters, list) else values


class SavedQueries:
    """One file. Every call opens and closes it: keeping is rare, and threads differ."""

    def __init__(self, path: Path) -> None:
        """Make the file if it is not there, for its owner's eyes only.

        Raises:
            BadSetup: it cannot be made or written.
        """
        self._path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch(mode=0o600)
            self._do(lambda connection: connection.execute(_SCHEMA))
        except (OSError, sqlite3.Error) as error:
            raise BadSetup(f"The saved queries {path} cannot be written: {error}.") from None

    async def of(self, tenant: str, subject: str) -> list[OwnQuery]:
        """All of one person, by name."""
        sql = (
            "SELECT name, title, database, sql, parameters FROM saved_queries "
            "WHERE tenant = ? AND subject = ? ORDER BY name"
        )
        rows = await asyncio.to_thread(
            self._do, lambda connection: connection.execute(sql, (tenant, subject)).fetchall()
        )
        return [
            OwnQuery(name, title, database, text, cast("Parameters", json.loads(parameters)))
            for name, title, database, text, parameters in rows
        ]

    async def keep(self, tenant: str, subject: str, query: OwnQuery) -> None:
        """Keep it. Keeping the same again changes nothing.

        Raises:
            NameTaken: this person has another one of this name.
            Problem: this person has as many as may be kept.
        """
        own = {known.name: known for known in await self.of(tenant, subject)}
        if query.name in own:
            if own[query.name] != query:
                raise name_taken(query.name)
            return
        if len(own) >= MOST_OF_ONE_PERSON:
            raise Problem(f"You have {len(own)} saved queries, which is as many as may be.")
        sql = (
            "INSERT INTO saved_queries (tenant, subject, name, title, database, sql, parameters) "
            "VALUES (?, ?, ?, ?, ?, ?, ?)"
        )
        values = (tenant, subject, query.name, query.title, query.database, query.sql)
        try:
            await asyncio.to_thread(
                self._do,
                lambda connection: connection.execute(sql, (*values, json.dumps(query.parameters))),
            )
        except sqlite3.IntegrityError:  # Another tab was quicker.
            raise name_taken(query.name) from None

    def _do(self, work: Callable[[sqlite3.Connection], T]) -> T:
        with closing(sqlite3.connect(self._path, timeout=5)) as connection, connection:
            return work(connection)


def name_taken(name: str) -> NameTaken:
    """What is said of a name that cannot be had."""
    return NameTaken(
        f"There is a saved query “{name}” already.", hint="Choose another name.", name=name
    )


def _named(parameters: Parameters) -> dict[str, Scalar]:
    if isinstance(parameters, dict):
        return dict(parameters)
    return {f"{_BY_POSITION}{number}": value for number, value in enumerate(parameters, start=1)}


def _checked(name: str, value: object, default: Scalar) -> Scalar:
    """The value, when it is of the default's type. NULL says nothing of a type, so anything may stand for it."""
    if not isinstance(value, str | int | float | bool | None):
        raise InvalidArguments(f"{name} takes one value, not a list or an object.")
    if default is None or value is None or type(value) is type(default):
        return value
    if type(default) is float and type(value) is int:
        return value
    raise InvalidArguments(f"{name} takes: {_TYPES[type(default)]}.")
