"""`mcp-dbquery init` for MySQL and MariaDB: the SQL that makes the accounts and the safe database, and running it."""

from collections.abc import Callable

from mcp_dbquery.config import DatabaseConfig
from mcp_dbquery.mysql.address import Address, read_address
from mcp_dbquery.mysql.context import make_key, read_key
from mcp_dbquery.mysql.link import Gone, Link, ServerError, open_link, quoted_name
from mcp_dbquery.mysql.password import caching_sha2_hash, native_hash
from mcp_dbquery.mysql.problems import in_owners_words
from mcp_dbquery.mysql.session import SQL_MODE, Server, server_of
from mcp_dbquery.mysql.tables import read_tables
from mcp_dbquery.mysql.views import Places, places_of, view_statements
from shared.errors import BadSetup

LOGIN_CONNECTIONS = 40
"""MAX_USER_CONNECTIONS of the login: the pool of a few server processes, and those that end statements."""

_HEADER = """\
-- What mcp-dbquery may ask of {source}: views in {safe}, made for the login '{login}'.
-- Safe to run again; running it again follows changes of the tables and of the configuration.
-- It holds the key that signs who asks: keep it as secret as the key's file."""


async def init_sql(name: str, config: DatabaseConfig, owner_url: str) -> str:
    """The SQL that sets the database up, for review or for `apply`. Makes the context key's file when it is missing.

    The password of the login is in it only as the server keeps it: hashed for mysql_native_password on MariaDB,
    which has it in every version, and for caching_sha2_password on MySQL, which has that in every version from 8.0.

    Raises:
        BadSetup: the configuration cannot be kept, or the database cannot be asked as its owner.
    """
    if config.direct:
        raise BadSetup(
            f"The database {name} is asked directly (direct = true); there is nothing to set up."
        )
    login = read_address(config.read_url(name), f"The URL of the database {name}")
    owner = read_address(owner_url, "The owner's URL")
    if login.user == owner.user:
        raise BadSetup(
            f"The URL of the database {name} must name a login of its own, not the owner's {owner.user}."
        )
    if not login.password:
        raise BadSetup(
            f"The URL of the database {name} must hold a password for the login that is made."
        )
    places = places_of(config, login.database)
    if config.context_key is not None:
        make_key(config.context_key)
    key = read_key(name, config)
    link = await _open(owner)
    try:
        tables = await read_tables(link, places.source)
        if not tables:
            raise BadSetup(
                f"There are no tables in the database {places.source} that {owner.user} may see."
            )
        existing = await _views_in(link, places.safe)
        server = server_of(link.server_version)
        statements = [
            "SET NAMES utf8mb4",
            f"SET SESSION sql_mode = '{SQL_MODE}'",
            *_accounts(places, login, server, link.literal),
            *view_statements(config, places, tables, key, existing),
        ]
    except (ServerError, Gone) as error:
        raise BadSetup(
            f"The tables cannot be read as the owner: {in_owners_words(error)}."
        ) from None
    finally:
        link.close()
    header = _HEADER.format(source=places.source, safe=places.safe, login=login.user)
    return header + "\n\n" + "".join(f"{statement};\n\n" for statement in statements)


async def apply(sql: str, owner_url: str, config: DatabaseConfig) -> None:  # noqa: ARG001 - as PostgreSQL's
    """Run what `init_sql` gave, which holds all it needs.

    Raises:
        BadSetup: the server refused a statement. What came before it is done; running all again is safe.
    """
    owner = read_address(owner_url, "The owner's URL")
    link = await _open(owner)
    try:
        for statement in _split(sql):
            try:
                await link.run(statement)
            except ServerError as error:
                first_line = statement.split("\n")[0][:80]
                raise BadSetup(
                    f"The server refused `{first_line}…`: {in_owners_words(error)}."
                ) from None
    except Gone:
        raise BadSetup("The connection to the server was lost. Run init again.") from None
    finally:
        link.close()


def _split(sql: str) -> list[str]:
    lines = [line for line in sql.split("\n") if not line.startswith("-- ")]
    return [statement.strip() for statement in "\n".join(lines).split(";\n") if statement.strip()]


def _accounts(
    places: Places, login: Address, server: Server, literal: Callable[[str], str]
) -> list[str]:
    account = f"{literal(login.user)}@'%'"
    if server.is_mariadb:
        identified = f"IDENTIFIED VIA mysql_native_password USING '{native_hash(login.password)}'"
    else:
        identified = (
            f"IDENTIFIED WITH caching_sha2_password AS '{caching_sha2_hash(login.password)}'"
        )
    safe, private = quoted_name(places.safe), quoted_name(places.private)
    return [
        f"CREATE DATABASE IF NOT EXISTS {private} CHARACTER SET utf8mb4",
        f"CREATE DATABASE IF NOT EXISTS {safe} CHARACTER SET utf8mb4",
        f"CREATE USER IF NOT EXISTS {places.definer} ACCOUNT LOCK",
        f"ALTER USER {places.definer} ACCOUNT LOCK",
        f"REVOKE ALL PRIVILEGES, GRANT OPTION FROM {places.definer}",
        f"CREATE USER IF NOT EXISTS {account} {identified}",
        f"ALTER USER {account} {identified} WITH MAX_USER_CONNECTIONS {LOGIN_CONNECTIONS}",
        f"GRANT SELECT ON {safe}.* TO {account}",
    ]


async def _views_in(link: Link, database: str) -> list[str]:
    rows = await link.rows(
        "SELECT TABLE_NAME FROM information_schema.VIEWS "  # noqa: S608 - a quoted literal
        f"WHERE TABLE_SCHEMA = {link.literal(database)}"
    )
    return [name for (name,) in rows]


async def _open(address: Address) -> Link:
    try:
        return await open_link(address)
    except (ServerError, Gone) as error:
        raise BadSetup(
            f"The server cannot be reached as {address.user}: {in_owners_words(error)}."
        ) from None
