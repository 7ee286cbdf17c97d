"""The organisation's documents for pages: by which tools, what is passed on, what is believed and what is noted."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.responses import JSONResponse, Response
from support.knowledge_server import DOCUMENT, LEAVE, PDF, PNG, KnowledgeServer, NotThere, NotYours
from support.models import ScriptedModel
from support.own_servers import audit_of, get, with_server
from support.world import Api, World

ROOT = "/v1/knowledge"
UPLOAD = f"{ROOT}/documents?name=plan.pdf"
CHANGES: list[tuple[str, str, Any, str]] = [
    ("POST", "collections", {"name": "Handbook"}, "kb_make_collection"),
    ("PATCH", "collections/c1", {"name": "Other"}, "kb_change_collection"),
    ("DELETE", "collections/c1", None, "kb_remove_collection"),
    ("PATCH", f"documents/{DOCUMENT}", {"access": ["role:hr"]}, "kb_change_document"),
    ("POST", f"documents/{DOCUMENT}/cancel", None, "kb_cancel_document"),
    ("DELETE", f"documents/{DOCUMENT}", None, "kb_remove_document"),
    ("POST", "gaps/g1/answer", {"answer": "Yes."}, "kb_answer_gap"),
    ("PUT", f"answers/{DOCUMENT}", {"question": "Dogs?", "answer": "Yes."}, "kb_change_answer"),
    ("POST", "gaps/g1/dismiss", None, "kb_dismiss_gap"),
]
LISTS = ["collections", "documents", "gaps"]
OPENED = [f"passages/{LEAVE}", f"passages/{LEAVE}/page.png", f"documents/{DOCUMENT}/original"]


def visiting(
    world: World, server: KnowledgeServer, *, own: bool = True, key: str = "search", **settings: Any
) -> AbstractAsyncContextManager[Api]:
    return with_server(world, server.app(), key, "document", own=own, **settings)


async def change(api: Api, method: str, path: str, body: Any) -> httpx.Response:
    options = {} if body is None else {"json": body}
    return await api.request(method, f"{ROOT}/{path}", **options)


async def test_a_person_sees_what_there_is(world: World) -> None:
    server = KnowledgeServer()
    async with visiting(world, server) as api:
        about = await get(api, ROOT)
        collections, documents, gaps = [await get(api, f"{ROOT}/{path}") for path in LISTS]
        opened = await get(api, f"{ROOT}/passages/{LEAVE}")
    assert (about["available"], about["editor"], about["document_bytes"]) == (True, True, 50)
    assert [it["name"] for it in collections["collections"]] == ["Handbook"]
    assert [it["id"] for it in documents["documents"]] == [DOCUMENT]
    assert documents["next_cursor"] == "page-2"
    assert gaps["gaps"][0]["question"] == "May I bring my dog?"
    assert (opened["passage"]["id"], opened["text"], opened["page_image"]) == (
        LEAVE,
        "x" * 300,
        True,
    )


async def test_what_is_looked_for_reaches_the_server(world: World) -> None:
    server = KnowledgeServer()
    async with visiting(world, server) as api:
        await get(
            api, f"{ROOT}/documents?collection_id=c1&document_id=d1&name=hand&cursor=x&limit=7"
        )
        await get(api, f"{ROOT}/documents?collection_id=&name=")
        await get(api, f"{ROOT}/gaps?state=answered")
    wanted = {"collection_id": "c1", "document_id": "d1", "name": "hand", "cursor": "x", "limit": 7}
    assert server.calls == [
        ("kb_documents", wanted),
        ("kb_documents", {"limit": 50}),
        ("kb_gaps", {"state": "answered"}),
    ]


@pytest.mark.parametrize(("method", "path", "body", "tool"), CHANGES)
async def test_a_change_is_made_by_its_tool_and_audited(
    world: World, method: str, path: str, body: Any, tool: str
) -> None:
    server = KnowledgeServer()
    async with visiting(world, server) as api:
        answer = await change(api, method, path, body)
        row, *rest = await audit_of(api)
    assert answer.is_success, answer.text
    [(called, arguments)] = server.calls
    assert called == tool
    assert (body or {}).items() <= arguments.items()
    target = "" if path == "collections" else path.split("/")[1]
    assert target in {"", *map(str, arguments.values())}
    assert (row["kind"], row["person_id"], rest) == ("knowledge_changed", "ada", [])
    assert (row["body"]["tool"], row["body"]["target"]) == (tool, target)


async def test_what_is_opened_is_audited_and_lists_are_not(world: World) -> None:
    async with visiting(world, KnowledgeServer()) as api:
        await get(api, ROOT)
        for path in LISTS:
            await get(api, f"{ROOT}/{path}")
        assert await audit_of(api) == []
        for path in OPENED:
            assert (await api.request("GET", f"{ROOT}/{path}")).status_code == 200
        rows = await audit_of(api)
    assert {row["kind"] for row in rows} == {"knowledge_read"}
    assert [row["body"]["target"] for row in reversed(rows)] == [LEAVE, LEAVE, DOCUMENT]


async def test_an_answers_words_are_not_in_the_audit(world: World) -> None:
    async with visiting(world, KnowledgeServer()) as api:
        await change(api, "POST", "gaps/g1/answer", {"answer": "Only on Fridays."})
        rows = await audit_of(api)
    assert "Fridays" not in str(rows)


# Files


async def test_an_upload_is_passed_on_as_it_comes(world: World) -> None:
    server = KnowledgeServer()
    more = asyncio.Event()

    async def octets() -> AsyncGenerator[bytes]:
        yield b"first"
        async with asyncio.timeout(5):
            await more.wait()
        yield b"second"

    async with visiting(world, server) as api:
        query = f"{UPLOAD}&collection=Handbook&document_id=d1&access=role:hr&access=person:ada"
        sending = asyncio.create_task(api.request("PUT", query, content=octets()))
        async with asyncio.timeout(5):
            await server.began.wait()
        assert b"".join(server.received) == b"first"
        more.set()
        answer = await sending
        [row] = await audit_of(api)
    assert answer.status_code == 202
    assert answer.json()["document"]["state"] == "queued"
    assert b"".join(server.received) == b"firstsecond"
    asked = server.requests[0].query_params
    assert asked["name"] == "plan.pdf"
    assert (asked["collection"], asked["document_id"]) == ("Handbook", "d1")
    assert asked.getlist("access") == ["role:hr", "person:ada"]
    assert (row["body"]["tool"], row["body"]["target"]) == ("kb_upload", "d1")


async def test_an_upload_goes_in_the_persons_name_and_announces_its_length(world: World) -> None:
    server = KnowledgeServer()
    async with visiting(world, server) as api:
        await api.request("PUT", UPLOAD, content=b"x" * 3_000_000)
    [request] = server.requests
    assert request.headers["content-length"] == "3000000"
    assert request.headers["authorization"].startswith("Bearer ")
    assert api.token not in request.headers["authorization"]
    assert sum(map(len, server.received)) == 3_000_000


async def test_an_upload_that_breaks_off_is_cut_off_there_too(world: World) -> None:
    server = KnowledgeServer()

    async def octets() -> AsyncGenerator[bytes]:
        yield b"first"
        async with asyncio.timeout(5):
            await server.began.wait()
        raise ConnectionResetError

    async with visiting(world, server) as api:
        with pytest.raises(ConnectionResetError):
            await api.request("PUT", UPLOAD, content=octets())
        async with asyncio.timeout(5):
            await server.cut_off.wait()


@pytest.mark.parametrize(
    ("answer", "status", "code"),
    [
        ((413, "limit_exceeded"), 413, "limit_exceeded"),
        ((415, "unsupported_type"), 415, "unsupported_type"),
        ((404, "not_found"), 404, "not_found"),
        ((403, "permission_denied"), 403, "not_allowed"),
        ((409, "conflict"), 409, "conflict"),
        ((422, "unreadable_document"), 422, "invalid_input"),
        ((503, "upstream_unavailable"), 503, "unavailable"),
        ((400, "something_else"), 502, "upstream_failed"),
        ((401, "not_signed_in"), 502, "tool_server_refused_sign_in"),
    ],
)
async def test_a_refused_file_keeps_the_servers_words(
    world: World, answer: tuple[int, str], status: int, code: str
) -> None:
    server = KnowledgeServer()
    body = {"code": answer[1], "message": "Not like this.", "hint": "Split it."}
    server.answers_files = JSONResponse(body, answer[0])
    async with visiting(world, server) as api:
        answers = [
            await api.request("PUT", UPLOAD, content=b"x"),
            await api.request("GET", f"{ROOT}/{OPENED[2]}"),
        ]
    assert {it.status_code for it in answers} == {status}
    assert {it.json()["error"]["code"] for it in answers} == {code}
    if status != 502 or code == "upstream_failed":
        assert {it.json()["error"]["message"] for it in answers} == {"Not like this. Split it."}


async def test_too_many_uploads_are_told_when_to_try_again(world: World) -> None:
    server = KnowledgeServer()
    body = {"code": "rate_limited", "message": "Enough for today."}
    server.answers_files = JSONResponse(body, 429, headers={"Retry-After": "60"})
    async with visiting(world, server) as api:
        answer = await api.request("PUT", UPLOAD, content=b"x")
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "60")


@pytest.mark.parametrize(
    "answer", [Response("<h1>oops</h1>", 500), Response("x" * 100_000, 500), JSONResponse({}, 202)]
)
async def test_an_answer_to_an_upload_that_is_none_is_not_shown(
    world: World, answer: Response
) -> None:
    server = KnowledgeServer(answers_files=answer)
    async with visiting(world, server) as api:
        told = await api.request("PUT", UPLOAD, content=b"x")
    assert told.status_code == 502
    assert "oops" not in told.text
    assert len(told.content) < 1_000


async def test_a_file_comes_whole_and_can_only_be_saved(world: World) -> None:
    async with visiting(world, KnowledgeServer()) as api:
        answer = await api.request("GET", f"{ROOT}/{OPENED[2]}")
    assert answer.content == PDF
    assert answer.headers["content-disposition"] == "attachment"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in answer.headers["content-security-policy"]
    assert "no-store" in answer.headers["cache-control"]


async def test_a_page_is_a_picture_or_nothing(world: World) -> None:
    server = KnowledgeServer()
    async with visiting(world, server) as api:
        picture = await api.request("GET", f"{ROOT}/{OPENED[1]}")
        server.answers_files = Response("<script>", media_type="text/html")
        other = await api.request("GET", f"{ROOT}/{OPENED[1]}")
    assert (picture.content, picture.headers["content-type"]) == (PNG, "image/png")
    assert other.status_code == 502
    assert "script" not in other.text


# Who, and by which rules


@pytest.mark.parametrize(
    "options", [{"own": False}, {"key": "find"}], ids=["somebody else's", "under another name"]
)
async def test_only_our_own_search_server_is_a_knowledge_base(
    world: World, options: dict[str, Any]
) -> None:
    server = KnowledgeServer()
    async with visiting(world, server, **options) as api:
        assert (await get(api, ROOT))["available"] is False
        answers = [await api.request("GET", f"{ROOT}/{path}") for path in (*LISTS, *OPENED)]
        answers += [await change(api, method, path, body) for method, path, body, _ in CHANGES]
        answers.append(await api.request("PUT", UPLOAD, content=b"x"))
    assert {answer.status_code for answer in answers} == {404}
    assert {answer.json()["error"]["code"] for answer in answers} == {"no_knowledge"}
    assert (server.calls, server.requests) == ([], [])


async def test_a_server_without_documents_is_no_knowledge_base(world: World) -> None:
    async with visiting(world, KnowledgeServer(has_knowledge=False)) as api:
        assert (await get(api, ROOT))["available"] is False


async def test_a_knowledge_base_that_is_away_is_said_to_be(world: World) -> None:
    servers = {"search": {"url": "http://127.0.0.1:9/mcp", "own": True}}
    async with world.orchestrator(ScriptedModel([]), tool_servers=servers):
        answers = [await world.api().request("GET", path) for path in (ROOT, f"{ROOT}/{OPENED[0]}")]
    assert {answer.status_code for answer in answers} == {503}


async def test_what_is_unknown_foreign_or_no_id_at_all_reads_the_same(world: World) -> None:
    server = KnowledgeServer()
    async with visiting(world, server) as api:
        paths = ["passages/other22222", "passages/NO-ID", "passages/NO-ID/page.png"]
        answers = [await api.request("GET", f"{ROOT}/{path}") for path in paths]
        file = await api.request("GET", f"{ROOT}/documents/..%2F..%2Fmcp/original")
        unknown = await api.request("GET", f"{ROOT}/documents/unknown/original")
    assert len({answer.text for answer in answers}) == 1
    assert {it.status_code for it in (*answers, file, unknown)} == {404}


async def test_a_rule_that_refuses_a_tool_refuses_what_it_stands_for(
    world: World, tmp_path: Path
) -> None:
    policy = tmp_path / "policy.toml"
    rules = [
        f'[[rule]]\nname = "no_{tool}"\nverdict = "refuse"\nreason = "Not here."\nwhen.tool = "{tool}"\n'
        for tool in ("kb_upload", "kb_open_passage", "kb_remove_document")
    ]
    policy.write_text("".join(rules))
    server = KnowledgeServer()
    async with visiting(world, server, policy_file=policy) as api:
        answers = [await api.request("GET", f"{ROOT}/{path}") for path in OPENED]
        answers.append(await api.request("PUT", UPLOAD, content=b"x"))
        answers.append(await api.request("DELETE", f"{ROOT}/documents/{DOCUMENT}"))
        assert (await api.request("POST", f"{ROOT}/gaps/g1/dismiss")).status_code == 204
        rows = await audit_of(api)
    assert {answer.status_code for answer in answers} == {403}
    assert {answer.json()["error"]["message"] for answer in answers} == {"Not here."}
    assert server.asked == ["kb_dismiss_gap"]
    assert server.requests == []
    assert len(rows) == 1


@pytest.mark.parametrize(
    ("problem", "status"), [(NotThere("Gone."), 404), (NotYours("Not yours."), 403)]
)
async def test_the_servers_refusals_keep_their_words_and_their_kind(
    world: World, problem: Any, status: int
) -> None:
    server = KnowledgeServer(refuses=problem)
    async with visiting(world, server) as api:
        answers = [await change(api, method, path, body) for method, path, body, _ in CHANGES]
    assert {answer.status_code for answer in answers} == {status}
    assert {answer.json()["error"]["message"] for answer in answers} == {problem.message}


async def test_wishes_that_mean_nothing_go_nowhere(world: World) -> None:
    server = KnowledgeServer()
    wrong: list[tuple[str, str, Any]] = [
        ("POST", "collections", {"name": ""}),
        ("POST", "collections", {"name": "x" * 201}),
        ("POST", "collections", {"name": "x", "owner": "me"}),
        ("PATCH", f"documents/{DOCUMENT}", {}),
        ("PATCH", f"documents/{DOCUMENT}", {"access": ["x"] * 51}),
        ("POST", "gaps/g1/answer", {"answer": ""}),
        ("POST", "gaps/g1/answer", {"answer": "x" * 20_001}),
        ("GET", "gaps?state=all", None),
        ("GET", "documents?limit=0", None),
        ("PUT", "documents", None),
    ]
    async with visiting(world, server) as api:
        answers = [await change(api, method, path, body) for method, path, body in wrong]
    assert [answer.status_code for answer in answers] == [422] * len(wrong)
    assert (server.calls, server.requests) == ([], [])


async def test_nobody_without_a_token(world: World) -> None:
    async with visiting(world, KnowledgeServer()) as api:
        anonymous = Api(api.url, "none", api.http)
        answers = [await anonymous.request("GET", f"{ROOT}/{path}") for path in (*LISTS, *OPENED)]
        answers.append(await anonymous.request("PUT", UPLOAD, content=b"x"))
    assert {answer.status_code for answer in answers} == {401}
