"""How the model is written into rows and read from them. Lists are JSON, instants microseconds since 1970."""

import json
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from mcp_search.knowledge.model import Chunk, Collection, Document, EmbeddingModel, Gap, Passage
from mcp_search.knowledge.store.steps import Row

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

COLLECTION = "c.id, c.tenant, c.name, c.description, m.name, m.dimension, r.keys, c.editors"
DOCUMENT = (
    "d.id, d.tenant, c.id, v.name, v.title, v.media_type, v.octets, v.sha256, r.keys, v.uploaded_by,"
    " v.uploaded_by_name, v.uploaded_at, v.state, v.version, v.progress, v.reason, v.warnings, v.pages, v.characters,"
    " v.chunks, v.source_url, v.metadata, v.curated"
)
"""Of d, c, v and r, the audience of d."""
PASSAGE = (
    "p.id, d.id, v.version, c.id, v.title, v.name, k.page, k.headings, k.begins, k.ends, k.body, k.ordinal,"
    " v.uploaded_by_name, v.uploaded_at, v.sha256, v.curated"
)
"""Of p, k (its chunk), v, d and c."""
CHUNK = "k.ordinal, k.begins, k.ends, k.page, k.headings, k.embedded_text"


def instant(at: datetime) -> int:
    """Without a fraction of it lost. Raises TypeError for a time without a zone."""
    return (at - _EPOCH) // _MICROSECOND


def moment(microseconds: int) -> datetime:
    """The instant, in UTC."""
    return _EPOCH + microseconds * _MICROSECOND


def listing(values: Iterable[str]) -> str:
    """A set in its one written form."""
    return json.dumps(sorted(values), ensure_ascii=False)


def collection_of(row: Row, documents: int) -> Collection:
    """From COLLECTION."""
    identity, tenant, name, description, model, dimension, access, editors = row
    return Collection(
        id=identity,
        tenant=tenant,
        name=name,
        description=description,
        model=EmbeddingModel(model, dimension),
        access=frozenset(json.loads(access)),
        editors=frozenset(json.loads(editors)),
        documents=documents,
    )


def document_of(row: Row) -> Document:
    """From DOCUMENT."""
    return Document(
        id=row[0],
        tenant=row[1],
        collection_id=row[2],
        name=row[3],
        title=row[4],
        media_type=row[5],
        octets=row[6],
        sha256=row[7],
        access=frozenset(json.loads(row[8])) if row[8] else frozenset(),
        uploaded_by=row[9],
        uploaded_by_name=row[10],
        uploaded_at=moment(row[11]),
        state=row[12],
        version=row[13],
        progress=row[14],
        reason=row[15],
        warnings=tuple(json.loads(row[16])),
        pages=row[17],
        characters=row[18],
        chunks=row[19],
        source_url=row[20],
        metadata=json.loads(row[21]),
        curated=bool(row[22]),
    )


def passage_of(row: Row) -> Passage:
    """From PASSAGE."""
    return Passage(
        id=row[0],
        document_id=row[1],
        version=row[2],
        collection_id=row[3],
        title=row[4] or row[5],
        name=row[5],
        page=row[6],
        headings=tuple(json.loads(row[7])),
        start=row[8],
        end=row[9],
        text=row[10],
        ordinal=row[11],
        uploaded_by_name=row[12],
        uploaded_at=moment(row[13]),
        sha256=row[14],
        curated=bool(row[15]),
    )


def chunk_of(row: Row) -> Chunk:
    """From CHUNK."""
    ordinal, begins, ends, page, headings, embedded_text = row
    return Chunk(ordinal, begins, ends, page, tuple(json.loads(headings)), embedded_text)


def gap_of(row: Row) -> Gap:
    """From the columns of gap in their order, without question_key."""
    tenant, identity, question, asked_as, asked, first, last, state, answer_id = row
    return Gap(
        identity, tenant, question, asked, moment(first), moment(last), state, answer_id, asked_as
    )
