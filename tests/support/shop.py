"""The PostgreSQL shop that tests of mcp-dbquery ask: two tenants, rules of every kind, a fingerprint of it all."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from mcp_dbquery.config import ColumnRule, DatabaseConfig, Limits, RowRule, TableRule
from shared.config_file import Secret
from shared.service_tokens import Principal

ANN = Principal(subject="ada", tenant="acme", roles=frozenset({"member"}))
HOLLY = Principal(subject="bob", tenant="acme", roles=frozenset({"hr"}))
MORGAN = Principal(
    subject="cy", tenant="acme", roles=frozenset({"manager"}), claims={"region": "north"}
)
GINA = Principal(subject="gina", tenant="globex", roles=frozenset({"member"}))

CANARY = "CANARY"
BY_TENANT = [RowRule(filter="tenant = :tenant")]

TABLES = {
    "customers": TableRule(
        rows=BY_TENANT,
        description="Who buys",
        columns={
            "email": ColumnRule(mask="domain"),
            "ssn": ColumnRule(mask="last4", unmasked_for=["hr"]),
            "phone": ColumnRule(mask="null"),
            "card": ColumnRule(mask="hash"),
            "born": ColumnRule(mask="year"),
            "name": ColumnRule(description="How they are called"),
            "salary": ColumnRule(hidden=True),
            "note": ColumnRule(hidden=True),
        },
    ),
    "orders": TableRule(rows=BY_TENANT),
    "staff": TableRule(
        rows=[
            RowRule(filter="tenant = :tenant", roles=["manager"]),
            RowRule(filter="login = :subject AND tenant = :tenant"),
        ],
        columns={"pay": ColumnRule(mask="redacted")},
    ),
    "payroll": TableRule(roles=["payroll"]),
    "api_keys": TableRule(hidden=True),
    "audit_marks": TableRule(hidden=True),
    "all_orders": TableRule(hidden=True),
    "sales.deals": TableRule(rows=BY_TENANT),
}


def shop_config(url: str, key_file: Path, **other: Any) -> DatabaseConfig:
    """The shop's rules for a reading login's URL."""
    settings: dict[str, Any] = {
        "tables": TABLES,
        "schemas": ["public", "sales"],
        "context_key": Secret(file=key_file),
        **other,
    }
    return DatabaseConfig(url=url, **settings)


@dataclass(frozen=True, slots=True)
class Shop:
    """One database with the shop in it."""

    owner_url: str
    reader_url: str
    key_file: Path

    def config(self, **other: object) -> DatabaseConfig:
        return shop_config(self.reader_url, self.key_file, **other)

    def run(self, sql: str) -> None:
        """As the owner."""
        with psycopg.connect(self.owner_url, autocommit=True) as connection:
            connection.execute(sql.encode())


def limits(**other: Any) -> Limits:
    """The defaults, with some of them different."""
    return Limits(**other)


def fingerprint(owner_url: str) -> str:
    """A digest of all that a statement could have changed.

    Rows, sequences, large objects, roles, settings, objects and locks that outlive a transaction.
    """
    with psycopg.connect(owner_url, autocommit=True) as connection:
        tables = connection.execute(
            "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables "
            "WHERE schemaname NOT IN ('pg_catalog', 'information_schema') ORDER BY 1"
        ).fetchall()
        found: list[Any] = [
            connection.execute(
                f"SELECT count(*), md5(string_agg(t::text, '|' ORDER BY t::text)) FROM {name} t".encode()
            ).fetchone()
            for (name,) in tables
        ]
        found += [connection.execute(look.encode()).fetchall() for look in _LOOKS]
    return hashlib.sha256(repr(found).encode()).hexdigest()


_LOOKS = (
    "SELECT sequencename, last_value FROM pg_sequences ORDER BY 1",
    "SELECT oid, lomowner, lomacl FROM pg_largeobject_metadata ORDER BY 1",
    "SELECT loid, pageno, md5(data) FROM pg_largeobject ORDER BY 1, 2",
    "SELECT oid, rolname, rolsuper, rolbypassrls, rolcanlogin, rolpassword FROM pg_authid ORDER BY 1",
    "SELECT roleid, member FROM pg_auth_members ORDER BY 1, 2",
    "SELECT setdatabase, setrole, setconfig FROM pg_db_role_setting ORDER BY 1, 2",
    "SELECT name, setting FROM pg_settings WHERE context <> 'internal' AND name <> 'application_name' ORDER BY 1",
    "SELECT oid, relname, relkind, relacl, relowner, reloptions FROM pg_class WHERE oid >= 16384 ORDER BY 1",
    "SELECT oid, proname, proacl, prosecdef FROM pg_proc WHERE oid >= 16384 ORDER BY 1",
    "SELECT oid, nspname, nspacl FROM pg_namespace ORDER BY 1",
    "SELECT oid, extname FROM pg_extension ORDER BY 1",
    "SELECT oid, datname, datacl FROM pg_database ORDER BY 1",
    "SELECT classid, objid, objsubid FROM pg_locks WHERE locktype = 'advisory' ORDER BY 1, 2",
    "SELECT gid FROM pg_prepared_xacts ORDER BY 1",
    "SELECT slot_name FROM pg_replication_slots ORDER BY 1",
)
