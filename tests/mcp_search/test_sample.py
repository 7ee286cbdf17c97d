"""The sample documents: there for whoever is new, once, and only where they are asked for."""

from pathlib import Path

from support.search import BOB, EVE, of_host, search_desk

from mcp_search.sample.add import COLLECTION, DOCUMENTS


async def test_the_first_question_of_a_tenant_is_answered(tmp_path: Path) -> None:
    async with search_desk(tmp_path, sample=True, person=BOB) as desk:
        for person in (BOB, EVE):
            desk.sits_down(person)
            found = await desk.ask("kb_search", query="How many days of holiday do I get?")
            assert "28 days of holiday" in str(found["passages"])
            documents = (await desk.ask("kb_list_documents", collection=COLLECTION))["documents"]
            assert {one["name"] for one in documents} == set(DOCUMENTS)
            assert {one["state"] for one in documents} == {"ready"}


async def test_what_was_removed_does_not_come_back(tmp_path: Path) -> None:
    async with search_desk(tmp_path, sample=True, person=of_host(EVE)) as desk:
        await desk.ask("kb_search", query="holiday")
        [handbook] = (await desk.ask("kb_collections"))["collections"]
        await desk.ask("kb_remove_collection", collection_id=handbook["id"])
    async with search_desk(tmp_path, sample=True, person=EVE) as desk:
        assert not (await desk.ask("kb_search", query="holiday"))["found"]


async def test_without_the_switch_there_is_nothing(tmp_path: Path) -> None:
    async with search_desk(tmp_path) as desk:
        assert (await desk.ask("kb_list_collections"))["collections"] == []
