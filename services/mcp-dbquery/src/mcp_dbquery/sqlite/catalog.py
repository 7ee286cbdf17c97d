"""Keeps what is known of the schema, for each set of rules, until it is old or the file's schema has changed."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from mcp_dbquery.config import DatabaseConfig
from mcp_dbquery.engine import Catalog, Column, Index, Relation

FRESH_S = 60.0
MOST_KEPT = 64
"""Sets of rules whose catalogues are kept."""

Load = Callable[[], Awaitable[Catalog]]


@dataclass(slots=True)
class CatalogCache:
    """Many callers who ask at once cause one look at the file."""

    _kept: dict[str, tuple[float, "asyncio.Future[Catalog]"]] = field(
        default_factory=dict[str, tuple[float, "asyncio.Future[Catalog]"]], init=False
    )
    _schema: str | None = field(default=None, init=False)

    async def get(self, key: str, load: Load) -> Catalog:
        """Raises what `load` does; nothing is kept then."""
        now = asyncio.get_running_loop().time()
        known = self._kept.get(key)
        if known is None or now - known[0] > FRESH_S or _has_failed(known[1]):
            known = (now, asyncio.ensure_future(load()))
            known[1].add_done_callback(_has_failed)  # looked at, even when all who asked are gone
            self._kept[key] = known
            while len(self._kept) > MOST_KEPT:
                del self._kept[next(iter(self._kept))]
        return await asyncio.shield(known[1])

    def forget(self) -> None:
        """The file is not what it was."""
        self._kept.clear()

    def saw(self, schema: str) -> None:
        """Tell which schema the file has now. When it is another one, everything known is out of date."""
        if self._schema not in {None, schema}:
            self.forget()
        self._schema = schema


def _has_failed(found: "asyncio.Future[Catalog]") -> bool:
    return found.done() and (found.cancelled() or found.exception() is not None)


def catalog_of(told: list[dict[str, Any]], config: DatabaseConfig) -> Catalog:
    """What a worker told, with the configuration's descriptions."""
    rules = {name.lower(): rule for name, rule in config.tables.items()}
    relations: dict[str, Relation] = {}
    for one in told:
        rule = rules.get(one["name"].lower())
        said = {name.lower(): column for name, column in rule.columns.items()} if rule else {}
        columns: list[Column] = []
        for column in one["columns"]:
            of_column = said.get(column["name"].lower())
            columns.append(
                Column(
                    **column,
                    comment=of_column.description if of_column else None,
                    examples=of_column.examples if of_column else True,
                )
            )
        relations[one["name"]] = Relation(
            name=one["name"],
            kind=one["kind"],
            columns=tuple(columns),
            rows_estimate=one["rows"],
            comment=rule.description if rule else None,
            indexes=tuple(
                Index(index["name"], tuple(index["columns"]), index["unique"])
                for index in one["indexes"]
            ),
            hidden_columns=one["hidden_columns"],
            rows_filtered=one["rows_filtered"],
        )
    return Catalog(relations)
