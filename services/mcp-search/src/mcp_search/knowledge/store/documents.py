"""Steps on documents and their versions: what they are, their files, who may read them."""

import json
from typing import Any

from mcp_search.errors import NotThere, Outpaced
from mcp_search.knowledge.model import Document, Filters, Reader, State
from mcp_search.knowledge.store.catalog import (
    audience_number,
    collection_row,
    note_change,
    remove_vectors,
    tenant_number,
)
from mcp_search.knowledge.store.engine import Index
from mcp_search.knowledge.store.gaps import open_again
from mcp_search.knowledge.store.rows import DOCUMENT, document_of, instant
from mcp_search.knowledge.store.steps import Ask, Duplicate, Steps
from mcp_search.knowledge.store.visible import documents_of, ready_versions

_NEWEST = (
    f"SELECT {DOCUMENT} FROM document d JOIN collection c ON c.number = d.collection"
    " JOIN version v ON v.document = d.number AND v.version = d.newest"
    " LEFT JOIN audience r ON r.number = d.readers"
)


def documents(
    reader: Reader, collection_id: str | None, after: str, limit: int
) -> Steps[list[Document]]:
    """Nothing follows a document that is gone, or that the reader may not see."""
    visible = documents_of(reader)
    values: dict[str, Any] = {**visible.values, "limit": limit}
    narrowed = ""
    if collection_id is not None:
        narrowed += " AND c.id = :collection"
        values["collection"] = collection_id
    if after:
        last = yield from document(reader, after)
        if last is None:
            return []
        narrowed += " AND (v.uploaded_at < :at OR (v.uploaded_at = :at AND d.id < :after))"
        values |= {"at": instant(last.uploaded_at), "after": after}
    rows = yield Ask(
        f"{_NEWEST} WHERE {visible.sql}{narrowed} ORDER BY v.uploaded_at DESC, d.id DESC LIMIT :limit",
        values,
    )
    return [document_of(row) for row in rows]


def document(reader: Reader, document_id: str) -> Steps[Document | None]:
    """None when it is not there, or not for this reader."""
    visible = documents_of(reader)
    rows = yield Ask(
        f"{_NEWEST} WHERE {visible.sql} AND d.id = :id", {**visible.values, "id": document_id}
    )
    return document_of(rows[0]) if rows else None


def same_content(tenant: str, collection_id: str, sha256: str) -> Steps[Document | None]:
    """The one that was there first, should there be more."""
    rows = yield Ask(
        f"{_NEWEST} WHERE d.tenant = :tenant AND c.tenant = :tenant AND c.id = :collection"
        " AND v.sha256 = :sha256 ORDER BY d.number LIMIT 1",
        {"tenant": tenant, "collection": collection_id, "sha256": sha256},
    )
    return document_of(rows[0]) if rows else None


def add_document(document: Document, original: bytes) -> Steps[None]:
    """Who may read it is as the first version said: a newer one must not open what the older ones say."""
    collection, _ = yield from collection_row(document.tenant, document.collection_id)
    known = yield Ask(
        "SELECT number, newest, collection FROM document WHERE tenant = :tenant AND id = :id",
        {"tenant": document.tenant, "id": document.id},
    )
    number, newest, home = known[0] if known else (None, 0, collection)
    if home != collection:
        raise NotThere("The document is not in this collection.")
    if document.version != newest + 1:
        raise _outpaced()
    try:
        if number is None:
            number = yield from _insert_document(document, collection)
        else:
            yield Ask(
                "UPDATE document SET newest = :version WHERE number = :number",
                {"version": document.version, "number": number},
            )
        yield from _insert_version(document, number, original)
    except Duplicate:
        raise _outpaced() from None


def note_state(
    tenant: str, document_id: str, version: int, state: State, progress: float, reason: str
) -> Steps[None]:
    """Of the newest version only. What has ended stays as it ended, and what is published is not called off."""
    yield Ask(
        "UPDATE version SET state = :state, progress = :progress, reason = :reason WHERE version = :version"
        " AND state NOT IN ('ready', 'failed', 'cancelled') AND document IN"
        " (SELECT number FROM document WHERE tenant = :tenant AND id = :id AND newest = :version"
        " AND (:state <> 'cancelled' OR ready IS NULL OR ready <> :version))",
        {
            "state": state,
            "progress": progress,
            "reason": reason,
            "version": version,
            "tenant": tenant,
            "id": document_id,
        },
    )


def original(tenant: str, document_id: str, version: int) -> Steps[bytes | None]:
    """The file as it came."""
    rows = yield Ask(
        "SELECT o.content FROM original o JOIN version v ON v.number = o.version"
        " JOIN document d ON d.number = v.document"
        " WHERE d.tenant = :tenant AND d.id = :id AND v.version = :version",
        {"tenant": tenant, "id": document_id, "version": version},
    )
    return bytes(rows[0][0]) if rows else None


def remove_document(index: Index, tenant: str, document_id: str) -> Steps[None]:
    """Nothing happens when it is not there."""
    rows = yield Ask(
        "SELECT d.number, v.number, c.model FROM document d JOIN collection c ON c.number = d.collection"
        " JOIN version v ON v.document = d.number WHERE d.tenant = :tenant AND d.id = :id",
        {"tenant": tenant, "id": document_id},
    )
    for _, version, model in rows:
        yield from remove_version(index, tenant, version, model)
    for number in {row[0] for row in rows}:
        yield from open_again(tenant, document_id)
        yield Ask("DELETE FROM document WHERE number = :number", {"number": number})
        yield from note_change(tenant)


def remove_version(index: Index, tenant: str, version: int, model: int) -> Steps[None]:
    """With its text, words, vectors and file."""
    words = yield from tenant_number(index, tenant)
    yield from index.remove_words(words, version)
    yield from remove_vectors(index, model, version)
    yield Ask("DELETE FROM version WHERE number = :number", {"number": version})


def change_access(tenant: str, document_id: str, access: frozenset[str]) -> Steps[None]:
    """At once, for the version that is found and for those to come."""
    readers = (yield from audience_number(access)) if access else None
    yield Ask(
        "UPDATE document SET readers = :readers WHERE tenant = :tenant AND id = :id",
        {"readers": readers, "tenant": tenant, "id": document_id},
    )
    yield from note_change(tenant)


def text(
    reader: Reader, document_id: str, start: int, end: int
) -> Steps[tuple[Document, str] | None]:
    """The document as its ready version says it is."""
    ready = ready_versions(reader, Filters(documents=frozenset({document_id})))
    rows = yield Ask(
        f"SELECT v.number, {DOCUMENT} FROM ({ready.sql}) f JOIN version v ON v.number = f.version"
        " JOIN document d ON d.number = v.document JOIN collection c ON c.number = d.collection"
        " LEFT JOIN audience r ON r.number = d.readers",
        ready.values,
    )
    if not rows:
        return None
    pieces = yield Ask(
        "SELECT begins, content FROM piece WHERE version = :version AND begins < :ends"
        " AND begins + length(content) > :begins ORDER BY begins",
        {"version": rows[0][0], "begins": start, "ends": end},
    )
    first = pieces[0][0] if pieces else 0
    whole = "".join(content for _, content in pieces)
    return document_of(rows[0][1:]), whole[max(start - first, 0) : max(end - first, 0)]


def pages(reader: Reader, document_id: str) -> Steps[list[tuple[int, int, int]]]:
    """By number."""
    ready = ready_versions(reader, Filters(documents=frozenset({document_id})))
    rows = yield Ask(
        f"SELECT g.page, g.begins, g.ends FROM page g JOIN ({ready.sql}) f ON f.version = g.version"
        " ORDER BY g.page",
        ready.values,
    )
    return [(page, begins, ends) for page, begins, ends in rows]


def _outpaced() -> Outpaced:
    return Outpaced(
        "Another version of the document was added in between.", hint="Look at it, then add again."
    )


def _insert_document(document: Document, collection: int) -> Steps[int]:
    readers = (yield from audience_number(document.access)) if document.access else None
    [(number,)] = yield Ask(
        "INSERT INTO document (tenant, id, collection, readers, newest)"
        " VALUES (:tenant, :id, :collection, :readers, :version) RETURNING number",
        {
            "tenant": document.tenant,
            "id": document.id,
            "collection": collection,
            "readers": readers,
            "version": document.version,
        },
    )
    return number


def _insert_version(document: Document, number: int, original: bytes) -> Steps[None]:
    columns = {
        "document": number,
        "version": document.version,
        "name": document.name,
        "title": document.title,
        "media_type": document.media_type,
        "octets": document.octets,
        "sha256": document.sha256,
        "uploaded_by": document.uploaded_by,
        "uploaded_by_name": document.uploaded_by_name,
        "uploaded_at": instant(document.uploaded_at),
        "state": document.state,
        "progress": document.progress,
        "reason": document.reason,
        "warnings": json.dumps(document.warnings),
        "pages": document.pages,
        "characters": document.characters,
        "chunks": document.chunks,
        "source_url": document.source_url,
        "metadata": json.dumps(dict(document.metadata)),
        "curated": int(document.curated),
    }
    names = ", ".join(columns)
    places = ", ".join(f":{name}" for name in columns)
    [(version,)] = yield Ask(
        f"INSERT INTO version ({names}) VALUES ({places}) RETURNING number",
        columns,
    )
    yield Ask(
        "INSERT INTO original (version, content) VALUES (:version, :content)",
        {"version": version, "content": original},
    )
    yield Ask(
        "INSERT INTO metadata (version, name, value) VALUES (:version, :name, :value)",
        many=[
            {"version": version, "name": name, "value": value}
            for name, value in document.metadata.items()
        ],
    )
