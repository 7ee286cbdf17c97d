"""Answers that cite: when they are checked, by whom, what is kept of it; the answer stands whatever happens."""

import asyncio
import json
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from mcp.types import ToolAnnotations
from support.knowledge_server import LEAVE, TRAVEL, KnowledgeServer, NotThere, passage
from support.models import Part, ScriptedModel, calls
from support.servers import serving
from support.world import Api, World, every, one

from orchestrator.models.port import ModelFailed
from shared.wire.events import (
    CallFinished,
    CitationsChecked,
    Event,
    Outcome,
    TextFinished,
    TurnFinished,
    TurnStarted,
    Usage,
)

SEARCH = ("search__kb_search", '{"query": "leave"}')
SAYS = f"You get 30 days.[^{LEAVE}] Ask your manager."
_LETTERS = str.maketrans("0123456789", "abcdefghij")
REAL: dict[str, Any] = {"openai_base_url": "http://127.0.0.1:9/v1", "steward_model": "real"}


def sentence(text: str, part: str, support: str, *passages: str, by: str = "words") -> Any:
    start = text.index(part)
    return {
        "start": start,
        "end": start + len(part),
        "passages": list(passages or (LEAVE,)),
        "support": support,
        "judged_by": by,
    }


def supported() -> KnowledgeServer:
    said = sentence(SAYS, f"You get 30 days.[^{LEAVE}]", "supported")
    return KnowledgeServer(sentences=[said])


@asynccontextmanager
async def asking(
    world: World,
    server: KnowledgeServer,
    *replies: Sequence[Part],
    own: bool = True,
    **settings: Any,
) -> AsyncGenerator[tuple[Api, ScriptedModel]]:
    model = ScriptedModel([list(reply) for reply in replies])
    async with serving(server.app()) as url:
        servers = {"search": {"url": f"{url}/mcp", "own": own, "origin": "document"}}
        async with world.orchestrator(model, tool_servers=servers, **settings):
            yield world.api(), model


async def answered(
    world: World, server: KnowledgeServer, *replies: Sequence[Part], **settings: Any
) -> list[Event]:
    replies = replies or ([calls(SEARCH)], [SAYS])
    async with asking(world, server, *replies, **settings) as (api, _):
        return await api.answer("How many days of leave do I get?")


async def agreed_to(api: Api, question: str) -> list[Event]:
    """All events of a turn in which a person agrees to whatever is asked."""
    async with api.ask(question) as reader:
        while (event := await reader.next()) is not None:
            if event.kind == "approval_needed":
                await api.decide(event.call_id, "approve")
    return reader.events


async def test_an_answer_that_cites_is_checked_before_its_turn_ends(world: World) -> None:
    server = supported()
    events = await answered(world, server)
    checked = one(events, CitationsChecked)
    assert [event.kind for event in events[-4:]] == [
        "text_finished",
        "usage",
        "citations_checked",
        "turn_finished",
    ]
    assert server.calls[-1] == ("kb_check_citations", {"text": SAYS})
    assert [(one.id, one.page, one.headings) for one in checked.passages] == [
        (LEAVE, 3, ["Leave", "Days"])
    ]
    [said] = checked.sentences
    assert SAYS[said.start : said.end] == f"You get 30 days.[^{LEAVE}]"
    assert (said.support, said.judged_by) == ("supported", "words")
    assert one(events, TurnFinished).outcome is Outcome.ANSWERED


async def test_the_model_is_told_how_to_cite(world: World) -> None:
    async with asking(world, supported(), [calls(SEARCH)], [SAYS]) as (api, model):
        await api.answer("How many days?")
    system = str(model.asked[0][0]["content"])
    assert "`[^id]`" in system
    assert "finds nothing" in system


async def test_our_server_is_told_what_was_asked_where_the_chat_is_kept(world: World) -> None:
    server = supported()
    reply = ([calls(SEARCH)], [SAYS])
    async with asking(world, server, *reply, *reply) as (api, _):
        await api.answer("How many days? " + "x" * 500)
        await api.request("PUT", "/v1/conversations/conversation-2", json={"temporary": True})
        async with api.ask("How many days?", "conversation-2", "client-0002") as reader:
            await reader.rest()
    kept, temporary = server.beside
    assert kept["io.steward/question"] == ("How many days? " + "x" * 500)[:400]
    assert "io.steward/question" not in temporary


@pytest.mark.parametrize(
    ("said", "own", "kind"),
    [
        ("search", True, "web"),
        (["web"], True, "document"),
        ("web", False, "document"),
    ],
)
async def test_what_a_result_of_ours_says_of_its_origin_is_shown_and_never_trusted(
    world: World, said: Any, own: bool, kind: str
) -> None:
    server = KnowledgeServer(says_kind=said)
    web = ("search__web_search", '{"query": "weather"}')
    async with asking(world, server, [calls(web)], ["Fine."], own=own) as (api, _):
        origin = one(await agreed_to(api, "How is the weather?"), CallFinished).origin
    assert origin is not None
    assert (origin.kind, origin.trusted) == (kind, False)


async def test_the_text_is_with_the_reader_before_the_check_ends(world: World) -> None:
    server = supported()
    server.waits = asyncio.Event()
    async with (
        asking(world, server, [calls(SEARCH)], [SAYS]) as (api, _),
        api.ask("How many days?") as reader,
    ):
        assert (await reader.until(TextFinished)).text == SAYS
        await reader.until(Usage)
        async with asyncio.timeout(5):
            await server.began.wait()
        server.waits.set()
        await reader.until(CitationsChecked)
        await reader.rest()


async def test_the_check_is_there_when_a_turn_is_read_again(world: World) -> None:
    async with asking(world, supported(), [calls(SEARCH)], [SAYS]) as (api, _):
        events = await api.answer("How many days?")
        async with api.watch(one(events, TurnStarted).turn_id) as reader:
            again = await reader.rest()
    assert one(again, CitationsChecked) == one(events, CitationsChecked)


async def test_passages_of_an_earlier_question_are_checked_too(world: World) -> None:
    server = supported()
    async with asking(world, server, [calls(SEARCH)], [SAYS], [SAYS]) as (api, _):
        await api.answer("How many days?", "client-0001")
        events = await api.answer("Again, please.", "client-0002")
    assert every(events, CallFinished) == []
    assert len(one(events, CitationsChecked).sentences) == 1
    assert server.asked.count("kb_check_citations") == 2


@pytest.mark.parametrize(
    ("replies", "why"),
    [
        ([[calls(SEARCH)], ["You get 30 days."]], "it cites nothing"),
        ([[calls(SEARCH)], ["You get 30 days.[^1]"]], "its mark cannot be a passage's"),
        ([[SAYS]], "no tool gave passages"),
        (
            [[calls(("search__web_search", '{"query": "leave"}'))], [SAYS]],
            "its tool names no check",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_nothing_is_checked_where_there_is_nothing_to_check(
    world: World, replies: list[list[Part]], why: str
) -> None:
    server = supported()
    events = await answered(world, server, *replies)
    assert every(events, CitationsChecked) == [], why
    assert "kb_check_citations" not in server.asked
    assert one(events, TurnFinished).outcome is Outcome.ANSWERED


@pytest.mark.parametrize(
    ("changes", "settings"),
    [
        ({"hidden": False}, {}),
        ({"reads": ToolAnnotations(read_only_hint=False)}, {}),
        ({"search": ToolAnnotations(read_only_hint=False)}, {}),
        ({}, {"own": False}),
    ],
    ids=[
        "a check that models see",
        "a check that does not only read",
        "a search that does not only read",
        "somebody else's server",
    ],
)
async def test_only_a_hidden_reading_tool_of_our_own_checks(
    world: World, changes: dict[str, Any], settings: dict[str, Any]
) -> None:
    server = supported()
    for name, value in changes.items():
        setattr(server, name, value)
    async with asking(world, server, [calls(SEARCH)], [SAYS], **settings) as (api, _):
        events = await agreed_to(api, "How many days?")
    assert every(events, CitationsChecked) == []
    assert one(events, TurnFinished).outcome is Outcome.ANSWERED
    assert "kb_check_citations" not in server.asked
    is_told = "search" not in changes and settings.get("own", True)
    assert ("io.steward/question" in server.beside[0]) is is_told


async def test_a_rule_that_forbids_the_check_is_heeded(world: World, tmp_path: Path) -> None:
    policy = tmp_path / "policy.toml"
    policy.write_text(
        '[[rule]]\nname = "none"\nverdict = "refuse"\nreason = "No."\n'
        'when.tool = "kb_check_citations"\n'
        '[[rule]]\nname = "rest"\nverdict = "run"\nreason = "Yes."\nwhen.read_only = true\nwhen.own = true\n'
    )
    server = supported()
    events = await answered(world, server, policy_file=policy)
    assert every(events, CitationsChecked) == []
    assert server.asked == ["kb_search"]


@pytest.mark.parametrize(
    "checked",
    [
        {"passages": "none"},
        {"passages": [], "sentences": [{"start": 0}]},
        {"passages": [], "sentences": [{**sentence(SAYS, "You", "supported"), "support": "yes"}]},
        {"passages": [passage(LEAVE, quote="x" * 4_001)], "sentences": []},
    ],
)
async def test_an_answer_stands_when_the_check_makes_no_sense(world: World, checked: Any) -> None:
    server = supported()
    server.checked = checked
    events = await answered(world, server)
    assert every(events, CitationsChecked) == []
    assert one(events, TurnFinished).outcome is Outcome.ANSWERED
    assert one(events, TextFinished).text == SAYS


async def test_an_answer_stands_when_the_check_is_refused(world: World) -> None:
    server = supported()
    async with asking(world, server, [calls(SEARCH)], [SAYS], [SAYS]) as (api, _):
        await api.answer("How many days?", "client-0001")
        server.refuses = NotThere("No.")
        events = await api.answer("Again, please.", "client-0002")
    assert every(events, CitationsChecked) == []
    assert one(events, TurnFinished).outcome is Outcome.ANSWERED


async def test_an_answer_stands_when_the_check_takes_too_long(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("orchestrator.turns.citations.CHECK_TIMEOUT_S", 0.2)
    server = supported()
    server.waits = asyncio.Event()
    events = await answered(world, server)
    assert every(events, CitationsChecked) == []
    assert one(events, TurnFinished).outcome is Outcome.ANSWERED


async def test_a_stop_during_the_check_ends_it_and_keeps_the_answer(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("orchestrator.turns.citations.CHECK_TIMEOUT_S", 60)
    server = supported()
    server.waits = asyncio.Event()
    async with (
        asking(world, server, [calls(SEARCH)], [SAYS]) as (api, _),
        api.ask("How many days?") as reader,
    ):
        started = await reader.until(TurnStarted)
        async with asyncio.timeout(5):
            await server.began.wait()
        await api.stop(started.turn_id)
        events = await reader.rest()
    assert every(events, CitationsChecked) == []
    assert one(events, TextFinished).text == SAYS
    assert one(events, TurnFinished).outcome is Outcome.ANSWERED


async def test_a_replica_that_takes_over_checks_and_does_not_ask_the_model_again(
    world: World,
) -> None:
    server = supported()
    server.waits = asyncio.Event()
    async with serving(server.app()) as url:
        servers = {"search": {"url": f"{url}/mcp", "own": True, "origin": "document"}}
        first = ScriptedModel([[calls(SEARCH)], [SAYS]])
        async with (
            world.orchestrator(first, tool_servers=servers),
            world.api().ask("How many days?") as reader,
        ):
            started = await reader.until(TurnStarted)
            async with asyncio.timeout(5):
                await server.began.wait()
        server.waits.set()
        async with (
            world.orchestrator(ScriptedModel([]), tool_servers=servers),
            world.api().watch(started.turn_id) as reader,
        ):
            events = await reader.rest()
    assert one(events, CitationsChecked).sentences[0].support == "supported"
    assert one(events, TextFinished).text == SAYS
    assert one(events, TurnFinished).outcome is Outcome.ANSWERED


async def test_a_sentence_that_is_not_in_the_answer_is_left_out(world: World) -> None:
    server = supported()
    server.sentences.append({**server.sentences[0], "start": 5, "end": len(SAYS) + 1})
    events = await answered(world, server)
    assert len(one(events, CitationsChecked).sentences) == 1


@pytest.mark.parametrize(("passages", "quote"), [(1, 601), (200, 201)])
async def test_what_documents_say_is_shortened_in_the_event(
    world: World, passages: int, quote: int
) -> None:
    long = {"quote": "x" * 4_000, "title": "t" * 2_000, "headings": ["h" * 2_000] * 19 + ["last"]}
    ids = [LEAVE, *(f"leave{n:05}".translate(_LETTERS) for n in range(1, passages))]
    server = KnowledgeServer(passages=[passage(id_, **long) for id_ in ids])
    event = one(await answered(world, server), CitationsChecked)
    assert len(event.passages) == passages
    shown = event.passages[0]
    assert (len(shown.quote), len(shown.title), shown.headings[-1]) == (quote, 301, "last")
    assert len(event.model_dump_json()) < 400_000


# A second look by the model


def doubtful(count: int = 1) -> tuple[KnowledgeServer, str]:
    """A server that doubts, and the answer that it doubts."""
    parts = [f"Sentence {number}.[^{LEAVE}]" for number in range(count)]
    text = " ".join(parts)
    return KnowledgeServer(sentences=[sentence(text, part, "partly") for part in parts]), text


async def judged(
    world: World, says: str | Exception, count: int = 1
) -> tuple[CitationsChecked, ScriptedModel]:
    server, text = doubtful(count)
    async with asking(world, server, [calls(SEARCH)], [text], [says], **REAL) as (api, model):
        events = await api.answer("How many days?")
    assert one(events, TurnFinished).outcome is Outcome.ANSWERED
    assert len(every(events, Usage)) == 2
    return one(events, CitationsChecked), model


@pytest.mark.parametrize("says", ['{"1": "supported"}', '```json\n{"1": "supported"}\n```'])
async def test_a_real_model_looks_again_at_what_is_doubted(world: World, says: str) -> None:
    checked, model = await judged(world, says)
    assert [(one.support, one.judged_by) for one in checked.sentences] == [("supported", "model")]
    [prompt] = model.asked[-1]
    assert "Every full-time employee has 30 days of paid leave." in str(prompt["content"])
    assert '"Sentence 0."' in str(prompt["content"])
    assert model.tools[-1] == []


@pytest.mark.parametrize(
    "says",
    ["It is supported.", '{"1": "yes"}', '["supported"]', "x" * 3_000, ModelFailed("No.")],
    ids=["prose", "no verdict", "a list", "endless", "a failure"],
)
async def test_the_first_judgement_stays_when_the_model_gives_none(
    world: World, says: str | Exception
) -> None:
    checked, _ = await judged(world, says)
    assert [(one.support, one.judged_by) for one in checked.sentences] == [("partly", "words")]


async def test_the_model_looks_at_ten_sentences_at_most(world: World) -> None:
    verdicts = {str(number): "supported" for number in range(1, 13)}
    checked, model = await judged(world, json.dumps(verdicts), count=12)
    assert [one.judged_by for one in checked.sentences] == ["model"] * 10 + ["words"] * 2
    assert "Sentence 10:" in str(model.asked[-1][0]["content"])
    assert "Sentence 11:" not in str(model.asked[-1][0]["content"])


async def test_what_is_supported_and_what_cannot_be_read_is_not_judged_again(world: World) -> None:
    server = supported()
    server.sentences.append(sentence(SAYS, "Ask your manager.", "not_found", TRAVEL))
    async with asking(world, server, [calls(SEARCH)], [SAYS], **REAL) as (api, model):
        events = await api.answer("How many days?")
    assert len(model.asked) == 2
    assert [one.support for one in one(events, CitationsChecked).sentences] == [
        "supported",
        "not_found",
    ]


@pytest.mark.parametrize(
    "settings", [{}, {**REAL, "judge_citations": False}], ids=["demo model", "switched off"]
)
async def test_no_second_look_by_the_demo_model_or_against_the_setting(
    world: World, settings: dict[str, Any]
) -> None:
    server, text = doubtful()
    async with asking(world, server, [calls(SEARCH)], [text], **settings) as (api, model):
        events = await api.answer("How many days?")
    assert len(model.asked) == 2
    assert one(events, CitationsChecked).sentences[0].judged_by == "words"


# What is kept of it


async def test_an_export_has_sources_as_footnotes(world: World) -> None:
    server = supported()
    server.sentences.append(sentence(SAYS, "Ask your manager.", "not_found"))
    async with asking(world, server, [calls(SEARCH)], [SAYS], [SAYS]) as (api, _):
        await api.answer("How many days?", "client-0001")
        await api.answer("Again, please.", "client-0002")
        path = "/v1/conversations/conversation-1/export"
        markdown = (await api.request("GET", f"{path}?format=markdown")).text
        exported = (await api.request("GET", f"{path}?format=json")).json()
    note = f"[^{LEAVE}]: Holiday handbook, page 3, Leave › Days: “Every full-time employee has"
    assert markdown.count(note) == 1
    assert markdown.rstrip().endswith("30 days of paid leave.”")
    assert "*1 of 2 sentences that cite a source are fully supported by it.*" in markdown
    first = exported["turns"][0]
    assert [one["id"] for one in first["passages"]] == [LEAVE]
    assert [one["support"] for one in first["sentences"]] == ["supported", "not_found"]


async def test_a_shared_page_has_sources_without_their_words(world: World) -> None:
    async with asking(world, supported(), [calls(SEARCH)], [SAYS]) as (api, _):
        await api.answer("How many days?")
        share = await api.request("PUT", "/v1/conversations/conversation-1/share")
        shown = await api.request("GET", f"/v1/shared/{share.json()['token']}")
    question, answer = shown.json()["messages"]
    assert question["passages"] == []
    [source] = answer["passages"]
    assert (source["id"], source["title"], source["page"]) == (LEAVE, "Holiday handbook", 3)
    assert source["quote"] == ""
    assert "30 days of paid leave" not in shown.text
