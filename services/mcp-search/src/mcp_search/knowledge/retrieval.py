"""Finds the passages that answer a question: by meaning and by words, for one reader, or says that there are none."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from mcp_search.errors import KnowledgeAway
from mcp_search.knowledge.fusion import Ranked, fuse, weights_of
from mcp_search.knowledge.hits import Found, Hit, Leg, Mode
from mcp_search.knowledge.judging import LOOKED_AT, WORDS_ENOUGH, closeness, coverage
from mcp_search.knowledge.merging import Group, collapse, join_neighbours, text_of
from mcp_search.knowledge.model import EmbeddingModel, Filters, Passage, Reader, Scored
from mcp_search.knowledge.ports import Embedder, KnowledgeStore
from mcp_search.knowledge.reranking import Reranker

EACH_LEG = 50
RERANKED = 20
CONSIDERED = 3
"""Passages looked at for each hit wanted: some fall together, and one from far down must not be drawn in."""
CURATED_ENOUGH = 0.05
"""How much better a curated answer must fit than what is just good enough to stand before everything else."""
KEPT_S = 300.0
MOST_KEPT = 500

_Key = tuple[object, ...]


@dataclass(frozen=True, slots=True)
class _Legs:
    dense: list[Scored]
    keyword: list[Scored]
    degraded: tuple[str, ...]
    looked_for_words: bool


class Retrieval:
    """Searches. An answer is kept for five minutes, and not once anything has changed in the tenant."""

    def __init__(
        self,
        store: KnowledgeStore,
        embedders: Sequence[Embedder],
        *,
        good_enough: float | None = None,
        reranker: Reranker | None = None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """The first embedder is the configured one, and its model's weights are used, but for a `good_enough` given.

        The others embed questions for collections that still have their models' vectors.
        """
        self._store = store
        self._embedders = {embedder.model: embedder for embedder in embedders}
        self._weights = weights_of(embedders[0].model.name)
        if good_enough is not None:
            self._weights = replace(self._weights, good_enough=good_enough)
        self._reranker = reranker
        self._now = now
        self._kept: OrderedDict[_Key, tuple[float, Found]] = OrderedDict()

    async def search(
        self,
        reader: Reader,
        query: str,
        filters: Filters,
        top_k: int = 8,
        mode: Mode = "hybrid",
    ) -> Found:
        """At most top_k hits, best first.

        Raises KnowledgeAway: the store, or in mode vector the embedder, cannot be used. In mode hybrid an embedder
        that is away is told in `degraded`, and words alone are searched.
        """
        key = await self._key(reader, query, filters, top_k, mode)
        known = self._kept.get(key)
        if known is not None and known[0] > self._now():
            self._kept.move_to_end(key)
            return known[1]
        found = await self._search(reader, query, filters, top_k, mode)
        if not found.degraded:
            self._keep(key, found)
        return found

    async def _key(
        self, reader: Reader, query: str, filters: Filters, top_k: int, mode: Mode
    ) -> _Key:
        changes = await self._store.changes(reader.tenant)
        narrowed = (
            filters.collections,
            filters.documents,
            filters.media_types,
            filters.since,
            frozenset(filters.metadata.items()),
        )
        return (reader.tenant, reader.keys, changes, query, narrowed, top_k, mode)

    def _keep(self, key: _Key, found: Found) -> None:
        self._kept[key] = (self._now() + KEPT_S, found)
        if len(self._kept) > MOST_KEPT:
            self._kept.popitem(last=False)

    async def _search(
        self, reader: Reader, query: str, filters: Filters, top_k: int, mode: Mode
    ) -> Found:
        legs = await self._legs(reader, query, filters, mode)
        ranked = fuse(legs.dense, legs.keyword, self._weights.of(query))
        if not ranked:
            return Found((), found=False, why="no_match", degraded=legs.degraded)
        if not self._is_good_enough(query, ranked, legs):
            return Found((), found=False, why="nothing_close", degraded=legs.degraded)
        ranked, degraded = await self._reranked(query, ranked)
        ranked = self._curated_first(query, ranked, legs)
        groups = join_neighbours(collapse(ranked[: top_k * CONSIDERED]))[:top_k]
        hits = [await self._hit(reader, group) for group in groups]
        return Found(tuple(hits), found=True, why="found", degraded=(*legs.degraded, *degraded))

    def _is_good_enough(self, query: str, ranked: list[Ranked], legs: _Legs) -> bool:
        best = [one.passage for one in ranked[:LOOKED_AT]]
        if not legs.dense:
            return coverage(query, best) >= WORDS_ENOUGH
        return self._closeness(query, ranked[0].score, best, legs) >= (
            self._weights.good_enough or 0.0
        )

    def _closeness(self, query: str, score: float, best: Sequence[Passage], legs: _Legs) -> float:
        # Without the leg of words, what its best match adds is missing from every score.
        missing = 0.0 if legs.looked_for_words else self._weights.of(query)
        return closeness(query, score + missing, best)

    def _curated_first(self, query: str, ranked: list[Ranked], legs: _Legs) -> list[Ranked]:
        """An answer that an editor wrote to such a question stands before what merely resembles it."""

        def is_first(one: Ranked) -> bool:
            if not one.passage.curated:
                return False
            if not legs.dense or self._weights.good_enough is None:
                return coverage(query, [one.passage]) >= WORDS_ENOUGH
            enough = self._weights.good_enough + CURATED_ENOUGH
            return self._closeness(query, one.score, [one.passage], legs) >= enough

        return sorted(ranked, key=lambda one: not is_first(one))

    async def _legs(self, reader: Reader, query: str, filters: Filters, mode: Mode) -> _Legs:
        keyword = (
            asyncio.create_task(self._store.matching(reader, query, filters, EACH_LEG))
            if mode != "vector"
            else None
        )
        try:
            dense, degraded = await self._dense(reader, query, filters, mode)
        except BaseException:
            if keyword is not None:
                keyword.cancel()
            raise
        found = await keyword if keyword is not None else []
        return _Legs(dense, found, degraded, looked_for_words=keyword is not None)

    async def _dense(
        self, reader: Reader, query: str, filters: Filters, mode: Mode
    ) -> tuple[list[Scored], tuple[str, ...]]:
        if mode == "keyword":
            return [], ()
        models = await self._models(reader, filters)
        found: list[Scored] = []
        degraded: list[str] = []
        for model in models:
            embedder = self._embedders.get(model)
            if embedder is None:
                degraded.append(
                    "A collection is not embedded by the configured model yet; it was searched by words."
                )
                continue
            try:
                vector = await embedder.embed_query(query)
            except KnowledgeAway:
                if mode == "vector":
                    raise
                degraded.append("The embedding model cannot be used now; words were searched.")
                continue
            found += await self._store.near(reader, model, vector, filters, EACH_LEG)
        found.sort(key=lambda one: -one.score)
        return found[:EACH_LEG], tuple(degraded)

    async def _models(self, reader: Reader, filters: Filters) -> list[EmbeddingModel]:
        collections = await self._store.collections(reader)
        wanted = {
            one.model
            for one in collections
            if one.model.dimension and (not filters.collections or one.id in filters.collections)
        }
        return sorted(wanted, key=lambda model: model.name)

    async def _reranked(
        self, query: str, ranked: list[Ranked]
    ) -> tuple[list[Ranked], tuple[str, ...]]:
        if self._reranker is None:
            return ranked, ()
        head, rest = ranked[:RERANKED], ranked[RERANKED:]
        try:
            scores = await self._reranker.scores(query, [one.passage for one in head])
        except KnowledgeAway:
            return ranked, ("The reranker cannot be used now; the order is the one without it.",)
        order = sorted(range(len(head)), key=lambda place: -scores[place])
        return [head[place] for place in order] + rest, ()

    async def _hit(self, reader: Reader, group: Group) -> Hit:
        passages = tuple(one.passage for one in group.ranked)
        start, end = passages[0].start, max(one.end for one in passages)
        text = text_of(passages)
        if text is None:
            between = await self._store.text(reader, passages[0].document_id, start, end)
            text = between[1] if between else "\n".join(one.text for one in passages)
        legs: set[Leg] = {one.leg for one in group.ranked}
        return Hit(
            passages=passages,
            start=start,
            end=end,
            text=text,
            score=group.score,
            leg=legs.pop() if len(legs) == 1 else "both",
            same=tuple(group.same),
        )
