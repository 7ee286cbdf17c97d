"""The saved queries that a caller may run: those of the configuration, and the person's own."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter, ValidationError

from mcp_dbquery.config import SavedQuery
from mcp_dbquery.databases import Database, Databases
from mcp_dbquery.engine import Dialect, Parameters
from mcp_dbquery.errors import NameTaken, UnknownQuery
from mcp_dbquery.hints import did_you_mean, shortened
from mcp_dbquery.parameters import LookupParameter, accepted, bound_value
from mcp_dbquery.results import KeptQuery, SavedQueryList, SavedQuerySummary
from mcp_dbquery.saved_queries import OwnQuery
from mcp_dbquery.store import Store
from shared.errors import BadSetup
from shared.mcp_server import InvalidArguments, Refused
from shared.service_tokens import Principal

MAX_TOLD_SQL = 500
"""Characters of a person's own statement where all of them are listed."""
_PARAMETERS: TypeAdapter[Parameters] = TypeAdapter(Parameters)


@dataclass(frozen=True, slots=True)
class Declared:
    """A query of the configuration."""

    name: str
    database: str
    dialect: Dialect
    query: SavedQuery

    @property
    def sql(self) -> str:
        return self.query.sql

    def bind(self, given: Mapping[str, Any]) -> Parameters:
        """Raises InvalidArguments: the values are not what the parameters say."""
        declared = self.query.parameters
        values = accepted(declared, given)
        return {
            name: bound_value(parameter, values[name], self.dialect)
            for name, parameter in declared.items()
        }


Runnable = Declared | OwnQuery


@dataclass(frozen=True, slots=True)
class Library:
    """Finds and keeps saved queries."""

    databases: Databases
    store: Store | None
    """Where persons' own are. None: nobody can keep any."""

    async def known_to(self, caller: Principal) -> SavedQueryList:
        """All that this caller may run, by name."""
        known = await self._known(caller)
        return SavedQueryList(queries=[_summary(known[name]) for name in sorted(known)])

    async def find(self, caller: Principal, name: str) -> tuple[Database, Runnable]:
        """The query and its database.

        Raises:
            UnknownQuery: there is none of this name for this caller.
            UnknownDatabase: its database is not there any more, or not for this caller.
        """
        known = await self._known(caller)
        if name not in known:
            near = did_you_mean(name, known)
            raise UnknownQuery(
                f"There is no saved query “{shortened(name)}”.",
                hint=near.sentence or "list_saved_queries names those that you may run.",
                did_you_mean=near.names,
            )
        query = known[name]
        return self.databases.choose(caller, query.database), query

    async def keep(
        self, caller: Principal, name: str, title: str, arguments: dict[str, Any]
    ) -> KeptQuery:
        """Keep a call of `query` or `run_saved_query` under a name, for this caller alone.

        Raises:
            NameTaken: another query that this caller may run has it.
            Refused: nothing can be kept here, or this is no such call.
        """
        if self.store is None:
            raise Refused("Queries cannot be saved here: no place was configured for them.")
        if any(declared.name == name for declared in self._declared(caller)):
            raise NameTaken(f"There is a saved query {name} already.", hint="Take another name.")
        query = (await self._kept(caller, name, title, arguments)).stored()
        longest = self.databases.by_name[query.database].limits.sql_characters
        if len(query.sql) + len(query.parameters_json) > longest:
            raise InvalidArguments("The statement with its values is too long to be kept.")
        try:
            await self.store.save_query(caller, query)
        except NameTaken:
            # A host that lost the answer asks again: the same under the same name is no conflict.
            if await self.store.find_query(caller, name) != query:
                raise
        text = f"Saved as {name}. Ask for it by that name; it runs on the data of that day."
        return KeptQuery(name=name, text=text)

    async def _kept(
        self, caller: Principal, name: str, title: str, arguments: dict[str, Any]
    ) -> OwnQuery:
        sql, other = arguments.get("sql"), arguments.get("name")
        if isinstance(sql, str):
            database = self.databases.choose(caller, _text_or_none(arguments.get("database")))
            return OwnQuery(name, title, database.name, sql, _parameters(arguments.get("params")))
        if isinstance(other, str):
            database, query = await self.find(caller, other)
            bound = query.bind(_named_values(arguments.get("params")))
            return OwnQuery(name, title, database.name, query.sql, bound)
        raise InvalidArguments(
            "arguments: are not those of a query.",
            hint="A further page cannot be saved; its first can.",
        )

    def check(self) -> None:
        """Raises BadSetup: two databases declare a query of the same name, or one has a parameter it cannot have."""
        seen: dict[str, str] = {}
        for database in self.databases.by_name.values():
            for name, query in database.config.queries.items():
                if name in seen:
                    raise BadSetup(
                        f"The query {name} is declared for {seen[name]} and for {database.name}; give one "
                        "another name."
                    )
                seen[name] = database.name
                if any(isinstance(one, LookupParameter) for one in query.parameters.values()):
                    raise BadSetup(
                        f"The query {name} has a lookup parameter, which is for actions; join the table instead."
                    )

    async def _known(self, caller: Principal) -> dict[str, Runnable]:
        stored = [] if self.store is None else await self.store.list_queries(caller)
        own = [OwnQuery.of(query) for query in stored]
        visible = {database.name for database in self.databases.visible_to(caller)}
        known: dict[str, Runnable] = {
            query.name: query for query in own if query.database in visible
        }
        # A name declared later than a person's own hides theirs: a saved name must not change what others rely on.
        return known | {declared.name: declared for declared in self._declared(caller)}

    def _declared(self, caller: Principal) -> list[Declared]:
        return [
            Declared(name, database.name, database.engine.dialect, query)
            for database in self.databases.visible_to(caller)
            for name, query in database.config.queries.items()
            if not query.roles or caller.roles & set(query.roles)
        ]


def _summary(query: Runnable) -> SavedQuerySummary:
    if isinstance(query, OwnQuery):
        return SavedQuerySummary(
            name=query.name,
            database=query.database,
            title=query.title,
            description=shortened(query.sql, MAX_TOLD_SQL),
            parameters=query.told_parameters(),
            own=True,
        )
    return SavedQuerySummary(
        name=query.name,
        database=query.database,
        title=query.query.title,
        description=query.query.description,
        parameters={
            name: parameter.in_words() for name, parameter in query.query.parameters.items()
        },
        own=False,
    )


def _parameters(given: object) -> Parameters:
    """The values bound by a call that ran; some models write them as JSON in a text, which is taken, too.

    Raises:
        InvalidArguments: they are none.
    """
    if given is None:
        return []
    try:
        if isinstance(given, str):
            return _PARAMETERS.validate_json(given)
        return _PARAMETERS.validate_python(given)
    except ValidationError:
        raise InvalidArguments("arguments: its params are no values that can be bound.") from None


def _named_values(given: object) -> dict[str, Any]:
    values = _parameters(given)
    return values if isinstance(values, dict) else {}


def _text_or_none(value: object) -> str | None:
    return value if isinstance(value, str) else None
