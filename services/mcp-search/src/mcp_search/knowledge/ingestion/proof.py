"""Whether a document is found by what it says itself: only then may it be called ready."""

import re
from collections.abc import Iterable, Sequence

from mcp_search.knowledge.model import Collection, Document, Filters, Passage, Reader, Scored
from mcp_search.knowledge.ports import Embedder, KnowledgeStore

LOOKED_AT = 20
"""Passages from which the sentence is taken."""
MAX_CHARACTERS = 300
_ENDS = re.compile(r"(?<=[.!?。！？])\s+|\n+")
_WORD = re.compile(r"\w{2,}")


async def is_found(
    store: KnowledgeStore, embedder: Embedder, document: Document, collection: Collection
) -> bool:
    """Ask for a sentence of the document's newest version, as one who may read it would: by words and by vector."""
    reader = reader_who_may(document, collection)
    if reader is None:
        return True  # Nobody may read it at present, so nobody can ask.
    passages = await store.neighbours(reader, document.id, 0, LOOKED_AT - 1)
    sentence = sentence_of([passage.text for passage in passages])
    if not sentence:
        return False
    only = Filters(documents=frozenset({document.id}))
    legs: list[Sequence[Scored]] = []
    if _WORD.search(sentence):
        legs.append(await store.matching(reader, sentence, only, 5))
    if embedder.model.dimension:
        vector = await embedder.embed([sentence])
        legs.append(await store.near(reader, embedder.model, vector, only, 5))
    return bool(legs) and all(any(_is_of(found.passage, document) for found in leg) for leg in legs)


def _is_of(passage: Passage, document: Document) -> bool:
    return (passage.document_id, passage.version) == (document.id, document.version)


def sentence_of(texts: Iterable[str]) -> str:
    """The one with the most different words of those short enough; empty where there is none."""
    sentences = (
        sentence.strip()[:MAX_CHARACTERS].strip()
        for text in texts
        for sentence in _ENDS.split(text)
    )
    return max(sentences, key=lambda sentence: len(set(_WORD.findall(sentence))), default="")


def reader_who_may(document: Document, collection: Collection) -> Reader | None:
    """Somebody whom the collection and the document let in; None where their keys have nobody in common."""
    wanted = [collection.access, *([document.access] if document.access else [])]
    keys = frozenset[str]().union(*wanted)
    roles = frozenset(key.removeprefix("role:") for key in keys if key.startswith("role:"))
    persons = sorted(key.removeprefix("person:") for key in keys if key.startswith("person:"))
    for person in ["", *persons]:
        reader = Reader(document.tenant, person, roles)
        if all(reader.keys & each for each in wanted):
            return reader
    return None
