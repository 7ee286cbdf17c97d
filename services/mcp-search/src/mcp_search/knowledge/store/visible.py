"""What a reader may see, as SQL. It stands in every statement that reads for somebody."""

from dataclasses import dataclass
from typing import Any

from mcp_search.knowledge.model import Filters, Reader
from mcp_search.knowledge.store.rows import instant
from mcp_search.knowledge.store.steps import listed


@dataclass(frozen=True, slots=True)
class Clause:
    """A part of a statement and what it binds."""

    sql: str
    values: dict[str, Any]


def collections_of(reader: Reader) -> Clause:
    """A condition on `c`, a collection."""
    sql, values = _allowed(reader)
    return Clause(f"c.tenant = :tenant AND c.readers IN ({sql})", values)


def documents_of(reader: Reader) -> Clause:
    """A condition on `d`, a document, and `c`, its collection: a document narrows who may read, and never widens."""
    sql, values = _allowed(reader)
    return Clause(
        f"d.tenant = :tenant AND c.tenant = :tenant AND c.readers IN ({sql})"
        f" AND (d.readers IS NULL OR d.readers IN ({sql}))",
        values,
    )


def ready_versions(reader: Reader, filters: Filters, also: str = "") -> Clause:
    """A query for `version` (number), `tenant` and `model` (number of its collection's) of what searches may find.

    `also` is one more condition on v, d or c.
    """
    access = documents_of(reader)
    narrowed = _narrowed(filters)
    return Clause(
        "SELECT v.number AS version, d.tenant AS tenant, c.model AS model, v.chunks AS chunks"
        " FROM document d JOIN collection c ON c.number = d.collection"
        " JOIN version v ON v.document = d.number AND v.version = d.ready"
        f" WHERE {access.sql}{narrowed.sql}{also}",
        {**access.values, **narrowed.values},
    )


def _allowed(reader: Reader) -> tuple[str, dict[str, Any]]:
    keys, values = listed("key", sorted(reader.keys))
    sql = f"SELECT audience FROM audience_key WHERE key IN ({keys})"
    return sql, {**values, "tenant": reader.tenant}


def _narrowed(filters: Filters) -> Clause:
    sql = ""
    values: dict[str, Any] = {}
    for column, name, wanted in (
        ("c.id", "collection", filters.collections),
        ("d.id", "document", filters.documents),
        ("v.media_type", "media_type", filters.media_types),
    ):
        if wanted:
            names, bound = listed(name, sorted(wanted))
            sql += f" AND {column} IN ({names})"
            values |= bound
    if filters.since is not None:
        sql += " AND v.uploaded_at >= :since"
        values["since"] = instant(filters.since)
    for place, (name, value) in enumerate(sorted(filters.metadata.items())):
        sql += (
            " AND EXISTS (SELECT 1 FROM metadata m WHERE m.version = v.number"
            f" AND m.name = :metadata_name_{place} AND m.value = :metadata_value_{place})"
        )
        values |= {f"metadata_name_{place}": name, f"metadata_value_{place}": value}
    return Clause(sql, values)
