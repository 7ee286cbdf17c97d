"""Steps that bring a version from what was parsed to what is found: staged, embedded, published."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mcp_search.errors import NotThere, VectorsMissing
from mcp_search.knowledge.model import Chunk, Parsed
from mcp_search.knowledge.ports import Vectors
from mcp_search.knowledge.store.catalog import note_change, remove_vectors, tenant_number
from mcp_search.knowledge.store.documents import remove_version
from mcp_search.knowledge.store.engine import Index, Wording
from mcp_search.knowledge.store.passage_ids import passage_id
from mcp_search.knowledge.store.rows import CHUNK, chunk_of
from mcp_search.knowledge.store.steps import Ask, Steps, Values, listed
from mcp_search.knowledge.store.words import folded

PIECE_CHARACTERS = 16_384


@dataclass(frozen=True, slots=True)
class _Version:
    number: int
    document: int
    title: str
    name: str
    sha256: str
    model: int
    dimension: int
    is_ready: bool


def stage(
    index: Index,
    tenant: str,
    document_id: str,
    version: int,
    parsed: Parsed,
    chunks: Sequence[Chunk],
) -> Steps[None]:
    """Nothing of it is found before `publish`, since searches look at ready versions alone."""
    staged = yield from _version(tenant, document_id, version)
    yield from _clear(index, tenant, staged)
    title = staged.title or parsed.title
    yield Ask(
        "UPDATE version SET title = :title, warnings = :warnings, pages = :pages, characters = :characters,"
        " chunks = :chunks WHERE number = :number",
        {
            "title": title,
            "warnings": json.dumps(parsed.warnings),
            "pages": len(parsed.pages) or None,
            "characters": len(parsed.text),
            "chunks": len(chunks),
            "number": staged.number,
        },
    )
    yield Ask(
        "INSERT INTO piece (version, begins, content) VALUES (:version, :begins, :content)",
        many=list(_pieces(staged.number, parsed.text)),
    )
    yield Ask(
        "INSERT INTO page (version, page, begins, ends) VALUES (:version, :page, :begins, :ends)",
        many=[
            {"version": staged.number, "page": page.number, "begins": page.start, "ends": page.end}
            for page in parsed.pages
        ],
    )
    yield from _insert_chunks(index, tenant, staged.number, title, parsed.text, chunks)


def staged_chunks(
    tenant: str, document_id: str, version: int, after: int, limit: int
) -> Steps[list[Chunk]]:
    """Of a ready version too, after its collection was given another model."""
    rows = yield Ask(
        f"SELECT {CHUNK} FROM chunk k JOIN version v ON v.number = k.version"
        " JOIN document d ON d.number = v.document JOIN collection c ON c.number = d.collection"
        " WHERE d.tenant = :tenant AND d.id = :id AND v.version = :version AND k.ordinal > :after"
        " AND NOT EXISTS (SELECT 1 FROM embedded e WHERE e.chunk = k.number AND e.model = c.model)"
        " ORDER BY k.ordinal LIMIT :limit",
        {"tenant": tenant, "id": document_id, "version": version, "after": after, "limit": limit},
    )
    return [chunk_of(row) for row in rows]


def stage_vectors(
    index: Index,
    tenant: str,
    document_id: str,
    version: int,
    ordinals: Sequence[int],
    vectors: Vectors,
) -> Steps[None]:
    """Of the collection's model."""
    staged = yield from _version(tenant, document_id, version)
    if vectors.shape != (len(ordinals), staged.dimension):
        raise VectorsMissing(
            "The vectors are not of the collection's model.", hint="Embed the chunks again."
        )
    names, values = listed("ordinal", ordinals)
    rows = yield Ask(
        f"SELECT ordinal, number FROM chunk WHERE version = :version AND ordinal IN ({names})",
        {**values, "version": staged.number},
    )
    numbers = dict[int, int]((ordinal, number) for ordinal, number in rows)
    if len(numbers) != len(ordinals):
        raise NotThere("There are no such chunks.")
    chunks = [numbers[ordinal] for ordinal in ordinals]
    yield from index.add_vectors(staged.model, staged.number, chunks, vectors)
    yield Ask(
        "INSERT INTO embedded (chunk, model) VALUES (:chunk, :model)"
        " ON CONFLICT (chunk) DO UPDATE SET model = excluded.model",
        many=[{"chunk": chunk, "model": staged.model} for chunk in chunks],
    )
    if staged.is_ready:
        yield from note_change(tenant)


def publish(index: Index, tenant: str, document_id: str, version: int) -> Steps[None]:
    """Raises VectorsMissing when a chunk has none of the collection's model, NotThere."""
    ready = yield from _version(tenant, document_id, version)
    yield from _check_wanted(ready)
    if ready.dimension and (yield from staged_chunks(tenant, document_id, version, -1, 1)):
        raise VectorsMissing("Not every part of the document is embedded yet.")
    older = yield Ask(
        "SELECT number FROM version WHERE document = :document AND version < :version",
        {"document": ready.document, "version": version},
    )
    for (number,) in older:
        yield from remove_version(index, tenant, number, ready.model)
    yield from _name_passages(tenant, document_id, ready)
    yield Ask(
        "UPDATE document SET ready = :version WHERE number = :document",
        {"version": version, "document": ready.document},
    )
    yield from note_change(tenant)


def discard(index: Index, tenant: str, document_id: str, version: int) -> Steps[None]:
    """Its row stays, with the state and the reason. Nothing happens when it is not there."""
    try:
        staged = yield from _version(tenant, document_id, version)
    except NotThere:
        return
    yield Ask(
        "UPDATE document SET ready = NULL WHERE number = :document AND ready = :version",
        {"document": staged.document, "version": version},
    )
    yield from _clear(index, tenant, staged)
    yield Ask("DELETE FROM original WHERE version = :version", {"version": staged.number})
    yield from note_change(tenant)


def _check_wanted(version: _Version) -> Steps[None]:
    """Raises NotThere: the work was called off, or a newer version came."""
    wanted = yield Ask(
        "SELECT 1 FROM version v JOIN document d ON d.number = v.document AND d.newest = v.version"
        " WHERE v.number = :number AND v.state NOT IN ('failed', 'cancelled')",
        {"number": version.number},
    )
    if not wanted:
        raise NotThere("The work on this version was called off.")


def _version(tenant: str, document_id: str, version: int) -> Steps[_Version]:
    rows = yield Ask(
        "SELECT v.number, d.number, v.title, v.name, v.sha256, c.model, m.dimension, d.ready FROM version v"
        " JOIN document d ON d.number = v.document JOIN collection c ON c.number = d.collection"
        " JOIN model m ON m.number = c.model"
        " WHERE d.tenant = :tenant AND d.id = :id AND v.version = :version",
        {"tenant": tenant, "id": document_id, "version": version},
    )
    if not rows:
        raise NotThere("The document, or this version of it, is not there any more.")
    *facts, ready = rows[0]
    return _Version(*facts, is_ready=ready == version)


def _clear(index: Index, tenant: str, staged: _Version) -> Steps[None]:
    words = yield from tenant_number(index, tenant)
    yield from index.remove_words(words, staged.number)
    yield from remove_vectors(index, staged.model, staged.number)
    for table in ("piece", "page", "chunk"):
        yield Ask(
            f"DELETE FROM {table} WHERE version = :version",
            {"version": staged.number},
        )


def _pieces(version: int, text: str) -> Iterator[Values]:
    for begins in range(0, len(text), PIECE_CHARACTERS):
        content = text[begins : begins + PIECE_CHARACTERS]
        yield {"version": version, "begins": begins, "content": content}


def _insert_chunks(
    index: Index, tenant: str, version: int, title: str, text: str, chunks: Sequence[Chunk]
) -> Steps[None]:
    yield Ask(
        "INSERT INTO chunk (version, ordinal, begins, ends, page, headings, body, embedded_text) VALUES"
        " (:version, :ordinal, :begins, :ends, :page, :headings, :body, :embedded_text)",
        many=[
            {
                "version": version,
                "ordinal": chunk.ordinal,
                "begins": chunk.start,
                "ends": chunk.end,
                "page": chunk.page,
                "headings": json.dumps(chunk.headings, ensure_ascii=False),
                "body": text[chunk.start : chunk.end],
                "embedded_text": chunk.embedded_text,
            }
            for chunk in chunks
        ],
    )
    rows = yield Ask(
        "SELECT ordinal, number FROM chunk WHERE version = :version", {"version": version}
    )
    numbers = dict[int, int]((ordinal, number) for ordinal, number in rows)
    wordings = [
        Wording(
            numbers[chunk.ordinal],
            folded(" ".join((title, *chunk.headings))),
            folded(text[chunk.start : chunk.end]),
        )
        for chunk in chunks
    ]
    words = yield from tenant_number(index, tenant)
    yield from index.add_words(words, wordings)


def _name_passages(tenant: str, document_id: str, ready: _Version) -> Steps[None]:
    rows = yield Ask(
        "SELECT ordinal, number FROM chunk WHERE version = :version", {"version": ready.number}
    )
    # Named before: a version that is published again keeps its names.
    yield Ask(
        "DELETE FROM passage WHERE chunk IN (SELECT number FROM chunk WHERE version = :version)",
        {"version": ready.number},
    )
    names = {number: passage_id(document_id, ready.sha256, ordinal) for ordinal, number in rows}
    attempt = 0
    ordinals = {number: ordinal for ordinal, number in rows}
    while taken := (yield from _taken(tenant, names)):
        attempt += 1
        for number in taken:
            names[number] = passage_id(document_id, ready.sha256, ordinals[number], attempt)
    yield Ask(
        "INSERT INTO passage (tenant, id, chunk) VALUES (:tenant, :id, :chunk)",
        many=[{"tenant": tenant, "id": name, "chunk": number} for number, name in names.items()],
    )


def _taken(tenant: str, names: dict[int, str]) -> Steps[list[int]]:
    """Chunks whose name another passage of the tenant has, or a chunk before them."""
    owners: dict[str, int] = {}
    taken: list[int] = []
    for number, name in names.items():
        if owners.setdefault(name, number) != number:
            taken.append(number)
    wanted = list(owners)
    for place in range(0, len(wanted), 500):
        ids, values = listed("id", wanted[place : place + 500])
        rows = yield Ask(
            f"SELECT id FROM passage WHERE tenant = :tenant AND id IN ({ids})",
            {**values, "tenant": tenant},
        )
        taken += [owners[name] for (name,) in rows]
    return taken
