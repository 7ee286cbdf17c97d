"""A conversation as a file: Markdown of the path that is shown, or JSON of all its versions. Pure."""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal
from urllib.parse import quote

import orjson
from pydantic import BaseModel, JsonValue

from orchestrator.turns.facts import CallFacts, Reply, TurnFacts
from shared.wire.api import TurnState
from shared.wire.events import CallError, CallFinished, CallState, Decision
from shared.wire.knowledge import PassageShown, SentenceChecked

MAX_RESULT_CHARACTERS = 300
"""Of a result in Markdown. JSON has all of it."""
MAX_NAME_CHARACTERS = 80


@dataclass(frozen=True, slots=True)
class TurnToExport:
    """A turn with what its events add up to."""

    turn_id: str
    parent_turn_id: str | None
    asked_by: str
    asked_at: datetime
    finished_at: datetime | None
    state: TurnState
    is_shown: bool
    versions: int
    """How many versions of its question there are."""
    facts: TurnFacts


@dataclass(frozen=True, slots=True)
class ConversationToExport:
    """A conversation with all its turns in the order of asking."""

    title: str
    created_at: datetime
    exported_at: datetime
    turns: Sequence[TurnToExport]


class ExportedCall(BaseModel):
    """A tool call: what was proposed, what was decided, what was sent and what came of it."""

    server: str
    tool: str
    title: str
    proposed_arguments: dict[str, JsonValue]
    decision: Decision | None
    """None: nobody was asked, or has answered."""
    decided_by: str
    note: str
    arguments: dict[str, JsonValue]
    """With the person's changes."""
    state: CallState | None
    """None: it has not ended."""
    result: JsonValue
    error: CallError | None


class ExportedTurn(BaseModel):
    """A question and its answer. Turns with the same parent are versions of the same question."""

    turn_id: str
    parent_turn_id: str | None
    shown: bool
    """Whether it is on the path that was shown at the time of export."""
    state: TurnState
    asked_by: str
    asked_at: datetime
    finished_at: datetime | None
    question: str
    answer: str
    calls: list[ExportedCall]
    passages: list[PassageShown] = []
    """What the last text of the answer cites; `sentences` counts in that text."""
    sentences: list[SentenceChecked] = []


class ExportedConversation(BaseModel):
    """The JSON export."""

    format: Literal["steward.conversation"] = "steward.conversation"
    version: Literal[1] = 1
    title: str
    created_at: datetime
    exported_at: datetime
    turns: list[ExportedTurn]


def content_disposition(title: str, extension: str) -> str:
    """Names the download after the title: for all in ASCII, and in full as RFC 5987 has it (RFC 6266, appendix D)."""
    letters = "".join(c for c in title if not unicodedata.category(c).startswith("C"))
    name = " ".join(re.sub(r'[/\\:*?"<>|]', " ", letters).split())
    name = name[:MAX_NAME_CHARACTERS].strip(" .") or "conversation"
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    plain = re.sub(r"[^A-Za-z0-9._-]+", " ", plain).strip(" .") or "conversation"
    full = quote(f"{name}.{extension}", safe="")
    return f"attachment; filename=\"{plain}.{extension}\"; filename*=UTF-8''{full}"


def to_json(conversation: ConversationToExport) -> str:
    """All versions, with whole results."""
    exported = ExportedConversation(
        title=conversation.title,
        created_at=conversation.created_at,
        exported_at=conversation.exported_at,
        turns=[_exported(turn) for turn in conversation.turns],
    )
    return exported.model_dump_json(indent=2)


def _exported(turn: TurnToExport) -> ExportedTurn:
    return ExportedTurn(
        turn_id=turn.turn_id,
        parent_turn_id=turn.parent_turn_id,
        shown=turn.is_shown,
        state=turn.state,
        asked_by=turn.asked_by,
        asked_at=turn.asked_at,
        finished_at=turn.finished_at,
        question=turn.facts.question,
        answer=turn.facts.answer,
        calls=[_exported_call(call) for call in turn.facts.calls.values()],
        passages=turn.facts.citations.passages if turn.facts.citations else [],
        sentences=turn.facts.citations.sentences if turn.facts.citations else [],
    )


def _exported_call(call: CallFacts) -> ExportedCall:
    proposed, decided, finished = call.proposed, call.decided, call.finished
    return ExportedCall(
        server=proposed.server,
        tool=proposed.tool,
        title=proposed.title,
        proposed_arguments=proposed.arguments,
        decision=decided.decision if decided else None,
        decided_by=decided.decided_by if decided else "",
        note=decided.note if decided else "",
        arguments=decided.arguments if decided else proposed.arguments,
        state=finished.state if finished else None,
        result=finished.result if finished else None,
        error=finished.error if finished else None,
    )


def to_markdown(conversation: ConversationToExport) -> str:
    """The path that is shown, with a short account of each tool call, and what is cited as footnotes at the end."""
    blocks = [
        f"# {_inline(conversation.title)}",
        f"*Begun {_time(conversation.created_at)}, exported {_time(conversation.exported_at)}.*",
    ]
    for turn in conversation.turns:
        if turn.is_shown:
            blocks += _turn_blocks(turn)
    blocks += _footnotes([turn for turn in conversation.turns if turn.is_shown])
    return "\n\n".join(blocks) + "\n"


def _footnotes(turns: Sequence[TurnToExport]) -> Iterator[str]:
    """Each passage once, however many answers cite it. Marks are footnotes' marks already."""
    passages = {
        passage.id: passage
        for turn in turns
        if turn.facts.citations
        for passage in turn.facts.citations.passages
    }
    if passages:
        yield "---"
    yield from (f"[^{id_}]: {_source(passage)}" for id_, passage in passages.items())


def _source(passage: PassageShown) -> str:
    where = [_inline(passage.title or passage.name)]
    if passage.page is not None:
        where.append(f"page {passage.page}")
    if passage.headings:
        where.append(" › ".join(map(_inline, passage.headings)))
    quote = f": “{_inline(passage.quote)}”" if passage.quote else "."
    return f"{', '.join(where)}{quote}"


def _turn_blocks(turn: TurnToExport) -> Iterator[str]:
    versions = f", one of {turn.versions} versions" if turn.versions > 1 else ""
    yield "---"
    yield f"**{_inline(turn.asked_by) or 'Person'}** ({_time(turn.asked_at)}{versions})"
    yield turn.facts.question.strip()
    yield "**Assistant**"
    told: set[str] = set()
    for reply in (*turn.facts.replies, turn.facts.open_reply):
        yield from _reply_blocks(reply, turn.facts)
        told.update(reply.call_ids)
    yield from (_call_block(call) for id_, call in turn.facts.calls.items() if id_ not in told)
    if support := _support(turn.facts):
        yield f"*{support}*"
    if ending := _ending(turn):
        yield f"*{ending}*"


def _support(facts: TurnFacts) -> str:
    """In words: how many of the sentences that cite are in what they cite."""
    sentences = facts.citations.sentences if facts.citations else []
    if not sentences:
        return ""
    supported = sum(sentence.support == "supported" for sentence in sentences)
    if supported == len(sentences):
        return "Every sentence that cites a source is supported by it."
    return (
        f"{supported} of {len(sentences)} sentences that cite a source are fully supported by it."
    )


def _reply_blocks(reply: Reply, facts: TurnFacts) -> Iterator[str]:
    if reply.text.strip():
        yield reply.text.strip()
    yield from (_call_block(facts.calls[call_id]) for call_id in reply.call_ids)


def _ending(turn: TurnToExport) -> str:
    if turn.state is TurnState.ANSWERED:
        return ""
    if turn.state is TurnState.STOPPED:
        return "This answer was stopped."
    if turn.state is TurnState.FAILED:
        error = turn.facts.finished.error if turn.facts.finished else None
        return f"This answer failed. {_inline(error.message) if error else ''}".strip()
    return "This answer was not finished at the time of export."


def _call_block(call: CallFacts) -> str:
    exported = _exported_call(call)
    where = f"`{exported.server}` · `{exported.tool}`" if exported.server else "unknown tool"
    lines = [f"**{_inline(exported.title)}** ({where}): {_fate(call)}", ""]
    arguments = orjson.dumps(exported.arguments, option=orjson.OPT_INDENT_2).decode()
    lines += ["```json", *arguments.splitlines(), "```"]
    if call.finished is not None and (result := _result(call.finished)):
        lines += ["", result]
    return "\n".join(f"> {line}".rstrip() for line in lines)


def _fate(call: CallFacts) -> str:
    fate: list[str] = []
    if call.decided is not None:
        by = f" by {_inline(call.decided.decided_by)}" if call.decided.decided_by else ""
        fate.append(f"{call.decided.decision.value}{by}")
        if call.decided.edited:
            fate.append(f"with changed {', '.join(map(_inline, call.decided.edited))}")
        if call.decided.note:
            fate.append(f"note: {_inline(call.decided.note)}")
    ended = call.finished.state.value.replace("_", " ") if call.finished else "not ended"
    if ended not in fate:
        fate.append(ended)
    return ", ".join(fate)


def _result(finished: CallFinished) -> str:
    if finished.error is not None:
        return f"Error: {_inline(finished.error.message)}"
    if finished.rows is not None:
        return f"Result: {finished.rows} {'row' if finished.rows == 1 else 'rows'}"
    if isinstance(finished.result, dict) and isinstance(finished.result.get("summary"), str):
        return f"Result: {_inline(str(finished.result['summary']))}"
    if finished.result is None:
        return ""
    text = orjson.dumps(finished.result).decode()
    return f"Result: {_inline(text)}"


def _inline(text: str) -> str:
    """Somebody else's words on one line, shortened, with nothing in them that Markdown would take for its own."""
    line = " ".join(text.split())
    if len(line) > MAX_RESULT_CHARACTERS:
        line = f"{line[:MAX_RESULT_CHARACTERS]}…"
    return re.sub(r"([\\`*_\[\]<>#|~])", r"\\\1", line)


def _time(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
