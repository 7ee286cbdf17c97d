"""`mcp-dbquery init` for PostgreSQL: reads the tables as their owner, writes the SQL, runs it when told to."""

import hashlib
import hmac
import os
import re
import secrets
import shlex
from base64 import b64encode
from pathlib import Path
from typing import Any

import psycopg
from psycopg import AsyncConnection
from psycopg.conninfo import conninfo_to_dict

from mcp_dbquery.config import DatabaseConfig
from mcp_dbquery.postgres.introspection import exposed_tables, read_tables
from mcp_dbquery.postgres.policy import claims_named
from mcp_dbquery.postgres.quoting import literal
from mcp_dbquery.postgres.setup_sql import (
    FLAGS,
    KEY_VARIABLE,
    Login,
    Surroundings,
    private_schema,
    setup_sql,
)
from shared.errors import BadSetup

SCRAM_ROUNDS = 4_096
"""PostgreSQL's own default (scram_iterations)."""

_ROLE = """
SELECT rolsuper AS "SUPERUSER", rolbypassrls AS "BYPASSRLS", rolcreaterole AS "CREATEROLE", rolcreatedb AS "CREATEDB",
       rolreplication AS "REPLICATION", rolinherit AS "INHERIT"
FROM pg_roles WHERE rolname = %s
"""
_MEMBERSHIPS = """
SELECT DISTINCT g.rolname FROM pg_auth_members m JOIN pg_roles g ON g.oid = m.roleid JOIN pg_roles r ON r.oid = m.member
WHERE r.rolname = %s ORDER BY 1
"""
_PUBLIC_FUNCTIONS = """
SELECT format('%%I.%%I(%%s)', n.nspname, p.proname, pg_get_function_identity_arguments(p.oid))
FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
WHERE n.nspname NOT IN ('pg_catalog', 'information_schema', %s) AND n.nspname NOT LIKE 'pg\\_%%'
  AND p.prokind IN ('f', 'w')
  AND (p.proacl IS NULL OR EXISTS (SELECT FROM aclexplode(p.proacl) a WHERE a.grantee = 0))
  AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e')
  AND pg_has_role(p.proowner, 'USAGE')
ORDER BY 1
"""
_SCHEMAS = """
SELECT nspname FROM pg_namespace
WHERE nspname NOT LIKE 'pg\\_%%' AND nspname <> ALL(%s) AND pg_has_role(nspowner, 'USAGE') ORDER BY 1
"""
_KEY_LINE = re.compile(r"^\\set context_key .*$", re.MULTILINE)


async def init_sql(name: str, config: DatabaseConfig, owner_url: str) -> str:
    """The SQL that makes the login and the views for the database `name`, as the owner's login sees its tables.

    Makes the file of the context key when it is not there yet (mode 0600). No password and no key is in the text: the
    password as a SCRAM verifier, the key as a variable that psql reads by itself.

    Raises:
        BadSetup: the configuration does not fit the database, or it cannot be reached.
    """
    if config.direct:
        raise BadSetup(
            f"The database {name} is asked directly (direct = true); init has nothing to make."
        )
    claims_named(config)
    key_source = _key_source(name, config)
    login = _login(name, config)
    try:
        async with await AsyncConnection.connect(owner_url, autocommit=True) as connection:
            await connection.execute("SET search_path = pg_catalog")
            tables = await read_tables(connection, config.schemas)
            found = await _surroundings(connection, config, login.name)
    except psycopg.Error as error:
        raise BadSetup(
            f"The database {name} cannot be read with the owner's URL: {_said(error)}"
        ) from None
    return setup_sql(config, exposed_tables(config, tables), login, found, key_source)


async def apply(sql: str, owner_url: str, config: DatabaseConfig) -> None:
    """Run what `init_sql` gave, in one transaction.

    Raises:
        BadSetup: with the database's words; nothing was changed.
    """
    key = context_secret(config)
    script = _KEY_LINE.sub("", sql).replace(KEY_VARIABLE, literal(key))
    try:
        async with await AsyncConnection.connect(owner_url, autocommit=True) as connection:
            await connection.execute(script.encode())
    except psycopg.Error as error:
        raise BadSetup(f"The SQL of init could not be run: {_said(error)}") from None


def context_secret(config: DatabaseConfig) -> str:
    """The key that callers are signed with. Raises BadSetup."""
    if config.context_key is None:
        raise BadSetup(
            'Say where the context key is: context_key = { file = "…" }; init makes the file.'
        )
    secret = config.context_key.read("The context key")
    if len(secret) < 32:
        raise BadSetup(
            "The context key has fewer than 32 characters; remove its file and run init again."
        )
    return secret


def scram_verifier(password: str, salt: bytes) -> str:
    """How PostgreSQL keeps a password (RFC 5803). ASCII only: for others SASLprep would have to change it first."""
    if not password.isascii():
        raise BadSetup("The password in the URL must be ASCII.")
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, SCRAM_ROUNDS)
    client_key = hmac.new(salted, b"Client Key", hashlib.sha256).digest()
    server_key = hmac.new(salted, b"Server Key", hashlib.sha256).digest()
    stored, served, salt_text = (
        b64encode(part).decode() for part in (hashlib.sha256(client_key).digest(), server_key, salt)
    )
    return f"SCRAM-SHA-256${SCRAM_ROUNDS}:{salt_text}${stored}:{served}"


def _login(name: str, config: DatabaseConfig) -> Login:
    try:
        parts = conninfo_to_dict(config.read_url(name))
    except psycopg.Error:
        raise BadSetup(
            f"The URL of the database {name} cannot be read as postgresql://user@host/name."
        ) from None
    user, password = parts.get("user"), parts.get("password")
    if not user:
        raise BadSetup(f"The URL of the database {name} names no user.")
    if password is None:
        return Login(str(user), None)
    # The same salt each time, so that two scripts can be compared; secret like the password's verifier itself.
    salt = hmac.new(
        context_secret(config).encode(), f"scram:{user}".encode(), hashlib.sha256
    ).digest()[:16]
    return Login(str(user), scram_verifier(str(password), salt))


def _key_source(name: str, config: DatabaseConfig) -> str:
    """The shell command that gives the context key. Makes its file when there is none."""
    if config.context_key is None or config.context_key.file is None:
        context_secret(config)
        assert config.context_key is not None  # noqa: S101 - context_secret looked
        return f"printenv {config.context_key.env}"
    file = config.context_key.file
    if not file.exists():
        _make_key(name, file)
    return f"cat {shlex.quote(str(file))}"


def _make_key(name: str, file: Path) -> None:
    try:
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise BadSetup(
            f"The context key of {name} cannot be made at {file}: {error.strerror}."
        ) from None
    with os.fdopen(handle, "w", encoding="utf-8") as opened:
        opened.write(secrets.token_hex(32) + "\n")


async def _surroundings(
    connection: AsyncConnection[Any], config: DatabaseConfig, login: str
) -> Surroundings:
    role = await (await connection.execute(_ROLE, [login])).fetchone()
    me = await (
        await connection.execute(
            "SELECT current_database(), rolsuper FROM pg_roles WHERE rolname = current_user"
        )
    ).fetchone()
    assert me is not None  # noqa: S101 - everybody has a role
    safe = await read_tables(connection, [config.safe_schema])
    ours = [config.safe_schema, private_schema(config), "information_schema", *config.schemas]
    return Surroundings(
        database=me[0],
        login_exists=role is not None,
        login_flags=frozenset(
            flag for flag, is_set in zip(FLAGS, role or (), strict=False) if is_set
        ),
        memberships=await _column(connection, _MEMBERSHIPS, [login]),
        owner_is_superuser=me[1],
        old_views=tuple(table.name for table in safe if table.kind == "v"),
        public_functions=await _column(connection, _PUBLIC_FUNCTIONS, [private_schema(config)]),
        other_schemas=await _column(connection, _SCHEMAS, [ours]) if role is not None else (),
    )


async def _column(connection: AsyncConnection[Any], sql: str, values: list[Any]) -> tuple[str, ...]:
    rows = await (await connection.execute(sql.encode(), values)).fetchall()
    return tuple(row[0] for row in rows)


def _said(error: psycopg.Error) -> str:
    """The database's words for the owner, without the connection string."""
    primary = error.diag.message_primary
    return f"{primary or str(error).splitlines()[0]}."
