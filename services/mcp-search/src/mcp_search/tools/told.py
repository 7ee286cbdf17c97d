"""Turns collections, documents and passages into what the tools answer."""

from collections.abc import Mapping, Sequence

from mcp_search.knowledge.hits import Hit
from mcp_search.knowledge.ingestion.work import Job
from mcp_search.knowledge.library import Library
from mcp_search.knowledge.model import Collection, Document, Passage
from mcp_search.results import CollectionTold, DocumentTold, PassageTold
from shared.service_tokens import Principal

MAX_QUOTED = 40_000
"""Characters of all quotes of an answer together."""


async def collections_of(library: Library, caller: Principal) -> Mapping[str, Collection]:
    """Those the caller sees, by id."""
    return {one.id: one for one in await library.collections(caller)}


def collection(library: Library, caller: Principal, one: Collection) -> CollectionTold:
    return CollectionTold(
        id=one.id,
        name=one.name,
        description=one.description,
        documents=one.documents,
        editable=library.may_edit(caller, one),
    )


def document(one: Document, collections: Mapping[str, Collection]) -> DocumentTold:
    held_by = collections.get(one.collection_id)
    return DocumentTold(
        id=one.id,
        name=one.name,
        title=one.title,
        collection=held_by.name if held_by else "",
        media_type=one.media_type,
        octets=one.octets,
        pages=one.pages,
        state=one.state,
        reason=one.reason,
        uploaded_by=one.uploaded_by_name,
        uploaded_at=one.uploaded_at,
        source_url=one.source_url,
        curated=one.curated,
    )


def passages(hits: Sequence[Hit]) -> tuple[list[PassageTold], bool]:
    """Each passage of the hits by itself, so that each can be cited; and whether all of them had room."""
    told: list[PassageTold] = []
    room = MAX_QUOTED
    for hit in hits:
        for one in hit.passages:
            room -= len(one.text)
            if room < 0 and told:
                return told, False
            told.append(_passage(one, hit))
    return told, True


def _passage(one: Passage, hit: Hit) -> PassageTold:
    return PassageTold(
        id=one.id,
        document_id=one.document_id,
        document=one.title or one.name,
        page=one.page,
        headings=list(one.headings),
        start=one.start,
        end=one.end,
        quote=one.text,
        why=hit.leg,
        score=round(hit.score, 4),
        added_by=one.uploaded_by_name,
        added_at=one.uploaded_at,
        curated=one.curated,
        also_in=list(dict.fromkeys(same.title or same.name for same in hit.same)),
    )


def job_id(one: Document) -> str:
    """Of the work on its newest version."""
    return Job(one.tenant, one.id, one.version).id
