"""Holds an answer against what it cites: splits it, reads the passages in the reader's name, judges each sentence."""

import asyncio
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import structlog

from mcp_search.errors import KnowledgeAway
from mcp_search.knowledge.citations.sentences import Sentence, split
from mcp_search.knowledge.citations.support import (
    MEASURED,
    Judged,
    Passage,
    judge,
    parts_of,
    read_passage,
)
from mcp_search.knowledge.model import Passage as StoredPassage
from mcp_search.knowledge.model import Reader
from mcp_search.knowledge.ports import Embedder, Vectors
from shared.wire.knowledge import MAX_SENTENCES, Support

MAX_ANSWER = 200_000
"""Characters that are looked at."""
MAX_PASSAGES = 8
"""Of one sentence: a sentence that cites more says nothing about any of them."""
MAX_SENTENCE = 2_000
"""Characters of a sentence that are compared."""
MAX_EMBEDDED = 200
"""Texts in one check. Sentences beyond that are judged by their words alone: somebody waits."""
PASSAGES_KEPT = 500

log = structlog.get_logger()


class Passages(Protocol):
    """Of the store, all that is needed here."""

    async def passages(self, reader: Reader, ids: Sequence[str], /) -> list[StoredPassage]: ...


@dataclass(frozen=True, slots=True)
class Checked:
    """A sentence that cites, and whether what it cites says so."""

    sentence: Sentence
    support: Support
    score: float
    """0 to 1: of the part of the sentence that is least in its passages."""
    judged_by: Literal["words", "vectors"]


@dataclass(frozen=True, slots=True)
class CheckedAnswer:
    """What an answer cites, and how well."""

    passages: tuple[StoredPassage, ...]
    """Each that the reader may see, in the order of its first mark."""
    checks: tuple[Checked, ...]


@dataclass(frozen=True, slots=True)
class _Case:
    sentence: Sentence
    text: str
    passages: tuple[str, ...]
    """Ids of those that the reader may see."""


class CitationChecker:
    """Keeps the vectors of cited passages' sentences: the same ones are cited again and again."""

    def __init__(self, store: Passages, embedder: Embedder | None = None) -> None:
        """An embedder whose model was not measured (support.MEASURED) is not asked."""
        self._store = store
        self._embedder = embedder if embedder and embedder.model.name in MEASURED else None
        self._kept: OrderedDict[tuple[str, ...], Vectors] = OrderedDict()

    async def check_answer(self, text: str, reader: Reader) -> CheckedAnswer:
        """Raises KnowledgeAway: the store cannot be used. Without its embedder, words alone are compared."""
        sentences = await asyncio.to_thread(split, text[:MAX_ANSWER])
        citing = [sentence for sentence in sentences if sentence.cites][:MAX_SENTENCES]
        found = await self._read(citing, reader)
        checks = await self.check(citing, found)
        return CheckedAnswer(tuple(found.values()), tuple(checks))

    async def check(
        self, sentences: Sequence[Sentence], found: Mapping[str, StoredPassage]
    ) -> list[Checked]:
        """Judge sentences by the passages that were found, by their ids."""
        read = await asyncio.to_thread(
            lambda: {id_: read_passage(passage.text) for id_, passage in found.items()}
        )
        cases = [
            _Case(
                sentence,
                sentence.text[:MAX_SENTENCE],
                tuple(id_ for id_ in sentence.cites[:MAX_PASSAGES] if id_ in found),
            )
            for sentence in sentences
        ]
        judged = await asyncio.to_thread(lambda: [_by_words(case, read) for case in cases])
        undecided = [
            place
            for place, case in enumerate(cases)
            if case.passages and judged[place].support != "supported"
        ]
        if undecided and self._embedder is not None:
            similar = await self._similarities([cases[place] for place in undecided], read, found)
            for place in undecided:
                judged[place] = _by_vectors(cases[place], read, similar) or judged[place]
        return [
            Checked(
                sentence,
                one.support,
                one.score,
                "vectors" if one.by_vectors else "words",
            )
            for sentence, one in zip(sentences, judged, strict=True)
        ]

    async def _read(
        self, sentences: Sequence[Sentence], reader: Reader
    ) -> dict[str, StoredPassage]:
        ids = list(dict.fromkeys(id_ for sentence in sentences for id_ in sentence.cites))
        passages = await self._store.passages(reader, ids[:MAX_SENTENCES]) if ids else []
        return {passage.id: passage for passage in passages}

    async def _similarities(
        self,
        cases: Sequence[_Case],
        read: Mapping[str, Passage],
        found: Mapping[str, StoredPassage],
    ) -> dict[tuple[str, str], float]:
        """Of a sentence's part to a passage: the highest of any of the passage's sentences."""
        try:
            vectors, kept = await self._vectors(cases, read, found)
        except KnowledgeAway as problem:
            log.warning("citations_checked_by_words", reason=problem.message)
            return {}
        return {
            (part, id_): float((kept[id_] @ vectors[part]).max(initial=0.0))
            for case in cases
            for part in (told.text for told in parts_of(case.text))
            for id_ in case.passages
            if part in vectors and id_ in kept
        }

    async def _vectors(
        self,
        cases: Sequence[_Case],
        read: Mapping[str, Passage],
        found: Mapping[str, StoredPassage],
    ) -> tuple[dict[str, Vectors], dict[str, Vectors]]:
        assert self._embedder is not None  # noqa: S101 - whoever calls has looked
        kept: dict[str, Vectors] = {}
        parts: dict[str, None] = {}
        texts: list[str] = []
        unknown: dict[str, int] = {}
        for case in cases:
            mine = [told.text for told in parts_of(case.text) if told.text not in parts]
            news = [id_ for id_ in case.passages if id_ not in kept and id_ not in unknown]
            for id_ in news:
                if (vectors := self._kept.get(_key(found[id_]))) is not None:
                    kept[id_] = vectors
            news = [id_ for id_ in news if id_ not in kept]
            room = MAX_EMBEDDED - len(texts) - len(parts)
            if len(mine) + sum(len(read[id_]) for id_ in news) > room:
                continue
            parts.update(dict.fromkeys(mine))
            for id_ in news:
                unknown[id_] = len(texts)
                texts += [told.text for told in read[id_]]
        embedded = await self._embedder.embed([*parts, *texts])
        for id_, start in unknown.items():
            first = len(parts) + start
            kept[id_] = embedded[first : first + len(read[id_])]
            self._keep(found[id_], kept[id_])
        return dict(zip(parts, embedded, strict=False)), kept

    def _keep(self, passage: StoredPassage, vectors: Vectors) -> None:
        self._kept[_key(passage)] = vectors
        while len(self._kept) > PASSAGES_KEPT:
            self._kept.popitem(last=False)


def _key(passage: StoredPassage) -> tuple[str, ...]:
    """By content: the same words have the same vectors, whoever they belong to."""
    return (passage.sha256, str(passage.start), str(passage.end), passage.document_id)


def _by_words(case: _Case, read: Mapping[str, Passage]) -> Judged:
    if not case.passages:
        return Judged("not_found", 0.0, by_vectors=False)
    return judge(case.text, [read[id_] for id_ in case.passages], None)


def _by_vectors(
    case: _Case, read: Mapping[str, Passage], similar: Mapping[tuple[str, str], float]
) -> Judged | None:
    """None where a vector is missing."""
    if any(
        (told.text, id_) not in similar for told in parts_of(case.text) for id_ in case.passages
    ):
        return None

    def similarity(part: str) -> float:
        return max(similar[part, id_] for id_ in case.passages)

    return judge(case.text, [read[id_] for id_ in case.passages], similarity)
