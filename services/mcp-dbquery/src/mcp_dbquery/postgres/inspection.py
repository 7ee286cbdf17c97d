"""The look before the first question: is the reading login as harmless as the configuration promises?"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from psycopg import AsyncConnection
from psycopg.rows import dict_row

from mcp_dbquery.config import DatabaseConfig
from mcp_dbquery.postgres.policy import DIGEST, digest
from mcp_dbquery.postgres.setup_sql import private_schema
from shared.errors import BadSetup

SHOWN = 5

_ROLE = """
SELECT r.rolsuper, r.rolbypassrls, r.rolcreaterole, r.rolcreatedb, r.rolreplication,
  ARRAY(SELECT g.rolname::text FROM pg_auth_members m JOIN pg_roles g ON g.oid = m.roleid WHERE m.member = r.oid
        ORDER BY 1) AS memberships,
  ARRAY(SELECT format('%%s %%s', what, name) FROM (
      SELECT 'relation' AS what, c.oid::regclass::text AS name FROM pg_class c WHERE c.relowner = r.oid
      UNION ALL SELECT 'schema', n.nspname FROM pg_namespace n WHERE n.nspowner = r.oid
      UNION ALL SELECT 'function', p.oid::regproc::text FROM pg_proc p WHERE p.proowner = r.oid
      UNION ALL SELECT 'database', d.datname FROM pg_database d WHERE d.datdba = r.oid) owned ORDER BY 1 LIMIT 6)
      AS owned,
  current_setting('server_version') AS version,
  obj_description(to_regnamespace(%(safe)s)::oid, 'pg_namespace') AS digest,
  to_regnamespace(%(safe)s) IS NOT NULL AS has_safe_schema
FROM pg_roles r WHERE r.rolname = session_user
"""
_WRITABLE = """
SELECT c.oid::regclass::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast') AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
  AND (has_table_privilege(c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER')
       OR has_any_column_privilege(c.oid, 'INSERT, UPDATE, REFERENCES'))
UNION ALL
SELECT c.oid::regclass::text FROM pg_class c
WHERE CASE WHEN c.relkind = 'S' THEN has_sequence_privilege(c.oid, 'USAGE, UPDATE') END
ORDER BY 1 LIMIT 6
"""
_READABLE = """
SELECT c.oid::regclass::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast', %(safe)s)
  AND c.relkind IN ('r', 'p', 'v', 'm', 'f') AND has_any_column_privilege(c.oid, 'SELECT')
  AND has_schema_privilege(n.oid, 'USAGE')
  AND NOT EXISTS (SELECT FROM pg_depend d
                  WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
ORDER BY 1 LIMIT 6
"""
_NO_BARRIER = """
SELECT c.relname::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = %(safe)s AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
  AND (c.relkind <> 'v' OR NOT coalesce(c.reloptions && ARRAY['security_barrier=true', 'security_barrier=on',
       'security_barrier'], false))
ORDER BY 1 LIMIT 6
"""
_CREATABLE = """
SELECT 'the database' WHERE has_database_privilege(current_database(), 'CREATE')
UNION ALL SELECT 'the schema ' || nspname FROM pg_namespace
WHERE nspname NOT LIKE 'pg\\_%%' AND has_schema_privilege(oid, 'CREATE') ORDER BY 1 LIMIT 6
"""
_DEFINERS = """
SELECT p.oid::regprocedure::text FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
WHERE p.prosecdef AND n.nspname NOT IN ('pg_catalog', 'information_schema')
  AND has_schema_privilege(n.oid, 'USAGE') AND has_function_privilege(p.oid, 'EXECUTE') ORDER BY 1 LIMIT 6
"""
_FILES = """
SELECT p.oid::regprocedure::text FROM pg_proc p
WHERE p.pronamespace = 'pg_catalog'::regnamespace AND has_function_privilege(p.oid, 'EXECUTE')
  AND p.proname IN ('pg_read_file', 'pg_read_binary_file', 'pg_ls_dir', 'pg_stat_file', 'lo_import', 'lo_export',
                    'pg_file_write', 'pg_reload_conf', 'pg_rotate_logfile', 'pg_promote', 'pg_switch_wal')
ORDER BY 1 LIMIT 6
"""
_LEFT_OPEN = """
SELECT has_function_privilege('pg_catalog.set_config(text, text, boolean)', 'EXECUTE') AS set_config,
       has_function_privilege('pg_catalog.lo_create(oid)', 'EXECUTE') AS lo_create,
       has_function_privilege('pg_catalog.pg_notify(text, text)', 'EXECUTE') AS pg_notify,
       has_database_privilege(current_database(), 'TEMPORARY') AS temporary
"""


@dataclass(frozen=True, slots=True)
class Inspection:
    """What the look found that may stay."""

    version: str
    left_open: tuple[str, ...]
    """Functions that a superuser might take from PUBLIC."""


async def inspect(
    connection: AsyncConnection[Any], name: str, config: DatabaseConfig
) -> Inspection:
    """Look at the login's rights and at the views.

    Raises:
        BadSetup: something is worse than the configuration promises. All of it is said at once.
    """
    values = {"safe": config.safe_schema, "private": private_schema(config)}
    role = await _row(connection, _ROLE, values)
    problems = [*_role_problems(role), *_schema_problems(role, config)]
    looks = [
        (_WRITABLE, "it may change {}", True),
        (_CREATABLE, "it may create objects in {}", True),
        (_FILES, "it may call {}", True),
        (_READABLE, "it may read {} without the views", not config.direct),
        (
            _NO_BARRIER,
            "the safe schema holds what is no view with security_barrier: {}",
            not config.direct,
        ),
        (_DEFINERS, "it may call {}, which run with their owner's rights", not config.direct),
    ]
    for sql, problem, applies in looks:
        found = await _column(connection, sql, values) if applies else []
        if found:
            problems.append(problem.format(_listed(found)))
    if problems:
        remedy = (
            "Use a login with SELECT alone."
            if config.direct
            else "Run mcp-dbquery init, which makes a safe one."
        )
        raise BadSetup(
            f"The login of the database {name} is not safe: {'; '.join(problems)}. {remedy}"
        )
    left_open = await _row(connection, _LEFT_OPEN, {})
    return Inspection(
        role["version"], tuple(what for what, is_open in left_open.items() if is_open)
    )


def _role_problems(role: dict[str, Any]) -> Iterator[str]:
    flags = {
        "rolsuper": "it is a superuser",
        "rolbypassrls": "it bypasses row security",
        "rolcreaterole": "it may create roles",
        "rolcreatedb": "it may create databases",
        "rolreplication": "it may replicate",
    }
    yield from (problem for flag, problem in flags.items() if role[flag])
    if role["memberships"]:
        yield f"it is a member of {_listed(role['memberships'])}"
    if role["owned"]:
        yield f"it owns {_listed(role['owned'])}"


def _schema_problems(role: dict[str, Any], config: DatabaseConfig) -> Iterator[str]:
    if config.direct:
        return
    if not role["has_safe_schema"]:
        yield f"there is no schema {config.safe_schema}"
    elif role["digest"] != digest(config):
        made = (role["digest"] or "").startswith(DIGEST)
        yield (
            "the views were made for other rules"
            if made
            else f"the schema {config.safe_schema} was not made by init"
        )


def _listed(names: list[str]) -> str:
    shown = ", ".join(names[:SHOWN])
    return f"{shown} and more" if len(names) > SHOWN else shown


async def _row(
    connection: AsyncConnection[Any], sql: str, values: dict[str, str]
) -> dict[str, Any]:
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(sql.encode(), values)
        row = await cursor.fetchone()
    assert row is not None  # noqa: S101 - each of these gives one row
    return row


async def _column(connection: AsyncConnection[Any], sql: str, values: dict[str, str]) -> list[str]:
    rows = await (await connection.execute(sql.encode(), values)).fetchall()
    return [row[0] for row in rows]
