"""The words the demo model knows, and how a message is cut into them.

A word that is not here is taken for a name, and a name must stand where one can. So a question with something in it
that was not understood is never answered as if it had been left out.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto

from demo_model.demo.intents import Entity, Group, Item, Moment, NameOf, State, Window


class Kind(Enum):
    """What a word does in a question."""

    FILLER = auto()
    ABOUT = auto()
    """Asks for one thing in full: `tell me about`, `details`."""
    ENTITY = auto()
    ROLE = auto()
    GROUP = auto()
    GROUPER = auto()
    """`per`, `by`, `each`."""
    PLACE = auto()
    """`in`, `for`, `of`: a name may follow."""
    NAME_OF = auto()
    """`assigned to`: a name follows, and says whose."""
    COUNT = auto()
    LIST = auto()
    CHART = auto()
    STATE = auto()
    LEVEL = auto()
    OVERDUE = auto()
    UNASSIGNED = auto()
    WINDOW = auto()
    MOMENT = auto()
    NEWEST = auto()
    MOST = auto()
    WHO = auto()
    WORKS_ON = auto()
    AND = auto()
    MINE = auto()
    ITEM = auto()
    NUMBER = auto()
    NAME = auto()
    UNKNOWN = auto()
    """Known not to be understood: what would change the meaning and is no name either."""


@dataclass(frozen=True, slots=True)
class Word:
    """A word or phrase of a message with its meaning."""

    kind: Kind
    value: object = None
    text: str = ""
    certain: bool = False
    """For a name: capitalised, quoted or possessive, so that it needs nothing in front of it."""


def _spread(kind: Kind, phrases: Mapping[object, str]) -> dict[str, Word]:
    return {
        phrase.strip(): Word(kind, value)
        for value, listed in phrases.items()
        for phrase in listed.split("|")
    }


PRIORITIES = ("urgent", "high", "medium", "low")
SEVERITIES = ("critical", "major", "minor")

_PHRASES: dict[str, Word] = {
    **_spread(
        Kind.FILLER,
        {
            None: "a|an|the|all|any|some|is|are|was|were|am|be|been|there|do|does|did|have|has|had|having|got|we|i|you|"
            "me|us|our|it|its|they|their|them|that|this|these|those|which are|with|please|now|currently|right now|"
            "at the moment|so far|still|exist|exists|in total|altogether|in all projects|across all projects|"
            "for me|can you|could you|would you|would like|want|like|to|see|know|to know|need|as|at|thanks|ok|okay|hey|"
            "hi|hello|here|work here|database|tracker|in the database|in the tracker|just|also|then|ones|out|up"
        },
    ),
    **_spread(
        Kind.ABOUT,
        {None: "about|tell|details|detail|describe|info|information|look|details of|happening"},
    ),
    **_spread(
        Kind.ENTITY,
        {
            Entity.TASKS: "task|tasks|todos|to-dos|tickets|ticket|work items",
            Entity.BUGS: "bug|bugs|defect|defects",
            Entity.USER_STORIES: "user story|user stories|story|stories",
            Entity.COMMITS: "commit|commits|committed",
            Entity.COMMENTS: "comment|comments|commented",
            Entity.PROJECTS: "project|projects",
            Entity.PEOPLE: "person|people|persons|colleague|colleagues|team members|members|staff|team",
            Entity.CLIENTS: "client|clients|customer|customers|organisation|organisations|organization|organizations",
        },
    ),
    **_spread(
        Kind.ROLE,
        {
            "developer": "developer|developers",
            "designer": "designer|designers",
            "tester": "tester|testers",
            "manager": "manager|managers|project managers",
            "client contact": "client contact|client contacts",
        },
    ),
    **_spread(
        Kind.GROUP,
        {
            Group.STATUS: "status|statuses|state|states",
            Group.PRIORITY: "priority|priorities",
            Group.SEVERITY: "severity|severities",
            Group.ASSIGNEE: "assignee|assignees|author|authors",
            Group.MONTH: "month|months",
            Group.ROLE: "role|roles",
        },
    ),
    **_spread(
        Kind.GROUPER,
        {None: "per|by|each|every|for each|for every|in each|in every|grouped by|split by|across"},
    ),
    **_spread(Kind.PLACE, {None: "in|for|of|on|from|within|under|inside|at project"}),
    **_spread(
        Kind.NAME_OF,
        {
            NameOf.PERSON: "assigned to|belonging to|owned by|written by|made by",
            NameOf.REPORTER: "reported by|found by|raised by",
        },
    ),
    **_spread(Kind.COUNT, {None: "how many|number of|count|count of|total number of|amount of"}),
    **_spread(
        Kind.LIST,
        {
            None: "list|show|which|what|what's|find|give|get|display|print|when|when's|where|view|what are|name"
            "|what is|look up|search|search for"
        },
    ),
    **_spread(
        Kind.CHART,
        {
            None: "chart|charts|graph|plot|diagram|bar chart|bar graph|pie chart|line chart|line graph|bars|draw"
            "|visualise|visualize|make a chart|make me a chart|create a chart|make a graph|create a graph"
        },
    ),
    **_spread(
        Kind.STATE,
        {
            State.OPEN: "open|unfinished|pending|remaining|outstanding|left|unresolved|unfixed|not done|not finished"
            "|not closed|not fixed",
            State.TODO: "todo|to do|to-do|in todo|not started|unstarted",
            State.IN_PROGRESS: "in progress|in-progress|in_progress|ongoing|started|under way",
            State.REVIEW: "review|in review|under review|being reviewed",
            State.DONE: "done|finished|finish|complete|completed|over",
            State.FIXED: "fixed|fix|resolved|resolve|solved",
            State.CLOSED: "closed",
            State.DRAFT: "draft|drafts|in draft",
            State.READY: "ready",
            State.ACTIVE: "active|running",
            State.ON_HOLD: "on hold|on-hold|paused",
        },
    ),
    **_spread(
        Kind.LEVEL,
        {
            "urgent": "urgent|urgent priority|most urgent",
            "high": "high|high priority|high-priority",
            "medium": "medium|medium priority|medium-priority",
            "low": "low|low priority|low-priority",
            "critical": "critical",
            "major": "major",
            "minor": "minor",
        },
    ),
    **_spread(Kind.OVERDUE, {None: "overdue|late|past due|behind schedule|delayed"}),
    **_spread(
        Kind.UNASSIGNED,
        {None: "unassigned|not assigned|without assignee|without an assignee|assigned to nobody"},
    ),
    **_spread(
        Kind.WINDOW,
        {
            **{window: window.value for window in Window},
        },
    ),
    **_spread(
        Kind.MOMENT,
        {
            Moment.DUE: "due|due on|due date|deadline",
            Moment.CREATED: "created|added|reported|opened|raised",
        },
    ),
    **_spread(Kind.NEWEST, {None: "latest|newest|recent|most recent|last|new"}),
    **_spread(Kind.MOST, {None: "most|the most|highest number of|largest number of"}),
    **_spread(Kind.WHO, {None: "who|whose|who's"}),
    **_spread(
        Kind.WORKS_ON,
        {None: "who works on|who is working on|who's working on|who work on"},
    ),
    **_spread(Kind.AND, {None: "and|or|plus|as well as|&"}),
    **_spread(Kind.MINE, {None: "my|mine|assigned to me|i have"}),
    **_spread(
        Kind.UNKNOWN,
        {
            None: "not|no|without|except|but|than|more|less|least|fewest|before|after|since|until|between|average|mean"
            "|sum|write|make|create|generate|explain|why|how|if|should|suggest|plan|translate|summarise|summarize"
            "|created by|joke|poem|weather|set|mark|move|change|assign|rename|delete|update|don't|isn't"
            "|aren't|over budget|under budget"
        },
    ),
}
_LONGEST = max(phrase.count(" ") + 1 for phrase in _PHRASES)
_NUMBERS = {
    name: number
    for number, name in enumerate(
        ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"], start=1
    )
    if number > 1
}
_ID_MARKS = {"#", "no", "number", "nr", "id"}
_TOKEN = re.compile(
    r"“(?P<quoted>[^”]{1,80})”|\"(?P<quoted_too>[^\"]{1,80})\"|\d+(?![\w-])|[#&,]"
    r"|[^\W_](?:[\w-]|'(?=\w))*"
)
MAX_DIGITS = 9
"""Longer numbers are nobody's id, and databases stumble over them."""


@dataclass(frozen=True, slots=True)
class _Token:
    text: str
    plain: str
    quoted: bool = False
    possessive: bool = False


def read_words(text: str) -> list[Word]:
    """A message as known words and phrases, longest first, with runs of unknown ones joined to names."""
    tokens = list(_tokens(text))
    words: list[Word] = []
    at = 0
    while at < len(tokens):
        found, used = _read_at(tokens, at)
        words += found
        at += used
    return words


def _tokens(text: str) -> Iterator[_Token]:
    for match in _TOKEN.finditer(text.replace("’", "'")):
        if quoted := match["quoted"] or match["quoted_too"]:
            yield _Token(quoted, quoted.lower(), quoted=True)
            continue
        word = match[0]
        if word.lower().endswith("'s") and word.lower() not in _PHRASES:
            yield _Token(word[:-2], word[:-2].lower(), possessive=True)
        else:
            yield _Token(word, word.lower())


def _read_at(tokens: Sequence[_Token], at: int) -> tuple[list[Word], int]:
    token = tokens[at]
    if token.quoted:
        return [Word(Kind.NAME, text=token.text, certain=True)], 1
    if items := _items(tokens, at):
        return items
    if token.plain == ",":
        return [Word(Kind.AND)], 1
    if token.plain.isdecimal() or token.plain in _NUMBERS:
        if len(token.plain) > MAX_DIGITS and token.plain.isdecimal():
            return [Word(Kind.UNKNOWN)], 1
        return [Word(Kind.NUMBER, _NUMBERS.get(token.plain) or int(token.plain))], 1
    if known := _phrase(tokens, at):
        return [known[0]], known[1]
    return _name(tokens, at)


def _phrase(tokens: Sequence[_Token], at: int) -> tuple[Word, int] | None:
    for length in range(min(_LONGEST, len(tokens) - at), 0, -1):
        part = tokens[at : at + length]
        if any(token.quoted or token.possessive for token in part):
            continue
        phrase = " ".join(token.plain for token in part)
        if phrase in _PHRASES:
            word = _PHRASES[phrase]
            return Word(word.kind, word.value, phrase), length
    return None


def _name(tokens: Sequence[_Token], at: int) -> tuple[list[Word], int]:
    """Unknown words up to the next known one, or up to and with a possessive."""
    end = at
    while end < len(tokens):
        token = tokens[end]
        if end > at and (token.quoted or token.plain.isdecimal() or _phrase(tokens, end)):
            break
        if token.plain in {",", "#", "&"}:
            break
        end += 1
        if token.possessive:
            break
    part = tokens[at : max(end, at + 1)]
    text = " ".join(token.text for token in part)
    certain = part[-1].possessive or all(token.text[:1].isupper() for token in part)
    return [Word(Kind.NAME, text=text, certain=certain)], len(part)


def _items(tokens: Sequence[_Token], at: int) -> tuple[list[Word], int] | None:
    """`task 42`, `tasks 42, 43 and 44`, `bug #7`, `#42`."""
    word = _PHRASES.get(tokens[at].plain)
    entity = word.value if word is not None and word.kind is Kind.ENTITY else None
    if tokens[at].plain == "#":
        entity = Entity.TASKS
    if entity not in {Entity.TASKS, Entity.BUGS}:
        return None
    assert isinstance(entity, Entity)  # noqa: S101 - tells the type checker what the line above did
    ids: list[int] = []
    end = at + 1
    while end < len(tokens):
        start = end
        while start < len(tokens) and _joins(tokens[start].plain, first=not ids):
            start += 1
        if start >= len(tokens) or not _is_id(tokens[start].plain):
            break
        ids.append(int(tokens[start].plain))
        end = start + 1
    if not ids:
        return None
    return [Word(Kind.ITEM, Item(entity, number)) for number in ids], end - at


def _is_id(plain: str) -> bool:
    return plain.isdecimal() and len(plain) <= MAX_DIGITS


def _joins(plain: str, *, first: bool) -> bool:
    return plain in _ID_MARKS or (not first and plain in {",", "and", "&"})
