"""Tool servers that ask people, over real HTTP: this protocol version's, which wait for nothing, and the one before."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager

import httpx2
import pytest
from mcp.types import (
    CallToolResult,
    ElicitRequestParams,
    ElicitResult,
    InputRequiredResult,
    TextContent,
)
from pydantic import JsonValue
from support.asker import LAST, NOW, OLD, SIGN_IN_URL, Asker
from support.servers import serving

from orchestrator.tools import host
from orchestrator.tools.elicitation import (
    InputQuestion,
    QuestionRefused,
    elicit_result,
    question_of,
    questions_of,
)
from orchestrator.tools.host import (
    CallRefused,
    CallTimedOut,
    McpServer,
    OnElicit,
    ToolAnswer,
    new_pool,
)
from shared.wire.events import InputAction, Origin

ADA = "acme/ada"
TOKEN = "token"
WAIT_S = 5.0
BOB = {"to": "bob"}
ORIGIN = Origin(kind="tool", server="asker", trusted=False)
Answer = tuple[InputAction, Mapping[str, JsonValue] | None]


@asynccontextmanager
async def host_for(
    asker: Asker, *, speaks: str = NOW, stateless: bool = False, call_timeout_s: float = WAIT_S
) -> AsyncGenerator[McpServer]:
    """A host that knows nothing yet, and a server just started."""
    app = asker.app(speaks=speaks, stateless=stateless)
    async with serving(app) as url, new_pool() as pool:
        yield McpServer(
            "asker", f"{url}/mcp", speaks == NOW, pool, call_timeout_s, ORIGIN, f"{url}/mcp"
        )


def answering(
    action: InputAction,
    content: Mapping[str, JsonValue] | None = None,
    *,
    asked: list[InputQuestion] | None = None,
    first: Callable[[], Awaitable[object]] | None = None,
) -> OnElicit:
    """A person who does the same with every question, after doing something else `first`."""

    async def answer(params: ElicitRequestParams) -> ElicitResult:
        question = question_of(params)
        if asked is not None:
            asked.append(question)
        if first is not None:
            await first()
        return elicit_result(question.mode, action, content)

    return answer


async def not_asked(_: ElicitRequestParams) -> ElicitResult:
    raise AssertionError("a server of 2026-07-28 asks in its answer")


async def ask(server: McpServer, tool: str, arguments: Mapping[str, str]) -> InputRequiredResult:
    asked = await server.call(ADA, TOKEN, tool, arguments, on_elicit=not_asked)
    assert isinstance(asked, InputRequiredResult)
    return asked


async def go_on(
    server: McpServer,
    tool: str,
    arguments: Mapping[str, str],
    asked: InputRequiredResult,
    answer: Answer,
) -> ToolAnswer:
    action, content = answer
    return await server.call(
        ADA,
        TOKEN,
        tool,
        arguments,
        on_elicit=not_asked,
        input_responses={
            q.key: elicit_result(q.mode, action, content) for q in questions_of(asked)
        },
        request_state=asked.request_state,
    )


def said(answer: ToolAnswer) -> str:
    assert isinstance(answer, CallToolResult)
    (content,) = answer.content
    assert isinstance(content, TextContent)
    return content.text


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        ((InputAction.ACCEPT, {"send": True, "copies": 2}), "Sent 2 to bob, plain."),
        ((InputAction.DECLINE, None), "Not sent: decline."),
        ((InputAction.CANCEL, None), "Not sent: cancel."),
    ],
)
async def test_a_form_is_answered_after_host_and_server_have_restarted(
    answer: Answer, outcome: str
) -> None:
    async with host_for(Asker()) as server:
        asked = await ask(server, "send_mail", BOB)
    stored = asked.model_dump_json(by_alias=True)

    async with host_for(Asker()) as server:
        restored = InputRequiredResult.model_validate_json(stored)
        (question,) = questions_of(restored)
        assert question.message == "Send the message to bob?"
        assert said(await go_on(server, "send_mail", BOB, restored, answer)) == outcome


async def test_an_answer_counts_for_the_call_that_asked_only() -> None:
    async with host_for(Asker()) as server:
        asked = await ask(server, "send_mail", BOB)
        with pytest.raises(CallRefused, match="requestState"):
            await go_on(server, "send_mail", {"to": "eve"}, asked, (InputAction.ACCEPT, {}))


async def test_a_server_of_now_sends_somebody_to_an_address() -> None:
    async with host_for(Asker()) as server:
        asked = await ask(server, "sign_in", {})
        (question,) = questions_of(asked)
        outcome = said(await go_on(server, "sign_in", {}, asked, (InputAction.ACCEPT, None)))
    assert (question.mode, question.url, question.domain) == (
        "url",
        SIGN_IN_URL,
        "accounts.example",
    )
    assert outcome == "Signed in: accept."


async def test_a_question_for_the_hosts_model_is_refused_by_name() -> None:
    async with host_for(Asker()) as server:
        asked = await ask(server, "think", {})
    with pytest.raises(QuestionRefused, match="a model, which tools here do not get"):
        questions_of(asked)


async def test_an_older_servers_question_for_the_hosts_model_is_refused() -> None:
    async with host_for(Asker(), speaks=LAST) as server:
        with pytest.raises(CallRefused, match="Sampling not supported"):
            await server.call(ADA, TOKEN, "think", {}, on_elicit=answering(InputAction.ACCEPT))


async def test_a_form_that_the_protocol_does_not_know_is_refused() -> None:
    async with host_for(Asker()) as server:
        asked = await ask(server, "ask_oddly", {})
    with pytest.raises(QuestionRefused, match="not one that the protocol allows"):
        questions_of(asked)


@pytest.mark.parametrize("speaks", [NOW, LAST, OLD])
async def test_a_server_is_not_told_that_it_may_ask_when_nobody_answers(speaks: str) -> None:
    async with host_for(Asker(), speaks=speaks) as server:
        with pytest.raises(CallRefused, match="elicitation"):
            await server.call(ADA, TOKEN, "send_mail", BOB)


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (answering(InputAction.ACCEPT, {"send": True, "tone": "warm"}), "Sent 1 to bob, warm."),
        (answering(InputAction.DECLINE), "Not sent: decline."),
        (answering(InputAction.CANCEL), "Not sent: cancel."),
    ],
)
async def test_an_older_server_asks_during_the_call(answer: OnElicit, outcome: str) -> None:
    async with host_for(Asker(), speaks=LAST) as server:
        assert said(await server.call(ADA, TOKEN, "send_mail", BOB, on_elicit=answer)) == outcome


async def test_an_older_server_sends_somebody_to_an_address() -> None:
    asked: list[InputQuestion] = []
    async with host_for(Asker(), speaks=LAST) as server:
        answer = answering(InputAction.ACCEPT, asked=asked)
        outcome = said(await server.call(ADA, TOKEN, "sign_in", {}, on_elicit=answer))
    assert [question.url for question in asked] == [SIGN_IN_URL]
    assert outcome == "Signed in: accept."


async def test_a_server_of_the_time_before_addresses_may_not_send_anybody_there() -> None:
    asked: list[InputQuestion] = []
    async with host_for(Asker(), speaks=OLD) as server:
        answer = answering(InputAction.ACCEPT, {}, asked=asked)
        with pytest.raises(CallRefused, match="2025-06-18 asks to open an address"):
            await server.call(ADA, TOKEN, "sign_in", {}, on_elicit=answer)
        outcome = said(await server.call(ADA, TOKEN, "send_mail", BOB, on_elicit=answer))
    assert [question.mode for question in asked] == ["form"]
    assert outcome == "Sent 1 to bob, plain."


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (QuestionRefused("That is nobody's business."), "That is nobody's business."),
        (RuntimeError("secret-connection-string"), "The question could not be answered."),
    ],
)
async def test_an_older_server_hears_why_it_gets_no_answer(error: Exception, told: str) -> None:
    async def fail(_: ElicitRequestParams) -> ElicitResult:
        raise error

    async with host_for(Asker(), speaks=LAST) as server:
        with pytest.raises(CallRefused, match=f": {told}"):
            await server.call(ADA, TOKEN, "send_mail", BOB, on_elicit=fail)


async def test_a_persons_time_to_think_does_not_count_and_the_servers_does(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    limit_s = 0.5
    monkeypatch.setattr(host, "HTTP_TIMEOUT", httpx2.Timeout(limit_s))
    asker = Asker()

    async def think() -> None:
        await asyncio.sleep(2 * limit_s)  # longer than the limit is what this is about

    answer = answering(InputAction.ACCEPT, {}, first=think)
    async with host_for(asker, speaks=LAST, call_timeout_s=limit_s) as server:
        outcome = said(await server.call(ADA, TOKEN, "send_mail", BOB, on_elicit=answer))
        assert outcome == "Sent 1 to bob, plain."
        with pytest.raises(CallTimedOut):
            await server.call(ADA, TOKEN, "ask_and_work", BOB, on_elicit=answer)
        await asyncio.wait_for(asker.cancelled.wait(), WAIT_S)


async def test_each_request_takes_a_new_token_when_one_is_made_for_it() -> None:
    made: list[str] = []

    def make() -> str:
        made.append(f"token-{len(made)}")
        return made[-1]

    before: list[int] = []

    async def note() -> None:
        before.append(len(made))

    async with host_for(Asker(), speaks=LAST) as server:
        answer = answering(InputAction.ACCEPT, {}, first=note)
        await server.call(ADA, make, "send_mail", BOB, on_elicit=answer)
    assert len(made) > before[0]


@pytest.mark.parametrize(("speaks", "stateless"), [(NOW, False), (LAST, False), (LAST, True)])
async def test_a_cancelled_call_is_cancelled_on_the_server(speaks: str, *, stateless: bool) -> None:
    asker = Asker()
    async with host_for(asker, speaks=speaks, stateless=stateless) as server:
        call = asyncio.create_task(server.call(ADA, TOKEN, "work", {}, on_elicit=not_asked))
        await asyncio.wait_for(asker.working.wait(), WAIT_S)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        await asyncio.wait_for(asker.cancelled.wait(), WAIT_S)


async def test_a_question_ends_with_the_call_that_asked_it() -> None:
    thinking, gave_up = asyncio.Event(), asyncio.Event()

    async def think() -> None:
        thinking.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            gave_up.set()
            raise

    async with host_for(Asker(), speaks=LAST) as server:
        answer = answering(InputAction.ACCEPT, {}, first=think)
        call = asyncio.create_task(server.call(ADA, TOKEN, "send_mail", BOB, on_elicit=answer))
        await asyncio.wait_for(thinking.wait(), WAIT_S)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        await asyncio.wait_for(gave_up.wait(), WAIT_S)
