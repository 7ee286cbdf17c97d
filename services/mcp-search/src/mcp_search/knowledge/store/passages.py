"""Steps on passages: the two legs of a search, and looking up what was found."""

from collections.abc import Mapping, Sequence
from typing import Any

from mcp_search.knowledge.model import EmbeddingModel, Filters, Passage, Reader, Scored
from mcp_search.knowledge.ports import Vectors
from mcp_search.knowledge.store.catalog import known_model, known_tenant
from mcp_search.knowledge.store.engine import Found, Index
from mcp_search.knowledge.store.rows import PASSAGE, passage_of
from mcp_search.knowledge.store.steps import Ask, Row, Steps, listed
from mcp_search.knowledge.store.visible import documents_of, ready_versions
from mcp_search.knowledge.store.words import question_words

_EVERYTHING = Filters()


def near(
    index: Index, reader: Reader, model: EmbeddingModel, vector: Vectors, filters: Filters, k: int
) -> Steps[list[Scored]]:
    """Only collections of this model take part."""
    number = yield from known_model(model)
    if number is None:
        return []
    versions = ready_versions(reader, filters, " AND c.model = :model")
    versions.values["model"] = number
    found = yield from index.near(versions, number, vector.reshape(-1), k)
    return (yield from _scored(reader, found))


def matching(
    index: Index, reader: Reader, words: str, filters: Filters, k: int
) -> Steps[list[Scored]]:
    """Nothing is found where nothing can be looked for."""
    wanted = question_words(words)
    tenant = yield from known_tenant(reader.tenant)
    if not wanted or tenant is None:
        return []
    found = yield from index.matching(ready_versions(reader, filters), tenant, wanted, k)
    return (yield from _scored(reader, found))


def passages(reader: Reader, ids: Sequence[str]) -> Steps[list[Passage]]:
    """Each as often as it was asked for."""
    names, values = listed("id", dict.fromkeys(ids))
    rows = yield from _passage_rows(reader, f"p.tenant = :tenant AND p.id IN ({names})", values)
    known = {passage.id: passage for passage in (passage_of(row[1:]) for row in rows)}
    return [known[one] for one in ids if one in known]


def neighbours(reader: Reader, document_id: str, first: int, last: int) -> Steps[list[Passage]]:
    """Of the ready version, by ordinal."""
    rows = yield from _passage_rows(
        reader,
        "p.chunk IN (SELECT x.number FROM document o"
        " JOIN version y ON y.document = o.number AND y.version = o.ready"
        " JOIN chunk x ON x.version = y.number"
        " WHERE o.tenant = :tenant AND o.id = :id AND x.ordinal >= :first AND x.ordinal <= :last)",
        {"id": document_id, "first": first, "last": last},
    )
    return sorted((passage_of(row[1:]) for row in rows), key=lambda one: one.ordinal)


def vectors_of(index: Index, reader: Reader, ids: Sequence[str]) -> Steps[dict[str, Vectors]]:
    """Those that have one of their collection's model."""
    names, values = listed("id", dict.fromkeys(ids))
    ready = ready_versions(reader, _EVERYTHING)
    rows = yield Ask(
        f"SELECT f.model, p.id, p.chunk FROM ({ready.sql}) f JOIN chunk k ON k.version = f.version"
        " JOIN passage p ON p.chunk = k.number AND p.tenant = :tenant"
        f" JOIN embedded e ON e.chunk = k.number AND e.model = f.model WHERE p.id IN ({names})",
        {**ready.values, **values},
    )
    found: dict[str, Vectors] = {}
    for model in {row[0] for row in rows}:
        chunks = {chunk: name for of, name, chunk in rows if of == model}
        vectors = yield from index.vectors(model, list(chunks))
        found |= {chunks[chunk]: vector for chunk, vector in vectors.items()}
    return found


def _scored(reader: Reader, found: Sequence[Found]) -> Steps[list[Scored]]:
    names, values = listed("chunk", [one.chunk for one in found])
    rows = yield from _passage_rows(reader, f"p.chunk IN ({names})", values)
    known = {row[0]: passage_of(row[1:]) for row in rows}
    return [Scored(known[one.chunk], one.score) for one in found if one.chunk in known]


def _passage_rows(reader: Reader, which: str, values: Mapping[str, Any]) -> Steps[list[Row]]:
    """Of the passages that `which`, a condition on p, leaves, those that the reader may see. In no order."""
    visible = documents_of(reader)
    return (
        yield Ask(
            # CROSS tells SQLite to go from these few passages to what they belong to. By itself it begins with all
            # documents of the tenant.
            f"SELECT k.number, {PASSAGE} FROM passage p CROSS JOIN chunk k CROSS JOIN version v"
            " CROSS JOIN document d CROSS JOIN collection c"
            f" WHERE {which} AND k.number = p.chunk AND v.number = k.version"
            " AND d.number = v.document AND d.ready = v.version AND c.number = d.collection"
            f" AND {visible.sql}",
            {**visible.values, **values},
        )
    )
