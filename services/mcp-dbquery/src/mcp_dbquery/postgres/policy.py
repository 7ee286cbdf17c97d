"""What the rules of a configuration ask for: the claims and roles they name, and a digest that tells of changes."""

import hashlib
import json
from collections.abc import Iterator

from mcp_dbquery.callers import is_reserved
from mcp_dbquery.config import DatabaseConfig
from mcp_dbquery.postgres.binding import bind
from shared.errors import BadSetup

FORMAT = 2
"""Raised when views made by an older version no longer do."""
DIGEST = "mcp-dbquery policy "
"""Begins the comment of the safe schema."""


def claims_named(config: DatabaseConfig) -> frozenset[str]:
    """The names that row filters bind: tenant, subject, claim_NAME."""
    names = frozenset(
        name
        for rule in config.tables.values()
        for row in rule.rows
        for name in bind(row.filter).names
    )
    foreign = sorted(name for name in names if not is_reserved(name))
    if foreign:
        raise BadSetup(
            f"A row filter binds :{foreign[0]}; only :tenant, :subject and :claim_NAME stand for the caller."
        )
    return names


def roles_named(config: DatabaseConfig) -> frozenset[str]:
    """The roles that decide what is seen."""
    return frozenset(_roles(config))


def _roles(config: DatabaseConfig) -> Iterator[str]:
    for rule in config.tables.values():
        yield from rule.roles
        for row in rule.rows:
            yield from row.roles
        for column in rule.columns.values():
            yield from column.unmasked_for


def digest(config: DatabaseConfig) -> str:
    """Tells whether the views were made for these rules."""
    said = {
        "format": FORMAT,
        "tables": {
            name: rule.model_dump(mode="json") for name, rule in sorted(config.tables.items())
        },
        "schemas": config.schemas,
        "expose": config.expose,
    }
    return DIGEST + hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:32]
