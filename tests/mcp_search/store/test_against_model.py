"""Whatever is done in whatever order, readers find what a simple model says that they do."""

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from support.knowledge import MODEL, Written, collection, publish, reader, stage, vector

from mcp_search.knowledge.model import EVERYBODY, Filters, Reader
from mcp_search.knowledge.ports import KnowledgeStore
from mcp_search.knowledge.store.store import SqlStore

TENANTS = ("acme", "rival")
DOCUMENTS = ("one", "two")
WORDS = ("apple", "birch", "cedar")
ACCESS = (
    frozenset[str](),
    frozenset({EVERYBODY}),
    frozenset({"person:ada"}),
    frozenset({"role:hr"}),
)
READERS = (("ada", ()), ("bob", ("hr",)), ("eve", ()))
ANY = Filters()


@dataclass
class Known:
    """What is known of a document."""

    ready: tuple[str, ...]
    access: frozenset[str]
    version: int


@dataclass
class Model:
    """The base as a dictionary."""

    collection_access: dict[str, frozenset[str]] = field(
        default_factory=lambda: {tenant: frozenset({EVERYBODY}) for tenant in TENANTS}
    )
    documents: dict[tuple[str, str], Known] = field(default_factory=dict[tuple[str, str], Known])

    def seen(self, who: Reader) -> dict[str, tuple[str, ...]]:
        """What each document that the reader may see says."""
        if not who.keys & self.collection_access[who.tenant.split("-")[0]]:
            return {}
        return {
            name: known.ready
            for (tenant, name), known in self.documents.items()
            if tenant == who.tenant.split("-")[0] and (not known.access or who.keys & known.access)
        }


Step = tuple[str, str, str, tuple[str, ...], frozenset[str]]
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["publish", "stage", "remove", "access", "open", "close"]),
        st.sampled_from(TENANTS),
        st.sampled_from(DOCUMENTS),
        st.lists(st.sampled_from(WORDS), min_size=1, max_size=3).map(tuple),
        st.sampled_from(ACCESS),
    ),
    max_size=8,
)
_examples = itertools.count()


@pytest.mark.timeout(120)
@settings(
    max_examples=12,
    phases=[Phase.generate],
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(steps=STEPS)
async def test_readers_find_what_the_model_says(store: SqlStore, steps: list[Step]) -> None:
    example = next(_examples)

    def real(tenant: str) -> str:
        return f"{tenant}-{example}"

    model = Model()
    for tenant in TENANTS:
        await store.add_collection(collection(tenant=real(tenant)))
    for step in steps:
        await _do(store, model, step, real)
    for tenant, (subject, roles) in itertools.product(TENANTS, READERS):
        await _compare(store, model, reader(real(tenant), subject, *roles))


async def _do(store: KnowledgeStore, model: Model, step: Step, real: Callable[[str], str]) -> None:
    kind, tenant, name, words, access = step
    known = model.documents.get((tenant, name), Known((), access, 0))
    written = Written(
        name, words, tenant=real(tenant), access=known.access, version=known.version + 1
    )
    match kind:
        case "publish":
            await publish(store, written)
            known = replace(known, ready=words, version=written.version)
            model.documents[tenant, name] = known
        case "stage":
            await stage(store, written)
            model.documents[tenant, name] = replace(known, version=written.version)
        case "remove":
            await store.remove_document(real(tenant), name)
            model.documents.pop((tenant, name), None)
        case "access":
            await store.change_access(real(tenant), name, access)
            if (tenant, name) in model.documents:
                model.documents[tenant, name] = replace(known, access=access)
        case _:
            keys = frozenset({EVERYBODY if kind == "open" else "person:ada"})
            model.collection_access[tenant] = keys
            await store.change_collection(collection(tenant=real(tenant), access=sorted(keys)))


async def _compare(store: KnowledgeStore, model: Model, who: Reader) -> None:
    seen = model.seen(who)
    every = {
        (name, place): word for name, words in seen.items() for place, word in enumerate(words)
    }
    near = await store.near(who, MODEL, vector("apple"), ANY, 50)
    assert {
        (one.passage.document_id, one.passage.ordinal): one.passage.text for one in near
    } == every
    for word in WORDS:
        found = await store.matching(who, word, ANY, 50)
        assert {(one.passage.document_id, one.passage.ordinal) for one in found} == {
            place for place, text in every.items() if text == word
        }
    assert {one.id for one in await store.documents(who, None, "", 50)} == set(seen)
    for name in DOCUMENTS:
        text = await store.text(who, name, 0, 1_000)
        assert (text[1] if text else "") == "\n\n".join(seen.get(name, ()))
