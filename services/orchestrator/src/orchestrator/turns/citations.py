"""Has an answer that cites held against what it cites: by the server whose passages those are, and by the model."""

import asyncio
import re
from collections.abc import Sequence

import structlog
from pydantic import JsonValue, ValidationError

from orchestrator.tools.calls import without_question
from orchestrator.tools.catalogue import Catalogue, CatalogueTool, Toolbox, partition
from orchestrator.turns.citation_judge import judge_again
from orchestrator.turns.facts import TurnFacts
from orchestrator.turns.metrics import sentences_checked
from orchestrator.turns.work import TurnWork
from shared.errors import ExpectedError, UpstreamFailed
from shared.service_tokens import Principal
from shared.wire.events import CallState, CitationsChecked, Verdict
from shared.wire.knowledge import MARK, CitationsJudged, PassageShown

CHECK_TIMEOUT_S = 5.0
SHOWN_QUOTE = 600
"""Characters of a passage that the event keeps; the whole of it is opened when somebody looks."""
SHOWN_QUOTES = 40_000
"""Characters of all of them together."""
SHOWN_LINE = 300
"""Characters of a title, a name, a heading."""
SHOWN_HEADINGS = 3

_MARK = re.compile(MARK)

log = structlog.get_logger()


def is_to_be_checked(facts: TurnFacts) -> bool:
    """The answer is complete, cites, and was not checked before (by a replica that died since)."""
    return facts.citations is None and bool(_MARK.search(_last_text(facts)))


async def check_citations(work: TurnWork) -> None:
    """Note what the check says. Whatever goes wrong with it, the answer stands, without a judgement."""
    text = _last_text(work.facts)
    try:
        async with asyncio.timeout(CHECK_TIMEOUT_S):
            judged = await _judged_by_server(work, text)
    except (ExpectedError, TimeoutError) as error:
        log.warning("citations_not_checked", code=getattr(error, "code", "timed_out"))
        return
    if judged is None:
        return
    if work.parts.settings.judges_citations:
        judged = await judge_again(work.parts.model, text, judged)
    for sentence in judged.sentences:
        sentences_checked.labels(support=sentence.support, judged_by=sentence.judged_by).inc()
    work.writer.add(
        CitationsChecked(
            n=(n := work.writer.number),
            first=n,
            passages=_as_shown(judged.passages),
            sentences=judged.sentences,
        )
    )


def _last_text(facts: TurnFacts) -> str:
    return facts.replies[-1].text if facts.replies else ""


def _as_shown(passages: Sequence[PassageShown]) -> list[PassageShown]:
    """An event goes to every open page and stays in the log: of what documents say it keeps no more than is shown."""
    quote = min(SHOWN_QUOTE, SHOWN_QUOTES // max(1, len(passages)))
    return [
        passage.model_copy(
            update={
                "title": _cut(passage.title, SHOWN_LINE),
                "name": _cut(passage.name, SHOWN_LINE),
                "headings": [_cut(one, SHOWN_LINE) for one in passage.headings[-SHOWN_HEADINGS:]],
                "quote": _cut(passage.quote, quote),
            }
        )
        for passage in passages
    ]


def _cut(text: str, characters: int) -> str:
    return text if len(text) <= characters else f"{text[:characters]}…"


async def _judged_by_server(work: TurnWork, text: str) -> CitationsJudged | None:
    """None: no passages were given, or nobody may or can check them."""
    catalogue, person = work.parts.catalogue, work.principal
    turns = [*await work.read_earlier(), work.facts]
    companion = _companion(await catalogue.toolbox(person), turns)
    if companion is None:
        return None
    if work.judge_again(companion, {"text": text}).verdict is not Verdict.RUN:
        log.info("citations_not_checked", code="policy")
        return None
    return await _ask(catalogue, companion, person, text)


def _companion(toolbox: Toolbox, turns: Sequence[TurnFacts]) -> CatalogueTool | None:
    """That of the tool which last gave passages in the conversation, in the definition that was accepted."""
    for turn in reversed(turns):
        for call in reversed(turn.calls.values()):
            if call.finished is None or call.finished.state is not CallState.SUCCEEDED:
                continue
            tool = toolbox.find(call.proposed.server, call.proposed.tool)
            if tool is None or tool.is_changed or tool.citations_tool is None:
                continue
            companion = toolbox.find(call.proposed.server, tool.citations_tool)
            if companion and companion.is_hidden and companion.reads_only:
                return None if companion.is_changed else companion
    return None


async def _ask(
    catalogue: Catalogue, companion: CatalogueTool, person: Principal, text: str
) -> CitationsJudged:
    arguments: dict[str, JsonValue] = {"text": text}
    server = companion.server
    answer = without_question(
        await server.call(
            partition(person),
            catalogue.token_for(companion, person),
            companion.tool.name,
            arguments,
            timeout_s=CHECK_TIMEOUT_S,
        )
    )
    if answer.is_error:
        raise UpstreamFailed("The server did not check the citations.")
    try:
        judged = CitationsJudged.model_validate(answer.structured_content)
    except ValidationError:
        raise UpstreamFailed("The server's check of the citations cannot be read.") from None
    inside = [one for one in judged.sentences if one.start < one.end <= len(text)]
    return judged.model_copy(update={"sentences": inside})
