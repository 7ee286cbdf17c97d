"""Answers as compact text, for hosts that read nothing else. Strangers' texts stand between fences nobody can forge."""

import re
import secrets
from collections.abc import Iterable
from typing import TypeVar, cast

from pydantic import BaseModel

from mcp_search.results import (
    PageOrProblem,
    PagesTold,
    PageTold,
    PassageTold,
    SearchTold,
    TextTold,
    WebResults,
)
from shared.mcp_server import Rendered

ToldT = TypeVar("ToldT", bound=BaseModel)

_LINK = re.compile(r"!?\[([^\[\]\n]{0,500})\]\([^()\n]{0,2000}\)")
_SIGNS = re.compile(
    r"^(?:#{1,6}[ \t]+|>[ \t]?)|(?<![\w*])\*{1,3}(?=\S)|(?<=\S)\*{1,3}(?!\w)|`+", re.MULTILINE
)


def rendered(told: ToldT, text: str) -> ToldT:
    """The answer with its own text. Typed as what the tool promises: that is what its schema is made of."""
    return cast("ToldT", Rendered(told.model_dump(mode="json"), text))


def fenced(what: str, lines: Iterable[str]) -> str:
    """Text of third parties: the random mark is of this call, so that nothing in the text can end it."""
    mark = secrets.token_hex(6)
    return "\n".join([f"<{what} {mark}>", *lines, f"</{what} {mark}>"])


def without_marks(markdown: str) -> str:
    """Markdown as plain text: words without the signs around them, links without their targets."""
    return _SIGNS.sub("", _LINK.sub(r"\1", markdown))


def web_results(told: WebResults) -> str:
    providers = ", ".join(
        f"{one.name}: {one.reason.replace('_', ' ') or one.status}" for one in told.providers
    )
    lines: list[str] = []
    for number, one in enumerate(told.results, start=1):
        day = f" ({one.published})" if one.published else ""
        lines += [f"{number}. {one.title}{day}", f"   {one.url}", f"   {one.snippet}"]
    if not lines:
        return f"Nothing found ({providers})."
    return f"{told.row_count} results ({providers})\n{fenced('web-results', lines)}"


def page(told: PageTold) -> str:
    head = [told.final_url]
    if told.flags or told.warnings:
        head.append(f"Be careful: {', '.join([*told.flags, *told.warnings])}")
    title = [told.title] if told.title else []
    if told.passages:
        lines = [f"[{one.start}] {one.text}" for one in told.passages]
        return "\n".join([*head, fenced("page", [*title, *lines])])
    return "\n".join([*head, fenced("page", [*title, told.text]), _rest(told)])


def pages(told: PagesTold) -> str:
    return "\n\n".join(_page_or_problem(one) for one in told.pages)


def _page_or_problem(one: PageOrProblem) -> str:
    if one.page is not None:
        return page(one.page)
    assert one.error is not None  # noqa: S101 - one of the two is
    return f"{one.url}: {one.error.message}" + (f" {one.error.hint}" if one.error.hint else "")


def passages(told: SearchTold) -> str:
    notes = [f"Note: {note}" for note in told.notes]
    if not told.found:
        return "\n".join([f"Not found. {told.advice}", *notes])
    texts = [_passage(one) for one in told.passages]
    return "\n\n".join([told.advice, *notes, *texts])


def _passage(one: PassageTold) -> str:
    """Titles and headings are a third party's words, too."""
    page = f", page {one.page}" if one.page is not None else ""
    kind = " (an answer of your organisation)" if one.curated else ""
    head = f"[^{one.id}] document {one.document_id}{page}{kind}"
    return f"{head}\n{fenced('passage', [' > '.join([one.document, *one.headings]), one.quote])}"


def document_text(told: TextTold) -> str:
    spans = [f"[^{one.id}] {one.start}-{one.end}" for one in told.passages]
    cite = [f"Cite by place: {', '.join(spans)}"] if spans else []
    numbers = [str(one.number) for one in told.pages]
    head = f"Document {told.document.id}"
    if numbers:
        head += f", page {numbers[0]}" + (f" to {numbers[-1]}" if len(numbers) > 1 else "")
    text = fenced("document", [told.document.title or told.document.name, told.text])
    return "\n".join([head, text, *cite, _rest(told)])


def _rest(told: PageTold | TextTold) -> str:
    shown = f"Characters {told.start} to {told.start + len(told.text)} of {told.total_chars}."
    if told.next_start is None:
        return shown
    return f"{shown} Go on with start={told.next_start}."
