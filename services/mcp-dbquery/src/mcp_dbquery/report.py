"""The effective policy in plain lines, for the owner's review: what may be asked and changed, how much, and by whom."""

from collections.abc import Iterator

from mcp_dbquery.databases import Database
from mcp_dbquery.engine import Relation
from mcp_dbquery.parts import Parts
from mcp_dbquery.settings import Settings
from shared.service_tokens import Principal


async def report(settings: Settings, parts: Parts, caller: Principal) -> list[str]:
    """As it is for such a caller. The databases must have been started."""
    roles = ", ".join(sorted(caller.roles)) or "no role"
    lines = [f"As seen by a caller with: {roles} (tenant {caller.tenant})"]
    for name in sorted(parts.databases.by_name):
        lines += ["", *await _database(parts.databases.by_name[name], caller)]
    lines += ["", *await _saved(parts, caller), *_server(settings, parts)]
    return lines


async def _database(database: Database, caller: Principal) -> list[str]:
    lines = [f"Database {database.name} ({database.engine.dialect})"]
    if database.config.description:
        lines.append(f"  {database.config.description}")
    if not database.is_open_to(caller):
        return [*lines, f"  Not for this caller: needs {' or '.join(database.config.roles)}."]
    lines += [f"  {fact}" for fact in database.engine.facts()]
    lines.append(f"  Limits: {_limits(database)}")
    catalog = await database.engine.catalog(caller)
    lines.append(f"  Tables: {len(catalog.relations)}")
    lines += [f"    {line}" for one in catalog.relations.values() for line in _table(one)]
    return [*lines, *_actions(database, caller)]


def _limits(database: Database) -> str:
    limits = database.limits
    return (
        f"{limits.timeout_s:g} s, {limits.page_rows:,} rows a page unless asked for more, {limits.read_rows:,} rows "
        f"read, {limits.page_bytes:,} bytes a page, {limits.cell_characters:,} characters a value, "
        f"{limits.concurrent} statements of a person at once, {limits.per_minute} a minute"
    )


def _table(relation: Relation) -> Iterator[str]:
    notes: list[str] = []
    if relation.hidden_columns:
        notes.append(f"{relation.hidden_columns} hidden")
    notes += [f"{column.name} masked ({column.mask})" for column in relation.columns if column.mask]
    if relation.rows_filtered:
        notes.append("rows filtered")
    columns = f"{len(relation.columns)} columns"
    yield f"{relation.name} ({relation.kind}, {columns}){': ' if notes else ''}{', '.join(notes)}"


def _actions(database: Database, caller: Principal) -> list[str]:
    if database.actions is None:
        return ["  Actions: none; nothing can be changed."]
    own = set(database.actions_of(caller))
    return [
        "  Actions:",
        *(
            f"    {name}({', '.join(action.parameters)}): {', '.join(action.roles)}"
            f"{'' if name in own else ' (not this caller)'}"
            for name, action in sorted(database.actions.actions.items())
        ),
    ]


async def _saved(parts: Parts, caller: Principal) -> list[str]:
    known = [one for one in (await parts.library.known_to(caller)).queries if not one.own]
    if not known:
        return ["Saved queries: none declared."]
    return [
        "Saved queries:",
        *(
            f"  {one.name}({', '.join(one.parameters)}) in {one.database}: {one.title}"
            for one in known
        ),
    ]


def _server(settings: Settings, parts: Parts) -> list[str]:
    key = "configured" if settings.cursor_key or settings.cursor_key_file else "of this process"
    return [
        f"Own saved queries: {'kept' if parts.library.store else 'cannot be kept (no store)'}",
        f"Pages and rates: {'shared over Redis' if settings.redis_url else 'of this process'}; cursor key {key}",
        f"Tokens accepted of: {', '.join(settings.issuers) or 'nobody'}",
    ]
