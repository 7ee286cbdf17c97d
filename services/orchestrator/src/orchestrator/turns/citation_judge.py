"""A second look at sentences that seem not to be supported by what they cite: the model reads both and says."""

import asyncio
import re
from collections.abc import Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Annotated

import structlog
from pydantic import Field, TypeAdapter, ValidationError

from orchestrator.models.port import Model, ReplyEnd
from orchestrator.turns.context import citations_prompt
from shared.errors import ExpectedError
from shared.wire.knowledge import MARK, CitationsJudged, SentenceChecked, Support

JUDGE_TIMEOUT_S = 15.0
MAX_JUDGED = 10
"""Sentences of one answer."""
MAX_CITED = 4
"""Passages of a sentence that the model reads."""
MAX_SENTENCE_CHARACTERS = 2_000
MAX_REPLY_CHARACTERS = 2_000

_Number = Annotated[str, Field(pattern=r"^[1-9]\d?$")]
_VERDICTS: TypeAdapter[dict[_Number, Support]] = TypeAdapter(dict[_Number, Support])
_FENCE = re.compile(r"^```(?:json)?\s*(.*?)\s*```$", re.DOTALL)
_MARK = re.compile(MARK)

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Doubted:
    """A sentence as the model reads it, with what it cites."""

    sentence: SentenceChecked
    text: str
    quotes: tuple[str, ...]


async def judge_again(model: Model, answer: str, judged: CitationsJudged) -> CitationsJudged:
    """What was checked, with the model's word on the first ten doubted sentences.

    Without a readable answer in time everything stays as it was.
    """
    doubted = _doubted(answer, judged)
    if not doubted:
        return judged
    try:
        async with asyncio.timeout(JUDGE_TIMEOUT_S):
            verdicts = await _ask(model, doubted)
    except (ExpectedError, TimeoutError, ValidationError) as error:
        log.warning("citations_not_judged", error=type(error).__name__)
        return judged
    by_place: dict[tuple[int, int], Support] = {
        (one.sentence.start, one.sentence.end): verdict
        for number, one in enumerate(doubted, start=1)
        if (verdict := verdicts.get(str(number))) is not None
    }
    sentences = [_with_verdict(sentence, by_place) for sentence in judged.sentences]
    return judged.model_copy(update={"sentences": sentences})


def _doubted(answer: str, judged: CitationsJudged) -> list[Doubted]:
    """Those that cite at least one passage that can be read."""
    quotes = {passage.id: passage.quote for passage in judged.passages if passage.quote}
    doubted: list[Doubted] = []
    for sentence in judged.sentences:
        cited = tuple(quotes[id_] for id_ in sentence.passages if id_ in quotes)
        if sentence.support != "supported" and cited:
            text = _MARK.sub("", answer[sentence.start : sentence.end])
            doubted.append(Doubted(sentence, text[:MAX_SENTENCE_CHARACTERS], cited[:MAX_CITED]))
    return doubted[:MAX_JUDGED]


async def _ask(model: Model, doubted: Sequence[Doubted]) -> dict[str, Support]:
    """Raises what the model raises, and ValidationError: it said something else."""
    prompt = citations_prompt([(one.text, one.quotes) for one in doubted])
    said = ""
    async with aclosing(model.reply([{"role": "user", "content": prompt}], [])) as parts:
        async for part in parts:
            if isinstance(part, ReplyEnd):
                log.info(
                    "citations_judged",
                    sentences=len(doubted),
                    input_tokens=part.input_tokens,
                    output_tokens=part.output_tokens,
                )
                break
            said += part
            if len(said) > MAX_REPLY_CHARACTERS:
                break
    fenced = _FENCE.match(said.strip())
    return _VERDICTS.validate_json(fenced.group(1) if fenced else said)


def _with_verdict(
    sentence: SentenceChecked, by_place: Mapping[tuple[int, int], Support]
) -> SentenceChecked:
    verdict = by_place.get((sentence.start, sentence.end))
    if verdict is None:
        return sentence
    return sentence.model_copy(update={"support": verdict, "judged_by": "model"})
