"""What each caller may ask: the relations that `init` wrote down, seen through the rules for the caller's roles."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from mcp_dbquery.config import ColumnRule, DatabaseConfig, MaskKind
from mcp_dbquery.engine import Catalog, Column, Index, Relation
from mcp_dbquery.masking import HASH_CHARACTERS
from mcp_dbquery.mysql.tables import Table
from mcp_dbquery.mysql.views import rule_of
from shared.errors import BadSetup

Details = Mapping[str, Any]
_TYPES: Mapping[MaskKind, str] = {
    "redacted": "text",
    "hash": f"char({HASH_CHARACTERS})",
    "last4": "text",
    "domain": "text",
    "year": "date",
}


class Catalogs:
    """The catalogue for each set of roles, read again after some time; however many ask, it is read once."""

    def __init__(
        self, config: DatabaseConfig, lifetime_s: float, read: Callable[[], Awaitable[Details]]
    ) -> None:
        self._config = config
        self._lifetime_s = lifetime_s
        self._read = read
        self._details: Details = {}
        self._read_at: float | None = None
        self._made: dict[frozenset[str], Catalog] = {}
        self._reading = asyncio.Lock()
        self._named_roles = _named_roles(config)

    async def of(self, roles: frozenset[str]) -> Catalog:
        """What somebody with these roles may ask. Raises whatever reading raises."""
        if self._is_old():
            async with self._reading:
                if self._is_old():
                    await self.refresh()
        roles &= self._named_roles  # others change nothing, and would only fill the memory
        if roles not in self._made:
            self._made[roles] = _catalog(self._config, self._details, roles)
        return self._made[roles]

    async def refresh(self) -> None:
        """Read it now. Raises whatever reading raises."""
        self._details = await self._read()
        self._made = {}
        self._read_at = time.monotonic()

    def _is_old(self) -> bool:
        return self._read_at is None or time.monotonic() - self._read_at > self._lifetime_s


def details_of_tables(config: DatabaseConfig, tables: Mapping[str, Table]) -> Details:
    """The same for tables that are asked directly.

    Raises:
        BadSetup: the login may read a table that is hidden, which nothing but its rights can hide there.
    """
    for name in tables:
        is_meant = config.expose == "all" or name in config.tables
        if rule_of(config, name).hidden or not is_meant:
            raise BadSetup(
                f"The login may read {name}, which is hidden. Revoke that, or leave out direct and run init."
            )
    visible = {name: table.column_names for name, table in tables.items()}
    return {
        name: {
            "kind": "view" if table.is_view else "table",
            "comment": table.comment,
            "rows": table.rows,
            "hidden": 0,
            "columns": [
                {
                    "name": column.name,
                    "type": column.type,
                    "nullable": column.nullable,
                    "primary_key": column.primary_key,
                    "references": ".".join(column.references)
                    if column.references
                    and column.references[1] in visible.get(column.references[0], ())
                    else None,
                    "comment": column.comment,
                }
                for column in table.columns
            ],
            "indexes": [[index.name, list(index.columns), index.unique] for index in table.indexes],
        }
        for name, table in tables.items()
    }


def _named_roles(config: DatabaseConfig) -> frozenset[str]:
    roles: set[str] = set()
    for rule in config.tables.values():
        roles.update(rule.roles)
        roles.update(
            *(row.roles for row in rule.rows),
            *(each.unmasked_for for each in rule.columns.values()),
        )
    return frozenset(roles)


def _catalog(config: DatabaseConfig, details: Details, roles: frozenset[str]) -> Catalog:
    seen = {
        name
        for name in details
        if name and (not rule_of(config, name).roles or roles & set(rule_of(config, name).roles))
    }
    return Catalog(
        {name: _relation(config, name, details[name], roles, seen) for name in sorted(seen)}
    )


def _relation(
    config: DatabaseConfig, name: str, details: Any, roles: frozenset[str], seen: set[str]
) -> Relation:
    rule = rule_of(config, name)
    return Relation(
        name=name,
        kind=details["kind"],
        columns=tuple(
            _column(rule.columns.get(column["name"], ColumnRule()), column, roles, seen)
            for column in details["columns"]
        ),
        rows_estimate=details["rows"],
        comment=rule.description or details["comment"],
        indexes=tuple(
            Index(index, tuple(columns), unique) for index, columns, unique in details["indexes"]
        ),
        hidden_columns=details["hidden"],
        rows_filtered=rule.is_filtered_for(roles),
    )


def _column(rule: ColumnRule, details: Any, roles: frozenset[str], seen: set[str]) -> Column:
    mask = None if roles & set(rule.unmasked_for) else rule.mask
    points_to: str | None = details["references"]
    return Column(
        name=details["name"],
        type=_TYPES.get(mask, details["type"]) if mask else details["type"],
        nullable=details["nullable"],
        primary_key=details["primary_key"],
        references=points_to if points_to and points_to.partition(".")[0] in seen else None,
        comment=rule.description or details["comment"],
        mask=mask,
        examples=rule.examples and mask is None,
    )
