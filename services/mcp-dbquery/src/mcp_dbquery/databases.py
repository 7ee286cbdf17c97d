"""The configured databases, and who may ask which."""

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from mcp_dbquery.actions.check import check_actions
from mcp_dbquery.actions.runner import ActionRunner
from mcp_dbquery.callers import values_of
from mcp_dbquery.config import DatabaseConfig, Limits
from mcp_dbquery.engine import Engine
from mcp_dbquery.errors import UnknownDatabase
from mcp_dbquery.hints import did_you_mean, shortened
from mcp_dbquery.quotas import Quota
from mcp_dbquery.store import Store
from shared.errors import BadSetup
from shared.service_tokens import Principal

_CLAIMS = re.compile(r":(claim_\w+)")


@dataclass(frozen=True, slots=True)
class Database:
    """One database with all that belongs to it."""

    name: str
    config: DatabaseConfig
    engine: Engine
    quota: Quota
    actions: ActionRunner | None

    @property
    def limits(self) -> Limits:
        return self.engine.limits

    def is_open_to(self, caller: Principal) -> bool:
        return not self.config.roles or bool(caller.roles & set(self.config.roles))

    def actions_of(self, caller: Principal) -> list[str]:
        """The tools that change something in it and that this caller may use."""
        if self.actions is None:
            return []
        declared = self.actions.actions
        return [name for name, action in declared.items() if caller.roles & set(action.roles)]

    def standing(self, caller: Principal) -> str:
        """All of a caller that decides what is seen here, as a digest: the person, roles, and claims in filters."""
        filters = [rule.filter for table in self.config.tables.values() for rule in table.rows]
        claims = sorted({name for text in filters for name in _CLAIMS.findall(text)})
        parts = [person_key(caller), *sorted(caller.roles), "", repr(values_of(caller, claims))]
        return _digest(parts)


@dataclass(slots=True)
class Databases:
    """All of them, by name. `start` before anything is asked."""

    by_name: Mapping[str, Database]
    store: Store | None = None
    """What the server itself remembers."""
    _is_started: bool = field(default=False, init=False)

    async def start(self) -> None:
        """Open all, and check what may be changed. Again does nothing.

        Raises:
            BadSetup: naming the database; none stays open.
        """
        if self._is_started:
            return
        try:
            if self.store is not None:
                await self.store.start()
            for database in self.by_name.values():
                await _start(database)
        except BaseException:
            await self.close()
            raise
        self._is_started = True

    async def close(self) -> None:
        """End all that runs; what is being changed gets a few seconds to come to its end."""
        self._is_started = False
        for database in self.by_name.values():
            if database.actions is not None:
                await database.actions.close()
            await database.engine.close()
        if self.store is not None:
            await self.store.close()

    async def problems(self) -> dict[str, str | None]:
        """Database, or `store` → why it cannot be asked right now."""
        problems = {
            name: await database.engine.problem() for name, database in self.by_name.items()
        }
        if self.store is not None:
            problems["store"] = await self.store.problem()
        return problems

    def visible_to(self, caller: Principal) -> list[Database]:
        """Those that this caller may ask, by name."""
        ordered = (self.by_name[name] for name in sorted(self.by_name))
        return [database for database in ordered if database.is_open_to(caller)]

    @property
    def runners(self) -> list[ActionRunner]:
        """Those of the databases in which something may be changed."""
        return [one.actions for one in self.by_name.values() if one.actions is not None]

    def of_action(self, name: str) -> Database | None:
        """The database that a declared action changes."""
        having = (
            one for one in self.by_name.values() if one.actions and name in one.actions.actions
        )
        return next(having, None)

    def choose(self, caller: Principal, name: str | None) -> Database:
        """The database of this name, or without a name the only one.

        Raises:
            UnknownDatabase: there is none such for this caller, or there are several.
        """
        visible = {database.name: database for database in self.visible_to(caller)}
        if name is None:
            if len(visible) == 1:
                return next(iter(visible.values()))
            raise UnknownDatabase(
                "There is no database that you may ask."
                if not visible
                else "There are several databases; say which in the argument database.",
                hint=f"They are: {', '.join(visible)}." if visible else None,
            )
        if name not in visible:
            near = did_you_mean(name, visible)
            known = f"They are: {', '.join(visible)}." if visible else ""
            raise UnknownDatabase(
                f"There is no database “{shortened(name)}”.",
                hint=near.sentence or known or None,
                did_you_mean=near.names,
            )
        return visible[name]

    @property
    def dialects(self) -> list[str]:
        """The dialects of all, each once."""
        return sorted({database.engine.dialect for database in self.by_name.values()})


def person_key(caller: Principal) -> str:
    """A person as a digest: the same in all replicas, and telling nothing."""
    return _digest([caller.issuer, caller.tenant, caller.subject])


async def _start(database: Database) -> None:
    try:
        await database.engine.start()
    except BadSetup as error:
        raise BadSetup(f"The database {database.name}: {error}") from None
    if database.actions is not None and database.config.actions_file is not None:
        await check_actions(database.engine, database.config.actions_file, database.actions.actions)


def _digest(parts: Iterable[str]) -> str:
    return hashlib.sha256("\0".join(parts).encode(errors="surrogatepass")).hexdigest()[:32]
