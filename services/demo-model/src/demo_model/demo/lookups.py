"""Reads questions to the organisation's documents and to the web, and says what was found, with its sources."""

import re
from collections.abc import Iterator
from typing import Any, cast

from demo_model.demo.intents import AskDocuments, Intent, ReadPage, SearchWeb
from demo_model.demo.results import CallResult
from demo_model.demo.tables import plain

MAX_REQUEST_CHARACTERS = 600
MAX_PAGE = 1_500
MAX_HITS = 5
NOTHING_FOUND = (
    "The documents do not answer that. The question was noted for whoever looks after them."
)

_POLITE = r"(?:please\s+|(?:can|could|would) you\s+(?:please\s+)?)?"
_WEB = re.compile(
    rf"{_POLITE}(?:search|look)\s+(?:on\s+)?(?:the\s+)?(?:web|internet)\s+(?:for|about)\s+(?P<words>.+)"
    rf"|{_POLITE}google\s+(?P<more>.+)",
    re.IGNORECASE | re.DOTALL,
)
_PAGE = re.compile(
    rf"{_POLITE}(?:read|open|fetch|summari[sz]e)\s+(?:the\s+page\s+)?(?P<url>https?://\S+)",
    re.IGNORECASE,
)
_DOCUMENTS = re.compile(
    rf"{_POLITE}(?:what|where|search|look)\b.{{0,40}}\b(?:handbook|polic(?:y|ies)|guides?|documents?|knowledge base)\b"
    r"(?:\s+(?:say|says|have|has|for|in))?(?:\s+(?:about|on|for))?(?P<about>.*)",
    re.IGNORECASE | re.DOTALL,
)
_MATTERS = re.compile(
    r"""
    \b(?:holidays?|vacations?|parental\ leave|sick(?:ness)?|illness|probation|notice\ period|working\ hours|overtime
    |home\ office|from\ home|train(?:ing)?\ budget|travel(?:ling)?|hotels?|per\ diem|expenses?|reimburse\w*|mileage
    |rental\ car|passwords?|phishing|stolen|lost\ (?:laptop|phone)|two-factor|visitors?|on[- ]call|pager
    |first\ (?:day|week)|key\ card|price\ list|accessibility\ review|E\d{4})\b
    """,
    re.IGNORECASE | re.VERBOSE,
)
_ASKS = re.compile(
    r"(?:how|what|when|where|who|which|may|can|do|does|must|is|are|am)\b.*",
    re.IGNORECASE | re.DOTALL,
)
_WORD = re.compile(r"\w+")
_COMMON = frozenset(
    """
    a about am an and are at can do documents does for get guide handbook have how i in is long many may me much must
    my of on our policy say says the to we what when where which who with you
    """.split()  # noqa: SIM905 - read as lines of words
)
_SENTENCE_END = re.compile(r"(?<=[.!?;])\s+|\n+")


def read_lookup(text: str) -> Intent | None:
    """What a message asks of documents or the web; None when it is about something else."""
    text = " ".join(text.split())
    if len(text) > MAX_REQUEST_CHARACTERS:
        return None
    if found := _PAGE.fullmatch(text.rstrip(".!? ")):
        return ReadPage(found["url"])
    if found := _WEB.fullmatch(text.rstrip(".!? ")):
        return SearchWeb((found["words"] or found["more"]).strip("“”\"'"))
    if found := _DOCUMENTS.fullmatch(text):
        return AskDocuments(found["about"].strip(' ?.!“”"') or text)
    if _ASKS.fullmatch(text) and _MATTERS.search(text):
        return AskDocuments(text)
    return None


def from_documents(intent: AskDocuments, result: CallResult) -> str:
    """The sentence that has most of the question's words, cited; then what else was found."""
    passages = _dicts(result.result.get("passages"))
    if not result.result.get("found") or not passages:
        return NOTHING_FOUND
    wanted = _words(intent.question)
    sentences = [(one, sentence) for one in passages for sentence in _sentences(one)]
    # Ties go to what the server found better.
    best = max(sentences, key=lambda told: len(wanted & _words(told[1])), default=None)
    if best is None:
        return NOTHING_FOUND
    passage, sentence = best
    return f"{plain(sentence)}[^{passage.get('id')}]"


def from_web(result: CallResult) -> str:
    """A list of links."""
    hits = _dicts(result.result.get("results"))[:MAX_HITS]
    if not hits:
        return "I found nothing on the web."
    lines = [
        f"{number}. {plain(hit.get('title'))}: {plain(hit.get('url'))}"
        for number, hit in enumerate(hits, start=1)
    ]
    return "\n".join(["I found these pages:", "", *lines])


def from_page(result: CallResult) -> str:
    """The beginning of the page, quoted: others wrote it."""
    told = result.result
    text = str(told.get("text") or "")[:MAX_PAGE]
    quoted = "\n".join(f"> {plain(line) if line.strip() else ''}" for line in text.splitlines())
    return f"**{plain(told.get('title') or told.get('final_url'))}** begins:\n\n{quoted}"


def _sentences(passage: dict[str, Any]) -> Iterator[str]:
    text = re.sub(r"(?<![.!?;:|\n])\n(?=\S)", " ", str(passage.get("quote") or ""))
    for one in map(str.strip, _SENTENCE_END.split(text)):
        # A question, such as the heading of a curated answer, has most of the question's words and answers nothing.
        if len(one.split()) > 3 and not one.endswith("?"):
            yield one


def _words(text: str) -> frozenset[str]:
    words = (word.removesuffix("s") for word in _WORD.findall(text.casefold()))
    return frozenset(word for word in words if word not in _COMMON)


def _dicts(value: object) -> list[dict[str, Any]]:
    listed = cast("list[object]", value if isinstance(value, list) else [])
    return [cast("dict[str, Any]", one) for one in listed if isinstance(one, dict)]
