"""Who may do what: each person, each thing, each act."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest
from support.taking_in import ADA, BOB, EVE

from mcp_search.config import Limits
from mcp_search.errors import NameTaken, NotThere, NotYours
from mcp_search.knowledge.answers import Answers
from mcp_search.knowledge.library import Library, Upload
from mcp_search.knowledge.model import Collection, Document
from shared.mcp_server import InvalidArguments
from shared.service_tokens import Principal

CARL = Principal("carl", "acme", frozenset({"member"}), name="Carl")
FILE = Upload("a.txt", b"Some words.")


@dataclass(frozen=True, slots=True)
class Things:
    """In acme: a collection for all, one for finance that Bob edits, Bob's own, and a document in each."""

    open: Collection
    finance: Collection
    own: Collection
    in_open: Document
    in_finance: Document
    in_own: Document
    narrowed: Document
    """In `open`, for finance alone."""
    answer: Document
    gap: str


async def things_in(library: Library) -> Things:
    answers = Answers(library)
    opened = await library.make_collection(ADA, "Handbook")
    finance = await library.make_collection(
        ADA, "Finance", access=["role:finance", "role:editor"], editors=["person:bob"]
    )
    own = await library.collection(BOB, "")

    async def add(principal: Principal, collection: str, text: str, *access: str) -> Document:
        upload = Upload("a.txt", text.encode(), collection, access=frozenset(access) or None)
        return (await library.add(principal, upload)).document

    await library.store.note_gap("acme", "Where is the tea?", datetime(2026, 1, 1, tzinfo=UTC))
    [gap] = await answers.gaps(ADA)
    return Things(
        open=opened,
        finance=finance,
        own=own,
        in_open=await add(ADA, opened.id, "one"),
        in_finance=await add(BOB, finance.id, "two"),
        in_own=await add(BOB, "", "three"),
        narrowed=await add(ADA, opened.id, "four", "role:finance", "person:ada"),
        answer=await answers.write(ADA, "Who is Bob?", "A colleague."),
        gap=gap.id,
    )


Act = Callable[[Library, Principal, Things], Awaitable[object]]
ACTS: dict[str, Act] = {
    "add to open": lambda lib, who, it: lib.add(who, Upload("b.txt", b"b", it.open.id)),
    "add to finance": lambda lib, who, it: lib.add(who, Upload("b.txt", b"b", it.finance.id)),
    "add to own": lambda lib, who, it: lib.add(who, Upload("b.txt", b"b", it.own.id)),
    "replace in open": lambda lib, who, it: lib.add(
        who, Upload("b.txt", b"b", document_id=it.in_open.id)
    ),
    "replace in own": lambda lib, who, it: lib.add(
        who, Upload("b.txt", b"b", document_id=it.in_own.id)
    ),
    "see open": lambda lib, who, it: lib.document(who, it.in_open.id),
    "see finance": lambda lib, who, it: lib.document(who, it.in_finance.id),
    "see own": lambda lib, who, it: lib.document(who, it.in_own.id),
    "see narrowed": lambda lib, who, it: lib.document(who, it.narrowed.id),
    "list finance": lambda lib, who, it: lib.documents(who, it.finance.id),
    "list own": lambda lib, who, it: lib.documents(who, it.own.id),
    "download open": lambda lib, who, it: lib.original(who, it.in_open.id),
    "download own": lambda lib, who, it: lib.original(who, it.in_own.id),
    "download narrowed": lambda lib, who, it: lib.original(who, it.narrowed.id),
    "cancel in finance": lambda lib, who, it: lib.cancel(who, it.in_finance.id),
    "cancel in own": lambda lib, who, it: lib.cancel(who, it.in_own.id),
    "remove in open": lambda lib, who, it: lib.remove_document(who, it.in_open.id),
    "remove in finance": lambda lib, who, it: lib.remove_document(who, it.in_finance.id),
    "remove in own": lambda lib, who, it: lib.remove_document(who, it.in_own.id),
    "remove narrowed": lambda lib, who, it: lib.remove_document(who, it.narrowed.id),
    "open narrowed": lambda lib, who, it: lib.change_access(who, it.narrowed.id, []),
    "make": lambda lib, who, _: lib.make_collection(who, "New"),
    "rename open": lambda lib, who, it: lib.change_collection(who, it.open.id, name="Other"),
    "rename finance": lambda lib, who, it: lib.change_collection(who, it.finance.id, name="Other"),
    "rename own": lambda lib, who, it: lib.change_collection(who, it.own.id, name="Other"),
    "remove open": lambda lib, who, it: lib.remove_collection(who, it.open.id),
    "remove own": lambda lib, who, it: lib.remove_collection(who, it.own.id),
    "list gaps": lambda lib, who, _: Answers(lib).gaps(who),
    "dismiss": lambda lib, who, it: Answers(lib).dismiss(who, it.gap),
    "answer": lambda lib, who, it: Answers(lib).write(who, "Tea?", "In the kitchen.", it.gap),
    "edit answer": lambda lib, who, it: Answers(lib).edit(who, it.answer.id, "Bob?", "Nobody."),
    "edit no answer": lambda lib, who, it: Answers(lib).edit(who, it.in_open.id, "Bob?", "No."),
    "remove answer": lambda lib, who, it: lib.remove_document(who, it.answer.id),
}
YES, NO, GONE = None, NotYours, NotThere
#                             Ada    Bob    Carl   Eve: an editor; of finance; neither; of another tenant
EXPECTED: dict[str, tuple[type[Exception] | None, ...]] = {
    "add to open":           (YES,  NO,    NO,    GONE),
    "add to finance":        (YES,  YES,   GONE,  GONE),
    "add to own":            (GONE, YES,   GONE,  GONE),
    "replace in open":       (YES,  NO,    NO,    GONE),
    "replace in own":        (GONE, YES,   GONE,  GONE),
    "see open":              (YES,  YES,   YES,   GONE),
    "see finance":           (YES,  YES,   GONE,  GONE),
    "see own":               (GONE, YES,   GONE,  GONE),
    "see narrowed":          (YES,  YES,   GONE,  GONE),
    "list finance":          (YES,  YES,   GONE,  GONE),
    "list own":              (GONE, YES,   GONE,  GONE),
    "download open":         (YES,  YES,   YES,   GONE),
    "download own":          (GONE, YES,   GONE,  GONE),
    "download narrowed":     (YES,  YES,   GONE,  GONE),
    "cancel in finance":     (YES,  YES,   GONE,  GONE),
    "cancel in own":         (GONE, YES,   GONE,  GONE),
    "remove in open":        (YES,  NO,    NO,    GONE),
    "remove in finance":     (YES,  YES,   GONE,  GONE),
    "remove in own":         (GONE, YES,   GONE,  GONE),
    "remove narrowed":       (YES,  NO,    GONE,  GONE),
    "open narrowed":         (YES,  NO,    GONE,  GONE),
    "make":                  (YES,  NO,    NO,    YES),
    "rename open":           (YES,  NO,    NO,    GONE),
    "rename finance":        (YES,  YES,   GONE,  GONE),
    "rename own":            (GONE, NO,    GONE,  GONE),
    "remove open":           (YES,  NO,    NO,    GONE),
    "remove own":            (GONE, YES,   GONE,  GONE),
    "list gaps":             (YES,  NO,    NO,    YES),
    "dismiss":               (YES,  NO,    NO,    GONE),
    "answer":                (YES,  NO,    NO,    GONE),
    "edit answer":           (YES,  NO,    NO,    GONE),
    "edit no answer":        (GONE, NO,    NO,    GONE),
    "remove answer":         (YES,  NO,    NO,    GONE),
}  # fmt: skip


@pytest.mark.parametrize("act", ACTS)
async def test_who_may(library: Library, act: str) -> None:
    for who, refused in zip((EVE, CARL, BOB, ADA), reversed(EXPECTED[act]), strict=True):
        things = await fresh(library)
        if refused is None:
            await ACTS[act](library, who, things)
        else:
            with pytest.raises(refused):
                await ACTS[act](library, who, things)


async def fresh(library: Library) -> Things:
    """The things anew: whatever the person before did is gone."""
    for principal in (ADA, BOB, EVE):
        for each in await library.collections(principal):
            await library.store.remove_collection(principal.tenant, each.id)
    for gap in await library.store.gaps("acme", "", 10):
        await library.store.settle_gap("acme", gap.id, "open", "")
    library.limits = Limits()
    return await things_in(library)


async def test_another_tenant_sees_nothing_and_its_own_is_not_ours(library: Library) -> None:
    things = await fresh(library)
    assert await library.collections(EVE) == []
    assert await library.documents(EVE) == []
    assert await Answers(library).gaps(EVE) == []
    mine = await library.collection(EVE, "")
    assert mine.tenant == "rival"
    theirs = Principal("bob", "rival", BOB.roles)
    assert (await library.collection(theirs, "")).id != things.own.id
    same_name = await library.make_collection(EVE, "Handbook")
    assert await library.collection(ADA, "Handbook") == await library.collection(
        ADA, things.open.id
    )
    assert same_name.tenant == "rival"


async def test_everybody_has_a_private_collection_of_the_same_name(library: Library) -> None:
    for who in (ADA, BOB, CARL):
        added = await library.add(who, FILE)
        [first, *_] = await library.collections(who)
        assert (first.name, first.access) == ("My documents", {f"person:{who.subject}"})
        assert added.document.collection_id == first.id
        assert (await library.collection(who, "My documents")).id == first.id
        assert [each.id for each in await library.documents(who)] == [added.document.id]


async def test_a_document_narrows_its_collection_and_never_widens_it(library: Library) -> None:
    finance = await library.make_collection(ADA, "Finance", access=["role:finance", "role:editor"])
    for wider in (["everybody", "role:editor"], ["role:member", "role:editor"]):
        with pytest.raises(InvalidArguments, match="more people"):
            await library.add(ADA, Upload("a.txt", b"a", finance.id, access=frozenset(wider)))
    shut_out = frozenset({"role:finance"})
    with pytest.raises(InvalidArguments, match="yourself"):
        await library.add(ADA, Upload("a.txt", b"a", finance.id, access=shut_out))
    carl = frozenset({"person:carl", "person:ada"})
    document = (await library.add(ADA, Upload("a.txt", b"a", finance.id, access=carl))).document
    with pytest.raises(
        NotThere
    ):  # The collection does not let Carl in, whatever the document says.
        await library.document(CARL, document.id)


async def test_a_newer_version_is_for_those_for_whom_the_old_one_was(library: Library) -> None:
    things = await fresh(library)
    await library.add(ADA, Upload("a.txt", b"five", document_id=things.narrowed.id))
    with pytest.raises(NotThere):
        await library.document(CARL, things.narrowed.id)


async def test_equal_files_do_not_tell_of_documents_that_are_hidden(library: Library) -> None:
    things = await fresh(library)
    await library.change_collection(ADA, things.open.id, editors=["person:carl"])
    added = await library.add(CARL, Upload("mine.txt", b"four", things.open.id))
    assert not added.duplicate
    assert added.document.id != things.narrowed.id


async def test_names_that_the_server_uses_are_not_for_people(library: Library) -> None:
    for name in ("answers", "My Documents", "my documents of all", "  ", "\u200b"):
        with pytest.raises(InvalidArguments):
            await library.make_collection(ADA, name)
    await library.make_collection(ADA, "Plans")
    with pytest.raises(NameTaken):
        await library.make_collection(ADA, "plans")
