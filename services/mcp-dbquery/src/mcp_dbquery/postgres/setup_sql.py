"""The SQL that makes the login, the views and what they need. Pure: written from what `init` read, not run here."""

# ruff: noqa: S608, E501 - SQL is what this module writes: names and texts are quoted, and its lines are SQL's.
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from pglast.parser import ParseError, parse_sql

from mcp_dbquery.config import DatabaseConfig, RowRule
from mcp_dbquery.postgres.binding import substitute
from mcp_dbquery.postgres.context import SETTING
from mcp_dbquery.postgres.introspection import SESSION_VIEW, Exposed
from mcp_dbquery.postgres.masks import masked_column
from mcp_dbquery.postgres.policy import digest
from mcp_dbquery.postgres.quoting import identifier, literal, role_list
from shared.errors import BadSetup

KEY_VARIABLE = ":'context_key'"
"""psql's variable that the context key comes in by: the text for review holds no secret."""
FLAGS = ("SUPERUSER", "BYPASSRLS", "CREATEROLE", "CREATEDB", "REPLICATION", "INHERIT")


@dataclass(frozen=True, slots=True)
class Login:
    """The login that reads."""

    name: str
    verifier: str | None
    """SCRAM-SHA-256, so that the password is not in the text. None: the URL has no password, and none is set."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What `init` found besides the tables."""

    database: str
    login_exists: bool = False
    login_flags: frozenset[str] = frozenset()
    """Those of FLAGS that the login has."""
    memberships: tuple[str, ...] = ()
    """Roles that the login is a member of."""
    owner_is_superuser: bool = False
    old_views: tuple[str, ...] = ()
    """What the safe schema holds."""
    public_functions: tuple[str, ...] = ()
    """Functions of the users that everybody may call, quoted, with their arguments."""
    other_schemas: tuple[str, ...] = field(default=())
    """Schemas in which the login may have rights."""


def private_schema(config: DatabaseConfig) -> str:
    """Where the key and the functions that check it are. The login may run what its views call, and name none of it."""
    return f"{config.safe_schema}_private"


def setup_sql(
    config: DatabaseConfig,
    exposed: Sequence[Exposed],
    login: Login,
    found: Surroundings,
    key_source: str,
) -> str:
    """The whole script, for psql. Running it again follows changes of the tables and of the rules.

    `key_source` is the shell command by which psql reads the context key.

    Raises:
        BadSetup: a rule cannot be written as SQL.
    """
    safe, private, role = (
        identifier(config.safe_schema),
        identifier(private_schema(config)),
        identifier(login.name),
    )
    parts = [
        _heading(found.database, key_source),
        "BEGIN;",
        *_login(login, role, found),
        *_schemas(safe, private, role, found, config),
        *_functions(private, role),
        *(_view(table, safe, private, role) for table in exposed),
        _session_view(safe, private, role),
        f"COMMENT ON SCHEMA {safe} IS {literal(digest(config))};",
        *_revoked_functions(found),
        "COMMIT;",
        _advice(found),
    ]
    return "\n\n".join(parts) + "\n"


def _heading(database: str, key_source: str) -> str:
    return (
        f"-- What mcp-dbquery needs in the database {_comment_text(database)}. Run by the owner of its tables:\n"
        "--   psql -v ON_ERROR_STOP=1 -f THIS_FILE OWNER_URL\n"
        "-- It may be run again at any time; all of it happens or nothing.\n"
        f"\\set context_key `{key_source}`"
    )


def _login(login: Login, role: str, found: Surroundings) -> Iterator[str]:
    password = f" PASSWORD {literal(login.verifier)}" if login.verifier is not None else ""
    refused = " ".join(f"NO{flag}" for flag in FLAGS)
    if not found.login_exists:
        yield f"CREATE ROLE {role} LOGIN {refused}{password};"
    else:
        # Only a superuser may name some of these flags at all, so only what must change is named.
        changed = "".join(f" NO{flag}" for flag in FLAGS if flag in found.login_flags)
        yield f"ALTER ROLE {role} LOGIN{changed}{password};"
    for group in found.memberships:
        yield f"REVOKE {identifier(group)} FROM {role};"
    settings = {
        "default_transaction_read_only": "on",
        "statement_timeout": "61s",
        "lock_timeout": "2s",
        "idle_in_transaction_session_timeout": "65s",
    }
    yield "\n".join(
        f"ALTER ROLE {role} SET {name} = '{value}';" for name, value in settings.items()
    )
    if found.owner_is_superuser:
        yield f"ALTER ROLE {role} SET temp_file_limit = '1GB';"


def _schemas(
    safe: str, private: str, role: str, found: Surroundings, config: DatabaseConfig
) -> Iterator[str]:
    yield f"CREATE SCHEMA IF NOT EXISTS {safe};\nCREATE SCHEMA IF NOT EXISTS {private};"
    if found.old_views:
        yield "\n".join(
            f"DROP VIEW IF EXISTS {safe}.{identifier(view)};" for view in found.old_views
        )
    yield (
        f"REVOKE ALL ON SCHEMA {safe}, {private} FROM PUBLIC, {role};\n"
        f"GRANT USAGE ON SCHEMA {safe} TO {role};\n"
        f"GRANT CONNECT ON DATABASE {identifier(found.database)} TO {role};"
    )
    for schema in map(identifier, dict.fromkeys((*config.schemas, *found.other_schemas))):
        yield (
            f"REVOKE ALL ON ALL TABLES IN SCHEMA {schema} FROM {role};\n"
            f"REVOKE ALL ON ALL SEQUENCES IN SCHEMA {schema} FROM {role};\n"
            f"REVOKE ALL ON SCHEMA {schema} FROM {role};"
        )


def _functions(private: str, role: str) -> Iterator[str]:
    pinned = "SECURITY DEFINER SET search_path = pg_catalog, pg_temp"
    yield (
        "-- The context key as the two pads of HMAC (RFC 2104): nobody but the owner reads them.\n"
        f"CREATE TABLE IF NOT EXISTS {private}.pads\n"
        "  (purpose text PRIMARY KEY, inner_pad bytea NOT NULL, outer_pad bytea NOT NULL);\n"
        f"REVOKE ALL ON {private}.pads FROM PUBLIC, {role};\n"
        f"INSERT INTO {private}.pads\n"
        "SELECT purpose,\n"
        "       string_agg(set_byte('\\x00'::bytea, 0, get_byte(key, i) # 54), ''::bytea ORDER BY i),\n"
        "       string_agg(set_byte('\\x00'::bytea, 0, get_byte(key, i) # 92), ''::bytea ORDER BY i)\n"
        "FROM (VALUES ('context'), ('mask')) AS purposes (purpose),\n"
        f"     LATERAL (SELECT convert_to(encode(sha256(convert_to(purpose || ':' || {KEY_VARIABLE}, 'UTF8')), 'hex'),\n"
        "                                'UTF8')) AS derived (key),\n"
        "     generate_series(0, 63) AS i\n"
        "GROUP BY purpose\n"
        "ON CONFLICT (purpose) DO UPDATE SET inner_pad = excluded.inner_pad, outer_pad = excluded.outer_pad;"
    )
    yield (
        "-- Who asks: what the server signed for this connection and not for long, or nobody.\n"
        f"CREATE OR REPLACE FUNCTION {private}.context() RETURNS jsonb\n"
        f"LANGUAGE plpgsql STABLE PARALLEL RESTRICTED {pinned} AS $body$\n"
        "DECLARE\n"
        f"  signed text := current_setting('{SETTING}', true);\n"
        "  message text;\n"
        "  content jsonb;\n"
        "BEGIN\n"
        "  IF signed IS NULL OR signed !~ '^([0-9a-f]{2})+\\.[0-9a-f]{64}$' THEN\n"
        "    RETURN NULL;\n"
        "  END IF;\n"
        "  message := split_part(signed, '.', 1);\n"
        f"  PERFORM FROM {private}.pads\n"
        "  WHERE purpose = 'context'\n"
        "    AND encode(sha256(outer_pad || sha256(inner_pad || convert_to(message, 'UTF8'))), 'hex')\n"
        "        = split_part(signed, '.', 2);\n"
        "  IF NOT FOUND THEN\n"
        "    RETURN NULL;\n"
        "  END IF;\n"
        "  content := convert_from(decode(message, 'hex'), 'UTF8')::jsonb;\n"
        "  IF (content ->> 'pid')::int <> pg_backend_pid()\n"
        "     OR (content ->> 'until')::float8 < extract(epoch FROM now()) THEN\n"
        "    RETURN NULL;\n"
        "  END IF;\n"
        "  RETURN content;\n"
        "END\n"
        "$body$;"
    )
    yield (
        f"CREATE OR REPLACE FUNCTION {private}.claim(name text) RETURNS text\n"
        f"LANGUAGE sql STABLE PARALLEL RESTRICTED {pinned} AS $body$\n"
        f"  SELECT {private}.context() ->> name\n"
        "$body$;\n\n"
        f"CREATE OR REPLACE FUNCTION {private}.has_role(roles text[]) RETURNS boolean\n"
        f"LANGUAGE sql STABLE PARALLEL RESTRICTED {pinned} AS $body$\n"
        f"  SELECT coalesce({private}.context() -> 'roles' ?| roles, false)\n"
        "$body$;\n\n"
        f"CREATE OR REPLACE FUNCTION {private}.mask_pad(side text) RETURNS bytea\n"
        f"LANGUAGE sql STABLE PARALLEL RESTRICTED {pinned} AS $body$\n"
        f"  SELECT CASE side WHEN 'inner' THEN inner_pad ELSE outer_pad END FROM {private}.pads WHERE purpose = 'mask'\n"
        "$body$;"
    )
    called = ", ".join(
        f"{private}.{name}" for name in ("claim(text)", "has_role(text[])", "mask_pad(text)")
    )
    yield (
        "-- A view calls functions with the rights of who asks it. Without USAGE on their schema nothing else can.\n"
        f"REVOKE ALL ON FUNCTION {private}.context(), {called} FROM PUBLIC, {role};\n"
        f"GRANT EXECUTE ON FUNCTION {called} TO {role};"
    )


def _view(exposed: Exposed, safe: str, private: str, role: str) -> str:
    rule, table = exposed.rule, exposed.table
    name = f"{safe}.{identifier(exposed.name)}"
    columns = ",\n       ".join(
        masked_column(column, rule.columns.get(column.name), private) for column in exposed.columns
    )
    select = f"SELECT {columns}\nFROM {identifier(table.schema)}.{identifier(table.name)} AS t"
    branches = [
        f"{select}{where}" for where in _conditions(exposed.name, rule.rows, rule.roles, private)
    ]
    lines = [
        f"CREATE VIEW {name} WITH (security_barrier) AS\n" + "\nUNION ALL\n".join(branches) + ";",
        f"REVOKE ALL ON {name} FROM PUBLIC;",
        f"GRANT SELECT ON {name} TO {role};",
    ]
    comment = rule.description or table.comment
    if comment is not None:
        lines.append(f"COMMENT ON VIEW {name} IS {literal(comment)};")
    for column in exposed.columns:
        column_rule = rule.columns.get(column.name)
        text = (column_rule.description if column_rule is not None else None) or column.comment
        if text is not None:
            lines.append(f"COMMENT ON COLUMN {name}.{identifier(column.name)} IS {literal(text)};")
    return "\n".join(lines)


def _conditions(
    name: str, rows: Sequence[RowRule], roles: Sequence[str], private: str
) -> list[str]:
    """One WHERE for each rule that may count; UNION ALL joins them, so that each can use the table's indexes.

    Who asks is found once a query: each (SELECT …) is evaluated before the first row, and a branch that does not count
    is not read.
    """
    gate = [f"(SELECT {private}.has_role({role_list(roles)}))"] if roles else []
    if not rows:
        return [_where(gate)]
    found: list[str] = []
    earlier: list[str] = []
    for row in rows:
        fits = [f"(SELECT {private}.has_role({role_list(row.roles)}))"] if row.roles else []
        found.append(_where([*gate, *earlier, *fits, f"({_filter(name, row.filter, private)})"]))
        if not row.roles:
            break  # It fits everybody, so no later rule counts.
        earlier += [f"NOT {fit}" for fit in fits]
    return found


def _where(conditions: Sequence[str]) -> str:
    return f"\nWHERE {' AND '.join(conditions)}" if conditions else ""


def _filter(name: str, condition: str, private: str) -> str:
    """The condition with who asks in place of :tenant and the like."""
    written = substitute(condition, lambda claim: f"(SELECT {private}.claim({literal(claim)}))")
    try:
        # Alone it must be whole, and in parentheses nothing but a condition.
        parse_sql(f"SELECT WHERE {written}")
        statements = parse_sql(f"SELECT WHERE (\n{written}\n)")
    except ParseError as error:
        raise BadSetup(
            f"A row filter of {name} is no condition of PostgreSQL: {error.args[0]}."
        ) from None
    if len(statements) != 1:
        raise BadSetup(f"A row filter of {name} is more than one condition.")
    return f"\n{written}\n"


def _session_view(safe: str, private: str, role: str) -> str:
    name = f"{safe}.{SESSION_VIEW}"
    return (
        f"CREATE VIEW {name} WITH (security_barrier) AS\n"
        f"SELECT {private}.claim('tenant') AS tenant, {private}.claim('subject') AS subject;\n"
        f"REVOKE ALL ON {name} FROM PUBLIC;\n"
        f"GRANT SELECT ON {name} TO {role};"
    )


def _revoked_functions(found: Surroundings) -> Iterator[str]:
    if not found.public_functions:
        return
    yield (
        "-- Functions that everybody may call could do for the login what it may not do itself. Logins of yours that\n"
        "-- call them without owning them need GRANT EXECUTE ON FUNCTION … TO them.\n"
        + "\n".join(
            f"REVOKE EXECUTE ON FUNCTION {function} FROM PUBLIC;"
            for function in found.public_functions
        )
    )


def _advice(found: Surroundings) -> str:
    return (
        "-- A superuser may harden the database further. Other logins that need these must be granted them:\n"
        "-- REVOKE EXECUTE ON FUNCTION pg_catalog.set_config(text, text, boolean) FROM PUBLIC;\n"
        "-- REVOKE EXECUTE ON FUNCTION pg_catalog.lo_create(oid), pg_catalog.lo_creat(integer) FROM PUBLIC;\n"
        "-- REVOKE EXECUTE ON FUNCTION pg_catalog.pg_notify(text, text) FROM PUBLIC;\n"
        f"-- REVOKE TEMPORARY ON DATABASE {identifier(_comment_text(found.database))} FROM PUBLIC;"
    )


def _comment_text(text: str) -> str:
    return text.replace("\n", " ").replace("\r", " ")
