"""Whether login, server and views are as safe as the configuration promises. Refuses what it cannot read."""

import json
import re
from dataclasses import dataclass
from typing import Any

from mcp_dbquery.config import DatabaseConfig
from mcp_dbquery.mysql.guard import OWN_VIEWS
from mcp_dbquery.mysql.link import Link
from mcp_dbquery.mysql.session import Server, server_of
from mcp_dbquery.mysql.views import Places, policy_digest
from shared.errors import BadSetup

OLDEST_MARIADB = (10, 5)
OLDEST_MYSQL = (8, 0)
_GRANT = re.compile(r"^GRANT (?P<rights>.+?) ON (?P<object>.+?) TO (?P<rest>.+)$", re.DOTALL)
_COLUMNS = re.compile(r"\s*\([^)]*\)")
_VISIBLE_TO_ALL = frozenset({"information_schema", "performance_schema"})


@dataclass(frozen=True, slots=True)
class Grant:
    """A line of SHOW GRANTS."""

    rights: frozenset[str]
    database: str
    object: str
    is_grantable: bool


async def read_server(link: Link) -> Server:
    """What kind of server it is. Raises BadSetup when it is too old, ServerError, Gone."""
    rows = await link.rows("SHOW SESSION VARIABLES")
    server = server_of(link.server_version, frozenset(str(name).lower() for name, _ in rows))
    oldest = OLDEST_MARIADB if server.is_mariadb else OLDEST_MYSQL
    if server.version < oldest:
        kind = "MariaDB" if server.is_mariadb else "MySQL"
        raise BadSetup(
            f"{kind} {'.'.join(map(str, server.version))} is too old: {'.'.join(map(str, oldest))} is needed."
        )
    return server


async def check_login(link: Link, readable: str, *, whole: bool) -> None:
    """The login may read this database and nothing else on the server.

    Args:
        whole: it also may be given SHOW VIEW, and rights on single tables and columns (direct mode).

    Raises:
        BadSetup: it may do more; the text names the right. ServerError, Gone.
    """
    for (line,) in await link.rows("SHOW GRANTS"):
        grant = _read_grant(str(line))
        allowed = {"SELECT", "SHOW VIEW"} if whole else {"SELECT"}
        if grant.rights == frozenset({"USAGE"}) and not grant.is_grantable:
            continue
        if grant.is_grantable:
            raise _dangerous("hand its rights on (WITH GRANT OPTION)", grant)
        excess = sorted(grant.rights - allowed)
        if excess:
            raise _dangerous(excess[0], grant)
        if grant.database != readable:
            raise _dangerous("SELECT", grant)
    visible = {str(name).lower() for (name,) in await link.rows("SHOW DATABASES")}
    others = sorted(visible - _VISIBLE_TO_ALL - {readable.lower()})
    if others:
        raise BadSetup(
            f"The login may do something in the database {others[0]} (perhaps by a right of everybody's). "
            f"It must reach {readable} only: revoke that, or drop the database."
        )


async def check_views(link: Link, config: DatabaseConfig, places: Places) -> dict[str, Any]:
    """All that can be asked are views of ours, made for this configuration. Returns the catalogue's rows.

    Raises:
        BadSetup: they are not; run init. ServerError, Gone.
    """
    again = "Run `mcp-dbquery init` (again)."
    rows = await link.rows(
        "SELECT t.TABLE_NAME, t.TABLE_TYPE, v.SECURITY_TYPE, v.DEFINER FROM information_schema.TABLES AS t "
        "LEFT JOIN information_schema.VIEWS AS v ON v.TABLE_SCHEMA = t.TABLE_SCHEMA AND v.TABLE_NAME = t.TABLE_NAME "
        "WHERE t.TABLE_SCHEMA = DATABASE()"
    )
    names = {str(name) for name, *_ in rows}
    if not names >= OWN_VIEWS:
        raise BadSetup(f"The database {places.safe} has no views of this server's. {again}")
    for name, kind, security, definer in rows:
        if kind != "VIEW" or security != "DEFINER" or definer != places.definer.replace("'", ""):
            raise BadSetup(
                f"{places.safe}.{name} is no view made by `mcp-dbquery init`, so it keeps no rules. "
                "Drop it, or move it."
            )
    details = await read_catalog(link)
    if details.get("", {}).get("policy") != policy_digest(config, places):
        raise BadSetup(f"The views in {places.safe} were made for another configuration. {again}")
    missing = sorted((set(details) - {""}) ^ (names - OWN_VIEWS))
    if missing:
        raise BadSetup(
            f"The view {places.safe}.{missing[0]} does not fit the configuration. {again}"
        )
    return details


async def read_catalog(link: Link) -> dict[str, Any]:
    """What `init` wrote down of each relation, by its name. Raises ServerError, Gone."""
    rows = await link.rows("SELECT relation, details FROM mcp_catalog ORDER BY relation")
    return {name: json.loads(details) for name, details in rows}


def _read_grant(line: str) -> Grant:
    found = _GRANT.match(line)
    if found is None:
        raise BadSetup(
            f"The login has a role or a right that is not understood, and must have neither: {_short(line)}."
        )
    rights = {right.strip().upper() for right in _COLUMNS.sub("", found["rights"]).split(",")}
    kind, _, rest = found["object"].partition(" ")
    if kind.upper() in {"FUNCTION", "PROCEDURE", "PACKAGE"} and rest:
        rights |= {"EXECUTE"}
    database, _, name = (rest or kind).rpartition(".")
    return Grant(
        rights=frozenset(rights),
        database=_unquoted(database),
        object=_unquoted(name),
        is_grantable="WITH GRANT OPTION" in found["rest"].upper(),
    )


def _unquoted(name: str) -> str:
    """`a\\_b` is how a database's name is written where % and _ are patterns."""
    return name.strip("`").replace("``", "`").replace("\\_", "_").replace("\\%", "%")


def _dangerous(right: str, grant: Grant) -> BadSetup:
    where = f"{grant.database}.{grant.object}"
    return BadSetup(
        f"The login may {right} on {where}, which is more than reading what is meant for it. "
        "Use a login of its own, as `mcp-dbquery init` makes it."
    )


def _short(line: str) -> str:
    """Without the hash of the password that may stand at its end."""
    return line.partition(" IDENTIFIED ")[0][:80]
