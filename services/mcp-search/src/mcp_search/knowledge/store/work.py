"""Steps on the work under way, of all tenants: what it needs to know, whoever may read the documents."""

from mcp_search.knowledge.model import Collection, Document, EmbeddingModel
from mcp_search.knowledge.store.rows import COLLECTION, DOCUMENT, collection_of, document_of
from mcp_search.knowledge.store.steps import Ask, Row, Steps

_COLLECTIONS = (
    f"SELECT {COLLECTION} FROM collection c JOIN model m ON m.number = c.model"
    " JOIN audience r ON r.number = c.readers"
)


def work(tenant: str, document_id: str) -> Steps[tuple[Document, Collection] | None]:
    """The document by its newest version, and its collection."""
    values = {"tenant": tenant, "id": document_id}
    rows = yield Ask(
        f"SELECT {DOCUMENT} FROM document d JOIN collection c ON c.number = d.collection"
        " JOIN version v ON v.document = d.number AND v.version = d.newest"
        " LEFT JOIN audience r ON r.number = d.readers WHERE d.tenant = :tenant AND d.id = :id",
        values,
    )
    if not rows:
        return None
    [home] = yield Ask(
        f"{_COLLECTIONS} WHERE c.number ="
        " (SELECT collection FROM document WHERE tenant = :tenant AND id = :id)",
        values,
    )
    return document_of(rows[0]), collection_of(home, 0)


def unfinished() -> Steps[list[tuple[str, str, int]]]:
    """The longest waiting first."""
    rows = yield Ask(
        "SELECT d.tenant, d.id, v.version FROM document d"
        " JOIN version v ON v.document = d.number AND v.version = d.newest"
        " WHERE v.state IN ('queued', 'parsing', 'embedding') ORDER BY v.number"
    )
    return [_version_of(row) for row in rows]


def unembedded() -> Steps[list[tuple[str, str, int]]]:
    """Those ready that lack vectors, the oldest first."""
    rows = yield Ask(
        "SELECT d.tenant, d.id, v.version FROM document d JOIN collection c ON c.number = d.collection"
        " JOIN model m ON m.number = c.model"
        " JOIN version v ON v.document = d.number AND v.version = d.ready"
        " WHERE m.dimension > 0 AND EXISTS (SELECT 1 FROM chunk k WHERE k.version = v.number AND NOT EXISTS"
        " (SELECT 1 FROM embedded e WHERE e.chunk = k.number AND e.model = c.model)) ORDER BY v.number"
    )
    return [_version_of(row) for row in rows]


def of_other_models(model: EmbeddingModel) -> Steps[list[Collection]]:
    """In no order."""
    rows = yield Ask(
        f"{_COLLECTIONS} WHERE m.name <> :name OR m.dimension <> :dimension",
        {"name": model.name, "dimension": model.dimension},
    )
    return [collection_of(row, 0) for row in rows]


def _version_of(row: Row) -> tuple[str, str, int]:
    tenant, document_id, version = row
    return tenant, document_id, version
