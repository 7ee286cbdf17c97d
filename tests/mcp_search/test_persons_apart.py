"""Nobody hears of what is not theirs: each tool that takes an id or a name, for another person and another tenant."""

from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest
from support.search import ADA, BOB, EVE, Desk, of_host, search_desk
from support.tool_calls import in_one_task, said

from shared.service_tokens import Principal

SECRET = "The vault opens with heron."
BY_ID: dict[str, dict[str, Any]] = {
    "kb_read": {"document_id": "DOCUMENT"},
    "kb_job_status": {"job_id": "DOCUMENT.1"},
    "kb_delete_document": {"document_id": "DOCUMENT"},
    "preview_kb_delete_document": {"document_id": "DOCUMENT"},
    "kb_open_passage": {"passage_id": "PASSAGE"},
    "kb_documents": {"document_id": "DOCUMENT"},
    "kb_change_document": {"document_id": "DOCUMENT", "access": []},
    "kb_cancel_document": {"document_id": "DOCUMENT"},
    "kb_remove_document": {"document_id": "DOCUMENT"},
    "kb_list_documents": {"collection": "COLLECTION"},
    "kb_upload": {"collection": "COLLECTION", "name": "a.md", "content_base64": "YQ=="},
    "preview_kb_upload": {"collection": "COLLECTION", "name": "a.md", "content_base64": "YQ=="},
    "kb_change_collection": {"collection_id": "COLLECTION", "name": "Mine"},
    "kb_remove_collection": {"collection_id": "COLLECTION"},
}
FOR_EDITORS: dict[str, dict[str, Any]] = {
    "kb_answer_gap": {"gap_id": "GAP", "answer": "Nobody."},
    "kb_change_answer": {"document_id": "DOCUMENT", "question": "Otters?", "answer": "Nobody."},
    "kb_dismiss_gap": {"gap_id": "GAP"},
}


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncGenerator[Desk]:
    async with in_one_task(search_desk(tmp_path, person=of_host(ADA))) as opened:
        yield opened


async def placed(desk: Desk) -> dict[str, str]:
    """Ada's own document, and a question of hers that it does not answer."""
    document = await desk.adds("vault.md", SECRET)
    [passage] = (await desk.ask("kb_search", query="vault heron"))["passages"]
    await desk.ask("kb_search", query="Who feeds the otters?")
    [gap] = (await desk.ask("kb_gaps"))["gaps"]
    [shown] = (await desk.ask("kb_documents"))["documents"]
    return {
        "DOCUMENT": document,
        "PASSAGE": passage["id"],
        "COLLECTION": shown["collection_id"],
        "GAP": gap["id"],
    }


def filled(arguments: dict[str, Any], ids: dict[str, str]) -> dict[str, Any]:
    told = dict(arguments)
    for name, value in told.items():
        for mark, identity in ids.items():
            if isinstance(value, str) and mark in value:
                told[name] = value.replace(mark, identity)
    return told


@pytest.mark.parametrize("person", [BOB, EVE], ids=["another person", "another tenant"])
async def test_what_is_not_theirs_reads_as_if_it_were_not_there(
    desk: Desk, person: Principal
) -> None:
    ids = await placed(desk)
    nothing = {mark: identity[::-1] for mark, identity in ids.items()}
    desk.sits_down(of_host(person))
    for tool, arguments in BY_ID.items():
        foreign = await desk.refused(tool, **filled(arguments, ids))
        absent = await desk.refused(tool, **filled(arguments, nothing))
        assert foreign == absent, tool
        assert foreign["code"] == "not_found", tool
    for query in ("vault heron", SECRET):
        result = await desk.call("kb_search", {"query": query})
        assert "heron." not in said(result).replace(query, "")
    assert (await desk.ask("kb_list_documents"))["documents"] == []
    assert (await desk.ask("kb_documents", name="vault"))["documents"] == []
    checked = await desk.ask("kb_check_citations", text=f"{SECRET}[^{ids['PASSAGE']}]")
    assert checked["passages"] == []
    assert [one["support"] for one in checked["sentences"]] == ["not_found"]
    desk.sits_down(of_host(ADA))
    assert (await desk.ask("kb_read", document_id=ids["DOCUMENT"]))["text"] == SECRET


async def test_questions_of_others_are_for_editors_of_the_tenant(desk: Desk) -> None:
    ids = await placed(desk)
    desk.sits_down(of_host(BOB))
    assert (await desk.refused("kb_gaps"))["code"] == "permission_denied"
    for tool, arguments in FOR_EDITORS.items():
        assert (await desk.refused(tool, **filled(arguments, ids)))["code"] == "permission_denied"
    desk.sits_down(of_host(EVE))
    assert (await desk.ask("kb_gaps"))["gaps"] == []
    for tool, arguments in FOR_EDITORS.items():
        assert (await desk.refused(tool, **filled(arguments, ids)))["code"] == "not_found"


async def test_pages_tools_change_something_only_for_a_host_that_asks(desk: Desk) -> None:
    ids = await placed(desk)
    desk.sits_down(ADA)
    changing = {
        **FOR_EDITORS,
        "kb_make_collection": {"name": "Mine"},
        **{
            tool: BY_ID[tool]
            for tool in (
                "kb_change_document", "kb_cancel_document", "kb_remove_document", "kb_change_collection",
                "kb_remove_collection",
            )
        },
    }  # fmt: skip
    for tool, arguments in changing.items():
        refused = await desk.refused(tool, **filled(arguments, ids))
        assert refused["code"] == "confirmation_required", tool
    assert (await desk.ask("kb_list_documents"))["row_count"] == 1


async def test_without_a_host_that_asks_there_are_no_tools_for_pages(tmp_path: Path) -> None:
    async with search_desk(tmp_path, confirming_issuers=[]) as desk:
        names = {tool.name for tool in (await desk.client.list_tools()).tools}
    assert "kb_check_citations" in names
    assert not {"kb_remove_document", "kb_gaps", "kb_about"} & names


async def test_an_editor_answers_a_question_and_it_is_found_first(desk: Desk) -> None:
    ids = await placed(desk)
    answered = await desk.ask(
        "kb_answer_gap", gap_id=ids["GAP"], answer="Marina feeds the otters at noon."
    )
    await desk.settled(f"{answered['id']}.1")
    desk.sits_down(BOB)
    found = await desk.ask("kb_search", query="Who feeds the otters?")
    assert found["passages"][0]["curated"]
    assert "Marina" in "".join(one["quote"] for one in found["passages"])


async def test_an_answer_is_changed_and_its_question_opened_again_without_it(desk: Desk) -> None:
    ids = await placed(desk)
    answer = await desk.ask("kb_answer_gap", gap_id=ids["GAP"], answer="Marina feeds the otters.")
    await desk.settled(f"{answer['id']}.1")
    refused = await desk.refused(
        "kb_change_answer", document_id=ids["DOCUMENT"], question="Otters?", answer="Nobody."
    )
    assert refused["code"] == "not_found"
    changed = await desk.ask(
        "kb_change_answer",
        document_id=answer["id"],
        question="Who feeds the otters at noon?",
        answer="Luca feeds the otters.",
    )
    assert changed["id"] == answer["id"]
    await desk.settled(f"{answer['id']}.2")
    found = await desk.ask("kb_search", query="Who feeds the otters?")
    quotes = "".join(one["quote"] for one in found["passages"])
    assert "Luca" in quotes
    assert "Marina" not in quotes
    await desk.ask("kb_remove_document", document_id=answer["id"])
    assert [gap["id"] for gap in (await desk.ask("kb_gaps"))["gaps"]] == [ids["GAP"]]
