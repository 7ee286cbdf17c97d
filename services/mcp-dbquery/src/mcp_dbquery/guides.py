"""Resources that describe the schema, prompts that help to write SQL, and completion of their names."""

from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Annotated, Any, ParamSpec, TypeVar

from mcp import MCPError
from mcp.server import MCPServer
from mcp.server.mcpserver.exceptions import ResourceNotFoundError
from mcp.types import (
    INVALID_PARAMS,
    Completion,
    CompletionArgument,
    CompletionContext,
    PromptReference,
    Resource,
    ResourceTemplateReference,
)
from pydantic import Field

from mcp_dbquery import schema
from mcp_dbquery.cleaning import clean
from mcp_dbquery.databases import Database
from mcp_dbquery.dialects import NAMES, rules
from mcp_dbquery.parts import Parts
from mcp_dbquery.results import SchemaHit
from mcp_dbquery.search import search
from shared.mcp_server import Problem

P = ParamSpec("P")
R = TypeVar("R")

JSON = "application/json"
MAX_COMPLETIONS = 100
RELEVANT_TABLES = 6
"""Tables that a prompt describes."""

Question = Annotated[
    str, Field(description="What is to be found out, in plain words.", max_length=2_000)
]
OptionalDatabase = Annotated[
    str | None, Field(description="Its name; may be left out when there is only one.")
]


def add_resources(server: MCPServer, parts: Parts) -> None:
    """`schema://DATABASE` and `schema://DATABASE/TABLE`."""

    @server.resource(
        "schema://{database}", name="database_schema", title="Tables of a database", mime_type=JSON
    )
    @_found
    async def database_schema(database: str) -> str:
        """The tables and views of a database that you may ask, as list_tables tells them."""
        caller = parts.caller()
        chosen = parts.databases.choose(caller, database)
        return (await schema.list_tables(chosen, caller)).model_dump_json()

    @server.resource(
        "schema://{database}/{table}", name="table_schema", title="A table", mime_type=JSON
    )
    @_found
    async def table_schema(database: str, table: str) -> str:
        """One table in full, as describe_tables tells it."""
        caller = parts.caller()
        chosen = parts.databases.choose(caller, database)
        described = await schema.describe_tables(chosen, caller, [table], parts.values)
        return described.tables[0].model_dump_json()

    del database_schema, table_schema  # registered by their decorators


def listed_resources(parts: Parts) -> list[Resource]:
    """The schema of each database that the caller may ask."""
    principal = parts.principal()
    visible = [] if principal is None else parts.databases.visible_to(principal)
    return [
        Resource(
            uri=f"schema://{database.name}",
            name=database.name,
            title=f"Tables of {database.name}",
            description=database.config.description or None,
            mime_type=JSON,
        )
        for database in visible
    ]


def add_prompts(server: MCPServer, parts: Parts) -> None:
    """Prompts that a person chooses in their host."""

    @server.prompt(title="Write a query")
    @_heard
    async def write_query(question: Question, database: OptionalDatabase = None) -> str:
        """Write one SQL query that answers a question: with the dialect's rules and the tables that fit it."""
        chosen = parts.databases.choose(parts.caller(), database)
        tables = await _relevant(parts, chosen, question)
        return "\n\n".join(
            [
                f"Write one {NAMES[chosen.engine.dialect]} query for the database {chosen.name} that answers this: "
                f"{question}",
                _as_list("Rules", rules(chosen.engine.dialect)),
                tables,
                "Look up what is missing with search_schema and describe_tables, run it with query, check that the "
                "rows answer the question, and tell the answer with the SQL.",
            ]
        )

    @server.prompt(title="Mend a query")
    @_heard
    async def mend_query(
        sql: Annotated[str, Field(description="The query that failed.", max_length=100_000)],
        error: Annotated[str, Field(description="What was said of it.", max_length=4_000)],
        database: OptionalDatabase = None,
    ) -> str:
        """Mend a query that was refused or failed, keeping what it asks."""
        chosen = parts.databases.choose(parts.caller(), database)
        tables = await _relevant(parts, chosen, f"{sql} {error}")
        return "\n\n".join(
            [
                f"This {NAMES[chosen.engine.dialect]} query for the database {chosen.name} did not run.",
                f"```sql\n{sql}\n```\n\nWhat was said of it: {error}",
                _as_list("Rules", rules(chosen.engine.dialect)),
                tables,
                "Say in one sentence what is wrong, mend it without changing what it asks, and run it with query. If "
                "it was too slow or too expensive, look at explain first.",
            ]
        )

    @server.prompt(title="Get to know a database")
    @_heard
    async def explore_database(database: OptionalDatabase = None) -> str:
        """Get an overview of a database: what it is about, how its tables belong together, what can be asked."""
        caller = parts.caller()
        chosen = parts.databases.choose(caller, database)
        catalog = await chosen.engine.catalog(caller)
        joins = [
            f"{relation.name}.{column.name} → {column.references}"
            for relation in catalog.relations.values()
            for column in relation.columns
            if column.references
        ]
        told = [chosen.config.description] if chosen.config.description else []
        return "\n\n".join(
            [
                f"Give an overview of the {NAMES[chosen.engine.dialect]} database {chosen.name}.",
                *told,
                _as_list("Tables", list(catalog.relations)[:MAX_COMPLETIONS]),
                _as_list("Joins", joins[:MAX_COMPLETIONS]),
                _as_list("What is kept from you", await schema.restrictions(chosen, caller)),
                "Describe the most important tables with describe_tables, count rows and the span of dates, and end "
                "with five questions that it can answer.",
            ]
        )

    del write_query, mend_query, explore_database  # registered by their decorators


def add_completion(server: MCPServer, parts: Parts) -> None:
    """Complete names of databases and tables, where they are visible."""

    @server.completion()
    async def complete(
        ref: PromptReference | ResourceTemplateReference,
        argument: CompletionArgument,
        context: CompletionContext | None,
    ) -> Completion | None:
        del ref  # Their arguments have the same names everywhere.
        try:
            names = await _names(parts, argument.name, (context and context.arguments) or {})
        except Problem:
            return None
        begun = argument.value.lower()
        fitting = [name for name in names if name.lower().startswith(begun)]
        return Completion(
            values=fitting[:MAX_COMPLETIONS],
            total=len(fitting),
            has_more=len(fitting) > MAX_COMPLETIONS,
        )

    del complete  # registered by its decorator


async def _names(parts: Parts, argument: str, known: dict[str, str]) -> list[str]:
    caller = parts.caller()
    if argument == "database":
        return [database.name for database in parts.databases.visible_to(caller)]
    if argument == "table":
        chosen = parts.databases.choose(caller, known.get("database"))
        return sorted((await chosen.engine.catalog(caller)).relations)
    return []


async def _relevant(parts: Parts, database: Database, text: str) -> str:
    """The tables that fit a text best, with their columns, or all names when none fits."""
    caller = parts.caller()
    catalog = await database.engine.catalog(caller)
    hits = search(catalog, text, limit=100)
    names = list(dict.fromkeys(hit.table for hit in _tables_first(hits)))[:RELEVANT_TABLES]
    if not names:
        return _as_list("Tables", list(catalog.relations)[:MAX_COMPLETIONS])
    described = await schema.describe_tables(database, caller, names, parts.values)
    return _as_list(
        "Tables that may fit",
        [
            f"{table.name}: "
            + ", ".join(
                f"{column.name} {column.type}"
                + (f" → {column.references}" if column.references else "")
                + (f" (masked: {column.masked})" if column.masked else "")
                + (f" (one of {', '.join(column.values)})" if column.values else "")
                for column in table.columns
            )
            for table in described.tables
        ],
    )


def _tables_first(hits: list[SchemaHit]) -> list[SchemaHit]:
    return sorted(hits, key=lambda hit: hit.column is not None)


def _as_list(title: str, lines: list[str]) -> str:
    """A list, a line each: what a database says of itself is clean of what nobody sees, and cannot go on beside it."""
    if not lines:
        return f"{title}: none."
    return f"{title}:\n" + "\n".join(f"- {' '.join(clean(line).split())}" for line in lines)


def _found(work: Callable[P, Awaitable[R]]) -> Callable[P, Awaitable[R]]:
    """A problem of a resource is the protocol's “not found”: hidden and absent read the same."""

    @wraps(work)
    async def read(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return await work(*args, **kwargs)
        except Problem as problem:
            raise ResourceNotFoundError(str(problem)) from None

    return read


def _heard(work: Callable[P, Awaitable[R]]) -> Callable[P, Awaitable[R]]:
    """A problem of a prompt is a protocol error with its data: prompts have no other way to say it."""

    @wraps(work)
    async def render(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return await work(*args, **kwargs)
        except Problem as problem:
            data: dict[str, Any] = problem.as_data()
            raise MCPError(code=INVALID_PARAMS, message=str(problem), data=data) from None

    return render
