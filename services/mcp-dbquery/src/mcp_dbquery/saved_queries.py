"""Queries that persons keep under a name for themselves. The values they were kept with are defaults."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from mcp_dbquery.engine import Parameters, Scalar
from mcp_dbquery.hints import shortened
from mcp_dbquery.store import StoredQuery
from shared.mcp_server import InvalidArguments

_BY_POSITION = "p"
"""Values bound by position are parameters named p1, p2, …"""
_TYPES: dict[type, str] = {bool: "boolean", int: "integer", float: "number", str: "text"}


@dataclass(frozen=True, slots=True)
class OwnQuery:
    """A kept query."""

    name: str
    title: str
    database: str
    sql: str
    parameters: Parameters

    @classmethod
    def of(cls, stored: StoredQuery) -> "OwnQuery":
        """As it was kept."""
        parameters = cast("Parameters", json.loads(stored.parameters_json))
        return cls(stored.name, stored.title, stored.database, stored.sql, parameters)

    def stored(self) -> StoredQuery:
        """To be kept."""
        return StoredQuery(
            self.name, self.database, self.title, self.sql, json.dumps(self.parameters)
        )

    def told_parameters(self) -> dict[str, str]:
        """Name → type and default."""
        return {
            name: f"{_TYPES.get(type(value), 'any')}, {shortened(json.dumps(value, ensure_ascii=False))} unless given"
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
                    f"There is no parameter {shortened(name)}. The parameters are: {known}."
                )
            values[name] = _checked(name, value, values[name])
        return list(values.values()) if isinstance(self.parameters, list) else values


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
