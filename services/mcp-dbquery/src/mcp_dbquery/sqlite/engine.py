"""One SQLite file as an engine of the server."""

import asyncio
import hashlib
import secrets
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import orjson

from mcp_dbquery.config import DatabaseConfig, Limits
from mcp_dbquery.engine import (
    Catalog,
    ChangeTransaction,
    Dialect,
    Estimate,
    Reading,
    ResultColumn,
    Statement,
)
from mcp_dbquery.errors import StatementInvalid
from mcp_dbquery.sqlite import transactions
from mcp_dbquery.sqlite.catalog import CatalogCache, catalog_of
from mcp_dbquery.sqlite.names import quoted
from mcp_dbquery.sqlite.policy import EVERYTHING, Policy
from mcp_dbquery.sqlite.pool import WorkerPool, default_workers
from mcp_dbquery.sqlite.problems import problem_of
from mcp_dbquery.sqlite.rules import Rules
from mcp_dbquery.sqlite.text import check_statement, problem_with_value
from mcp_dbquery.sqlite.url import path_of
from mcp_dbquery.sqlite.url import problem_of as problem_of_file
from shared.errors import BadSetup
from shared.service_tokens import Principal

NOTHING_KNOWN = Catalog({})


class SqliteEngine:
    """Statements of callers run in worker processes; those of actions in this one."""

    dialect: Dialect = "sqlite"

    def __init__(self, name: str, config: DatabaseConfig, limits: Limits) -> None:
        """Raises BadSetup: the URL names no readable SQLite file, or the key for hashes cannot be read."""
        self.limits = limits
        self._path = path_of(config.read_url(name))
        key = config.context_key
        # Without a key of its own, hashes are the same as long as this process lives.
        hash_key = key.read(f"The context key of {name}") if key else secrets.token_hex(32)
        self._policy = Policy(config, hash_key)
        self._pool = WorkerPool(self._path, default_workers(), limits.memory_mb)
        self._catalogs = CatalogCache()

    @property
    def path(self) -> Path:
        """The file."""
        return self._path

    async def start(self) -> None:
        await self._pool.warm_up()
        told = await self._ask("describe", EVERYTHING, {})
        if "problem" in told:
            raise problem_of(told["problem"], self.limits, NOTHING_KNOWN)
        self._policy.check_names(catalog_of(told["relations"], self._policy.config))
        for rules in self._policy.variants():
            told = await self._ask("describe", rules, {})
            if "problem" in told:
                raise BadSetup(f"The rules cannot be kept: {told['problem']['text']}.")

    async def close(self) -> None:
        await self._pool.close()

    async def problem(self) -> str | None:
        # Here and not in a worker: all being busy is no reason to be called unready.
        return await asyncio.to_thread(problem_of_file, self._path)

    def facts(self) -> list[str]:
        return [
            "The file is opened read-only, in worker processes with limits for time and memory; "
            "SQLite's authorizer allows reading visible tables only.",
            *self._policy.facts(),
        ]

    async def catalog(self, caller: Principal) -> Catalog:
        rules = self._policy.rules_for(caller)

        async def load() -> Catalog:
            told = await self._ask("describe", rules, {})
            if "problem" in told:
                raise problem_of(told["problem"], self.limits, NOTHING_KNOWN)
            return catalog_of(told["relations"], self._policy.config)

        return await self._catalogs.get(_shape_of(rules), load)

    def quoted(self, name: str) -> str:
        return quoted(name)

    async def read(self, statement: Statement, caller: Principal) -> Reading:
        told = await self._run("read", statement, caller)
        return Reading(
            columns=[ResultColumn(**column) for column in told["columns"]],
            rows=told["rows"],
            cut_by=told["cut_by"],
            cut_cells=told["cut_cells"],
            relations=frozenset(told["relations"]),
            elapsed_ms=told["elapsed_ms"],
        )

    async def explain(self, statement: Statement, caller: Principal) -> Estimate:
        told = await self._run("explain", statement, caller)
        return Estimate(cost=None, rows=None, plan=told["plan"])

    def looking(self, caller: Principal) -> AbstractAsyncContextManager[ChangeTransaction]:  # noqa: ARG002
        return transactions.looking(self._path, self.limits.timeout_s)

    def changing(self, caller: Principal) -> AbstractAsyncContextManager[ChangeTransaction]:  # noqa: ARG002
        return transactions.changing(self._path, self.limits.timeout_s)

    async def check_action(self, sql: str, names: Sequence[str], *, reads: bool) -> list[str]:
        return await asyncio.to_thread(
            transactions.check_action, self._path, sql, names, reads=reads
        )

    async def _run(self, do: str, statement: Statement, caller: Principal) -> dict[str, Any]:
        check_statement(statement.sql, self.limits.sql_characters)
        problem = problem_with_value(statement.parameters)
        if problem is not None:
            raise StatementInvalid(problem)
        rules = self._policy.rules_for(caller)
        told = await self._ask(
            do,
            rules,
            {
                "sql": statement.sql,
                "parameters": statement.parameters,
                "timeout_s": self.limits.timeout_s,
                "max_rows": min(statement.max_rows, self.limits.read_rows),
                "max_bytes": self.limits.read_bytes,
                "max_cell": self.limits.cell_characters,
                "max_columns": self.limits.columns,
            },
        )
        if "problem" in told:
            is_unknown = told["problem"]["kind"] == "unknown"
            catalog = await self.catalog(caller) if is_unknown else NOTHING_KNOWN
            raise problem_of(told["problem"], self.limits, catalog)
        return told

    async def _ask(self, do: str, rules: Rules, request: dict[str, Any]) -> dict[str, Any]:
        message = rules.as_message()
        session = hashlib.sha256(orjson.dumps(message)).hexdigest()
        told = await self._pool.run(
            session, {"do": do, "rules": message, **request}, self.limits.timeout_s
        )
        if told.get("problem", {}).get("kind") in {"away", "rules"}:
            self._catalogs.forget()
        if "schema" in told:
            self._catalogs.saw(told["schema"])
        return told


def _shape_of(rules: Rules) -> str:
    """The same for callers who see the same tables and columns, whichever rows they see of them."""
    message = rules.as_message()
    for table in message["tables"].values():
        table["filter"] = table["filter"] is not None
    return hashlib.sha256(orjson.dumps(message)).hexdigest()
