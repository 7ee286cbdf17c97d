"""The SQL of the safe database: what a login may ask, with every rule for tables, rows and columns inside.

Three parties. The owner's tables, which only a locked account may read. A database with functions and keys, which
only that account may use. A database of views, which run with that account's rights, and which the login may read.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mcp_dbquery.config import ColumnRule, DatabaseConfig, MaskKind, TableRule
from mcp_dbquery.masking import DOTS, HASH_CHARACTERS, SHOWN_ONLY_OF_LONGER_THAN
from mcp_dbquery.mysql.context import EXPIRY_DIGITS, derived_key, pads
from mcp_dbquery.mysql.filters import Filter, read_filter
from mcp_dbquery.mysql.guard import OWN_VIEWS
from mcp_dbquery.mysql.link import quoted_name
from mcp_dbquery.mysql.tables import Table, TableColumn
from shared.errors import BadSetup

# ruff: noqa: S608 - names are in backticks, texts are made by _text, and conditions are the owner's

FORMAT = 2
"""Raised when views made by an older version no longer do."""
LONGEST_CLAIM = 1_000
LONGEST_SAFE_NAME = 20


@dataclass(frozen=True, slots=True)
class Places:
    """Names of what `init` makes, in backticks where they are used in SQL."""

    source: str
    safe: str

    @property
    def private(self) -> str:
        """The database of keys and functions."""
        return f"{self.safe}_private"

    @property
    def definer(self) -> str:
        """The locked account that the views run as."""
        return f"'{self.safe}_definer'@'localhost'"


def places_of(config: DatabaseConfig, source: str) -> Places:
    """Where the views of a configuration are. Raises BadSetup."""
    if not source:
        raise BadSetup(
            "The URL must name the database with the tables: mysql://user@host/database."
        )
    if len(config.safe_schema) > LONGEST_SAFE_NAME:
        raise BadSetup(f"safe_schema must have at most {LONGEST_SAFE_NAME} characters on MySQL.")
    if source == config.safe_schema:
        raise BadSetup("safe_schema must be another database than that of the tables.")
    return Places(source, config.safe_schema)


def policy_digest(config: DatabaseConfig, places: Places) -> str:
    """Tells one policy from another, so that views made for an older one are noticed."""
    policy = {
        "format": FORMAT,
        "source": places.source,
        "safe": places.safe,
        "expose": config.expose,
        "tables": {name: rule.model_dump() for name, rule in sorted(config.tables.items())},
    }
    return hashlib.sha256(json.dumps(policy, sort_keys=True).encode()).hexdigest()


def exposed_tables(config: DatabaseConfig, tables: Mapping[str, Table]) -> dict[str, Table]:
    """The tables that views are made of, each with its visible columns only.

    Raises:
        BadSetup: a rule is for a table or column that is not there.
    """
    for name, rule in config.tables.items():
        if name not in tables:
            raise BadSetup(f"[tables.{name}]: there is no such table.")
        for column in rule.columns:
            if column not in tables[name].column_names:
                raise BadSetup(f"[tables.{name}.columns.{column}]: there is no such column.")
    return {
        name: table
        for name, table in tables.items()
        if (config.expose == "all" or name in config.tables) and not _rule(config, name).hidden
    }


def view_statements(
    config: DatabaseConfig,
    places: Places,
    tables: Mapping[str, Table],
    key: bytes,
    existing: Iterable[str],
) -> list[str]:
    """Everything but the accounts. Views of `existing` that are no longer wanted are dropped.

    Raises:
        BadSetup: the rules cannot be kept by views.
    """
    exposed = exposed_tables(config, tables)
    for name in exposed:
        if name.lower() in OWN_VIEWS:
            raise BadSetup(
                f"A table is named {name}, which is reserved; hide it with [tables.{name}] hidden = true."
            )
    filters = {
        name: _filters(_rule(config, name), table, places) for name, table in exposed.items()
    }
    read = {
        other
        for each in filters.values()
        for one in each
        for other in one.tables
        if other in tables
    }
    private, safe, source = (
        quoted_name(each) for each in (places.private, places.safe, places.source)
    )
    stale = sorted(set(existing) - set(exposed) - OWN_VIEWS)
    return [
        *_key_statements(private, key),
        *_catalog_statements(private, _catalog_rows(config, places, exposed, filters)),
        *(f"GRANT SELECT ON {source}.{quoted_name(name)} TO {places.definer}" for name in sorted({*exposed, *read})),
        f"GRANT SELECT, EXECUTE ON {private}.* TO {places.definer}",
        *_function_statements(private, places.definer),
        f"GRANT SELECT, SHOW VIEW ON {safe}.* TO {places.definer}",
        *(f"DROP VIEW IF EXISTS {safe}.{quoted_name(name)}" for name in stale),
        f"USE {source}",
        *(_view(config, places, table, filters[name], key) for name, table in exposed.items()),
        _own_view(places, "mcp_caller", f"SELECT {private}.claim('subject') AS subject, "
                                        f"{private}.claim('tenant') AS tenant"),
        _own_view(places, "mcp_catalog", f"SELECT relation, details FROM {private}.catalog"),
    ]  # fmt: skip


def is_filtered(rule: TableRule) -> bool:
    """Whether some callers see only some, or none, of the rows."""
    return bool(rule.rows or rule.roles)


def rule_of(config: DatabaseConfig, table: str) -> TableRule:
    """What is configured for a table; nothing special when it is not named."""
    return _rule(config, table)


def _rule(config: DatabaseConfig, table: str) -> TableRule:
    return config.tables.get(table) or TableRule()


def _key_statements(private: str, key: bytes) -> list[str]:
    inner, outer = pads(derived_key(key, "context"))
    return [
        f"CREATE TABLE IF NOT EXISTS {private}.signing_keys (purpose VARCHAR(20) CHARACTER SET ascii COLLATE ascii_bin "
        "PRIMARY KEY, inner_pad BINARY(64) NOT NULL, outer_pad BINARY(64) NOT NULL)",
        f"REPLACE INTO {private}.signing_keys VALUES ('context', 0x{inner.hex()}, 0x{outer.hex()})",
    ]


def _catalog_statements(private: str, rows: Mapping[str, Any]) -> list[str]:
    values = ",\n  ".join(
        f"({_text(name)}, {_text(json.dumps(details, ensure_ascii=False))})"
        for name, details in rows.items()
    )
    return [
        f"CREATE TABLE IF NOT EXISTS {private}.catalog (relation VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin "
        "PRIMARY KEY, details MEDIUMTEXT CHARACTER SET utf8mb4 NOT NULL)",
        f"DELETE FROM {private}.catalog",
        f"INSERT INTO {private}.catalog VALUES\n  {values}",
    ]


def _catalog_rows(
    config: DatabaseConfig,
    places: Places,
    exposed: Mapping[str, Table],
    filters: Mapping[str, list[Filter]],
) -> dict[str, Any]:
    """What may be told of each relation. The one without a name is about all of them."""
    claims = sorted({claim for each in filters.values() for one in each for claim in one.claims})
    rows: dict[str, Any] = {"": {"policy": policy_digest(config, places), "claims": claims}}
    visible = {
        name: {column.name for column in _visible(config, table)} for name, table in exposed.items()
    }
    for name, table in exposed.items():
        rows[name] = _details(config, table, visible)
    return rows


def _details(
    config: DatabaseConfig, table: Table, visible: Mapping[str, set[str]]
) -> dict[str, Any]:
    columns = _visible(config, table)
    return {
        "kind": "view" if table.is_view else "table",
        "comment": table.comment,
        "rows": None if is_filtered(_rule(config, table.name)) else table.rows,
        "hidden": len(table.columns) - len(columns),
        "columns": [_column_details(column, visible) for column in columns],
        "indexes": [
            [index.name, list(index.columns), index.unique]
            for index in table.indexes
            if set(index.columns) <= visible[table.name]
        ],
    }


def _column_details(column: TableColumn, visible: Mapping[str, set[str]]) -> dict[str, Any]:
    points_to = column.references
    is_shown = points_to is not None and points_to[1] in visible.get(points_to[0], set[str]())
    return {
        "name": column.name,
        "type": column.type,
        "nullable": column.nullable,
        "primary_key": column.primary_key,
        "references": ".".join(points_to) if points_to is not None and is_shown else None,
        "comment": column.comment,
    }


def _visible(config: DatabaseConfig, table: Table) -> list[TableColumn]:
    rules = _rule(config, table.name).columns
    columns = [
        column for column in table.columns if not rules.get(column.name, ColumnRule()).hidden
    ]
    if not columns:
        raise BadSetup(f"All columns of {table.name} are hidden; hide the table instead.")
    return columns


def _function_statements(private: str, definer: str) -> list[str]:
    """Each is one RETURN, so that the file needs no other delimiter."""
    context = "CAST(@mcp_context AS BINARY)"  # bytes are compared exactly, whatever the collations
    part = f"SUBSTRING_INDEX(SUBSTRING_INDEX({context}, ';', {{}}), ';', -1)"
    inner = f"UNHEX(SHA2(CONCAT(k.inner_pad, SUBSTRING({context}, 66)), 256))"
    entries = (
        f"(SELECT IF(CAST(SHA2(CONCAT(k.outer_pad, {inner}), 256) AS BINARY) = LEFT({context}, 64) "
        f"AND {part.format(2)} = CAST(CONNECTION_ID() AS BINARY) "
        f"AND {part.format(3)} >= CAST(LPAD(UNIX_TIMESTAMP(SYSDATE()), {EXPIRY_DIGITS}, '0') AS BINARY), "
        f"SUBSTRING({context}, LENGTH(SUBSTRING_INDEX({context}, ';', 3)) + 1), NULL) "
        f"FROM {private}.signing_keys AS k WHERE k.purpose = 'context')"
    )
    marker = "CAST(CONCAT(';c', HEX(name), '=') AS BINARY)"
    at = f"LOCATE({marker}, {private}.caller())"
    value = f"SUBSTRING_INDEX(SUBSTRING({private}.caller(), {at} + LENGTH({marker})), ';', 1)"
    number = f"{private}.claim(name)"
    exact = "CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"
    name = f"name VARCHAR(200) {exact}"
    return [
        *_function(private, definer, "caller", "", "BLOB", entries),
        *_function(private, definer, "claim", name, f"VARCHAR({LONGEST_CLAIM}) {exact}",
                   f"IF({at} > 0, CONVERT(UNHEX({value}) USING utf8mb4), NULL)"),
        *_function(private, definer, "claim_number", name, "DECIMAL(30, 0)",
                   f"IF({number} REGEXP '^-?[0-9]{{1,29}}$', CAST({number} AS DECIMAL(30, 0)), NULL)"),
        *_function(private, definer, "has_role", name, "BOOLEAN",
                   f"COALESCE(LOCATE(CAST(CONCAT(';r', HEX(name), '=') AS BINARY), {private}.caller()), 0) > 0"),
    ]  # fmt: skip


def _function(
    private: str, definer: str, name: str, takes: str, gives: str, body: str
) -> list[str]:
    # DETERMINISTIC lets a statement ask once and not for every row; it holds, as a statement has one caller.
    return [
        f"DROP FUNCTION IF EXISTS {private}.{name}",
        f"CREATE DEFINER = {definer} FUNCTION {private}.{name}({takes}) RETURNS {gives} "
        f"DETERMINISTIC READS SQL DATA SQL SECURITY DEFINER\nRETURN {body}",
    ]


def _own_view(places: Places, name: str, select: str) -> str:
    return (
        f"CREATE OR REPLACE ALGORITHM = TEMPTABLE DEFINER = {places.definer} SQL SECURITY DEFINER "
        f"VIEW {quoted_name(places.safe)}.{name} AS\n{select}"
    )


def _view(
    config: DatabaseConfig, places: Places, table: Table, filters: list[Filter], key: bytes
) -> str:
    """A filtered view is materialised: otherwise a condition of the caller's could be tried on rows that it hides."""
    rule = _rule(config, table.name)
    private = quoted_name(places.private)
    groups = sorted(
        {tuple(each.unmasked_for) for each in rule.columns.values() if each.unmasked_for}
    )
    columns = ",\n  ".join(
        _shown(column, rule.columns.get(column.name, ColumnRule()), groups, key)
        for column in _visible(config, table)
    )
    conditions: list[str] = []
    if rule.roles:
        conditions.append(_any_role(rule.roles, private))
    if rule.rows:
        conditions.append(_row_condition(rule, filters, private))
    where = f"\nWHERE {' AND '.join(conditions)}" if conditions else ""
    algorithm = "TEMPTABLE" if conditions else "MERGE"
    return (
        f"CREATE OR REPLACE ALGORITHM = {algorithm} DEFINER = {places.definer} SQL SECURITY DEFINER "
        f"VIEW {quoted_name(places.safe)}.{quoted_name(table.name)} AS\nSELECT\n  {columns}\n"
        f"FROM {quoted_name(places.source)}.{quoted_name(table.name)}{_role_flags(groups, private)}{where}"
    )


def _role_flags(groups: list[tuple[str, ...]], private: str) -> str:
    """One row beside the table's that says what the caller's roles unmask.

    LIMIT keeps it from being merged, so that the signature is verified once and not for every row.
    """
    if not groups:
        return ""
    flags = ", ".join(f"{_any_role(each, private)} AS {_flag(each, groups)}" for each in groups)
    return f"\nCROSS JOIN (SELECT {flags} LIMIT 1) AS mcp_roles"


def _flag(roles: Sequence[str], groups: list[tuple[str, ...]]) -> str:
    return f"mcp_role_{groups.index(tuple(roles))}"


def _filters(rule: TableRule, table: Table, places: Places) -> list[Filter]:
    return [read_filter(each.filter, table, quoted_name(places.private)) for each in rule.rows]


def _row_condition(rule: TableRule, filters: list[Filter], private: str) -> str:
    """The first rule whose roles fit. One for everybody alone stays a plain condition, which can use an index."""
    if not rule.rows[0].roles:
        return f"({filters[0].sql})"
    cases = "".join(
        f" WHEN {_any_role(each.roles, private)} THEN ({one.sql})"
        if each.roles
        else f" WHEN TRUE THEN ({one.sql})"
        for each, one in zip(rule.rows, filters, strict=True)
    )
    return f"CASE{cases} ELSE FALSE END"


def _any_role(roles: Iterable[str], private: str) -> str:
    return "(" + " OR ".join(f"{private}.has_role({_text(role)})" for role in roles) + ")"


def _shown(column: TableColumn, rule: ColumnRule, groups: list[tuple[str, ...]], key: bytes) -> str:
    name = quoted_name(column.name)
    if rule.mask is None:
        return name
    masked = _masked(name, rule.mask, key)
    if rule.unmasked_for:
        masked = (
            f"CASE WHEN mcp_roles.{_flag(rule.unmasked_for, groups)} THEN {name} ELSE {masked} END"
        )
    return f"{masked} AS {name}"


def _masked(name: str, mask: MaskKind, key: bytes) -> str:
    text = f"CONVERT({name} USING utf8mb4)"
    dots = _text(DOTS)
    match mask:
        case "null":
            return "NULL"
        case "redacted":
            return f"IF({name} IS NULL, NULL, {dots})"
        case "hash":
            return f"IF({name} IS NULL, NULL, {_keyed_hash(text, key)})"
        case "last4":
            shown = f"IF(CHAR_LENGTH({text}) > {SHOWN_ONLY_OF_LONGER_THAN}, CONCAT({dots}, RIGHT({text}, 4)), {dots})"
            return f"IF({name} IS NULL, NULL, {shown})"
        case "domain":
            domain = f"CONCAT({dots}, '@', SUBSTRING_INDEX({text}, '@', -1))"
            shown = f"IF(LOCATE('@', {text}) > 0, {domain}, {dots})"
            return f"IF({name} IS NULL, NULL, {shown})"
        case "year":
            return f"MAKEDATE(YEAR({name}), 1)"


def _keyed_hash(text: str, key: bytes) -> str:
    """HMAC-SHA-256, shortened.

    The key stands in the view, whose definition the login may not see: a function that reads it from a table would
    take a hundred times as long for each value.
    """
    inner, outer = pads(derived_key(key, "mask"))
    inside = f"UNHEX(SHA2(CONCAT(UNHEX('{inner.hex()}'), CAST({text} AS BINARY)), 256))"
    return f"LEFT(SHA2(CONCAT(UNHEX('{outer.hex()}'), {inside}), 256), {HASH_CHARACTERS})"


def _text(text: str) -> str:
    """A text as it stands in SQL, whatever the mode says of backslashes."""
    if all(32 <= ord(character) < 127 and character not in "'\\" for character in text):
        return f"'{text}'"
    return f"CONVERT(0x{text.encode().hex()} USING utf8mb4)" if text else "''"
