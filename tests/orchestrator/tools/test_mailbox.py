"""Looking into a person's mailbox: whose, by which tools, what is believed and what is noted of it."""

from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest
from mcp.types import ToolAnnotations
from support.letterbox import ADA, LEE, LINK, Letterbox, TooMany, mail
from support.models import ScriptedModel
from support.own_servers import audit_of, get, with_server
from support.world import Api, World

ACCOUNT = "first-run"
LOOKS = [
    f"/v1/mailbox/folders?account={ACCOUNT}",
    f"/v1/mailbox/mails?account={ACCOUNT}",
    f"/v1/mailbox/mail?account={ACCOUNT}&id=m1",
]


def looking(
    world: World, letterbox: Letterbox, *, own: bool = True, key: str = "email", **settings: Any
) -> AbstractAsyncContextManager[Api]:
    return with_server(world, letterbox.app(), key, "mail", own=own, **settings)


async def test_a_person_finds_their_embedded_mailbox_and_reads_it(world: World) -> None:
    letterbox = Letterbox(kinds={"office": "server", ACCOUNT: "embedded"})
    async with looking(world, letterbox) as api:
        accounts = await get(api, "/v1/mailbox")
        folders, mails, one = [await get(api, path) for path in LOOKS]
    assert accounts == {"accounts": [{"name": ACCOUNT, "address": "first-run@acme.example"}]}
    assert folders["folders"] == [{"name": "INBOX", "role": "inbox", "total": 2, "unread": 1}]
    assert [(it["id"], it["sender"], it["flags"]) for it in mails["mails"]] == [
        ("m2", LEE, []),
        ("m1", LEE, ["seen"]),
    ]
    assert mails["next_cursor"] == "page-2"
    assert one["text"] == "Dear Ada,\n<b>see</b> the link.\n"
    assert (one["to"], one["links"], one["warnings"]) == ([ADA], [LINK], ["lookalike_host"])
    assert one["attachments"] == [{"name": "plan.pdf", "media_type": "application/pdf", "size": 99}]


async def test_what_is_looked_for_reaches_the_servers_search(world: World) -> None:
    letterbox = Letterbox()
    async with looking(world, letterbox) as api:
        path = f"/v1/mailbox/mails?account={ACCOUNT}"
        await get(api, f"{path}&folder=Sent&text=release&unread=true&cursor=page-2")
        await get(api, f"{path}&unread=false")
    expected = {"folder": "Sent", "text": "release", "unread": True, "cursor": "page-2"}
    assert letterbox.calls[1:] == [
        ("search_email", {**expected, "account": ACCOUNT, "limit": 30}),
        ("search_email", {"account": ACCOUNT, "limit": 30}),
    ]


async def test_each_look_is_audited_and_its_words_are_not_told(world: World) -> None:
    async with looking(world, Letterbox()) as api:
        await get(api, "/v1/mailbox")
        assert await audit_of(api) == []
        await get(api, f"{LOOKS[1]}&text=salary")
        await get(api, LOOKS[2])
        read, searched = await audit_of(api)
    assert (read["kind"], searched["kind"]) == ("mailbox_read", "mailbox_read")
    assert (searched["person_id"], searched["turn_id"], searched["call_id"]) == ("ada", None, None)
    assert (read["body"]["tool"], searched["body"]["tool"]) == ("read_email", "search_email")
    assert searched["body"]["account"] == ACCOUNT
    assert "salary" not in str(searched)


async def test_accounts_that_are_not_embedded_are_like_none(world: World) -> None:
    letterbox = Letterbox(kinds={ACCOUNT: "server"})
    async with looking(world, letterbox) as api:
        assert await get(api, "/v1/mailbox") == {"accounts": []}
        answers = [await api.request("GET", path) for path in LOOKS]
        assert await audit_of(api) == []
    assert {it.status_code for it in answers} == {404}
    assert {it.json()["error"]["code"] for it in answers} == {"no_mailbox"}
    assert {tool for tool, _ in letterbox.calls} == {"list_accounts"}


@pytest.mark.parametrize(
    ("letterbox", "options"),
    [
        (Letterbox(), {"own": False}),
        (Letterbox(), {"key": "post"}),
        (Letterbox(reads=ToolAnnotations(read_only_hint=False)), {}),
    ],
    ids=["somebody else's", "under another name", "not only reading"],
)
async def test_only_our_own_mail_servers_reading_tools_are_used(
    world: World, letterbox: Letterbox, options: dict[str, Any]
) -> None:
    async with looking(world, letterbox, **options) as api:
        assert await get(api, "/v1/mailbox") == {"accounts": []}
        statuses = [(await api.request("GET", path)).status_code for path in LOOKS]
    assert statuses == [404, 404, 404]
    assert letterbox.calls == []


async def test_a_changed_tool_is_not_called(world: World) -> None:
    changed = Letterbox(reads=ToolAnnotations(read_only_hint=True, title="Another"))
    async with looking(world, Letterbox()) as api:
        await get(api, "/v1/mailbox")
    async with looking(world, changed) as api:
        answer = await api.request("GET", LOOKS[2])
    assert answer.status_code == 409
    assert changed.calls == []


async def test_a_rule_that_refuses_the_tool_refuses_the_look(world: World, tmp_path: Path) -> None:
    letterbox = Letterbox()
    policy = tmp_path / "policy.toml"
    policy.write_text(
        '[[rule]]\nname = "no_mail"\nverdict = "refuse"\nreason = "Mail is not read here."\n'
        'when.tool = "read_email"\n'
    )
    async with looking(world, letterbox, policy_file=policy) as api:
        assert (await api.request("GET", LOOKS[1])).status_code == 200
        answer = await api.request("GET", LOOKS[2])
    assert answer.status_code == 403
    assert answer.json()["error"]["message"] == "Mail is not read here."
    assert "read_email" not in {tool for tool, _ in letterbox.calls}


async def test_the_servers_refusals_keep_their_words_and_their_kind(world: World) -> None:
    letterbox = Letterbox(refuses=TooMany("More than 60 calls.", retry_after_s=7))
    async with looking(world, letterbox) as api:
        gone = await api.request("GET", f"/v1/mailbox/mail?account={ACCOUNT}&id=m9")
        busy = await api.request("GET", LOOKS[1])
    assert (gone.status_code, gone.json()["error"]["message"]) == (404, "There is no such mail.")
    assert (busy.status_code, busy.headers["retry-after"]) == (429, "7")
    assert "More than 60 calls." in busy.json()["error"]["message"]


@pytest.mark.parametrize(
    "letterbox",
    [Letterbox(garbled=True), Letterbox(mails=[mail("m1", subject="x" * 3_000)])],
    ids=["garbled", "too long"],
)
async def test_an_answer_that_is_none_is_not_shown(world: World, letterbox: Letterbox) -> None:
    async with looking(world, letterbox) as api:
        answer = await api.request("GET", LOOKS[1])
    assert answer.status_code == 502
    assert answer.json()["error"]["message"] == "The mail server's answer cannot be read."


async def test_a_mail_server_that_is_away_is_said_to_be(world: World) -> None:
    servers = {"email": {"url": "http://127.0.0.1:9/mcp", "own": True}}
    async with world.orchestrator(ScriptedModel([]), tool_servers=servers):
        answers = [await world.api().request("GET", path) for path in ("/v1/mailbox", *LOOKS)]
    assert {answer.status_code for answer in answers} == {503}


async def test_a_look_that_means_nothing_is_refused(world: World) -> None:
    letterbox = Letterbox()
    queries = ["", "account=", "account=first-run&text=", f"account=first-run&folder={'x' * 501}"]
    async with looking(world, letterbox) as api:
        answers = [await api.request("GET", f"/v1/mailbox/mails?{it}") for it in queries]
    assert {answer.status_code for answer in answers} == {422}
    assert letterbox.calls == []
