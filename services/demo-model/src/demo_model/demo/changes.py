"""Reads requests to change something. The whole sentence has to fit, or nothing is proposed."""

import re
from collections.abc import Iterator

from demo_model.demo.intents import AddComment, CannotDo, Entity, Intent, Item, SetStatus

MAX_AT_ONCE = 10
MAX_COMMENT_CHARACTERS = 2_000
MAX_REQUEST_CHARACTERS = 4_000

STATUSES = {
    "todo": "todo|to do|to-do|open|open again|not started|unstarted|the backlog",
    "in_progress": "in progress|in-progress|in_progress|progress|started|ongoing|in work",
    "review": "review|in review|reviewing|under review|ready for review",
    "done": "done|finished|complete|completed|closed|resolved|fixed",
}
CANNOT_CHANGE = (
    "I can change two things only, and I ask you first: the status of a task (“Set task 42 to done”) and its "
    "comments (“Add a comment to task 42: Looks good”)."
)

_STATUS_OF = {
    phrase: status for status, phrases in STATUSES.items() for phrase in phrases.split("|")
}
_ID = r"\d{1,9}"
_TASK = r"(?:the\s+)?(?:tasks?\s*(?:no\.?|number|id)?\s*#?\s*|#)"
_JOIN = r"(?:\s*,\s*(?:and\s+)?|\s+and\s+|\s*&\s*)"
_IDS = rf"(?P<ids>{_TASK}{_ID}(?:{_JOIN}(?:{_TASK})?{_ID}){{0,30}}|it|this task|that task|the task)"
_ONE = rf"(?P<ids>{_TASK}{_ID}|it|this task|that task|the task)"
_STATUS = r"(?:status\s+)?[“\"']?(?P<status>[a-z][a-z _-]{0,30}?)[”\"']?(?:\s+(?:state|status))?"
_QUOTED = r"[“\"'](?P<body>[^”\"]+)[”\"']"
_POLITE = re.compile(
    r"^(?:(?:please|kindly|now|ok(?:ay)?|yes|and|then|also|hey|hi|hello|steward)\b[,!]?\s+"
    r"|(?:can|could|would|will) you\s+|i(?:'d| would) like (?:you )?to\s+|i want (?:you )?to\s+|let(?:'s| us)\s+)+",
    re.IGNORECASE,
)
_TAIL = re.compile(
    r"(?:[,\s]+(?:please|now|for me|thanks|thank you|again|then))*[\s.!?]*$", re.IGNORECASE
)
_NEGATED = re.compile(r"^(?:do not|don't|never|stop|no,? don't)\b", re.IGNORECASE)
_SEPARATOR = re.compile(r"\s*;\s*|,?\s+(?:and|then)\s+(?:then\s+)?|\s*,\s*", re.IGNORECASE)


def _rule(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE | re.DOTALL)


_COMMENTS = [
    _rule(
        rf"(?:add|write|leave|post|put|make)\s+(?:(?:a|the|this|another)\s+)?(?:new\s+)?(?:comment|note)\s+"
        rf"(?:on|to|under|for|at|in)\s+{_ONE}\s*[:,–-]?\s*(?:(?:saying|that says|with the text)\b\s*[:,]?\s*)?"
        r"(?P<body>.+)?"
    ),
    _rule(
        rf"comment\s+(?:on\s+)?{_ONE}\s*[:,–-]?\s*(?:(?:saying|that|with)\b\s*[:,]?\s*)?(?P<body>.+)?"
    ),
    _rule(
        rf"(?:add|write|leave|post|put)\s+(?:(?:a|the|this)\s+)?(?:(?:comment|note)\s+)?{_QUOTED}\s+"
        rf"(?:as\s+a\s+comment\s+)?(?:on|to|under|for)\s+{_ONE}"
    ),
    _rule(rf"comment\s+{_QUOTED}\s+on\s+{_ONE}"),
    _rule(r"(?P<ids>)(?:add|write|leave|post)\s+(?:a|another|the)\s+comment\s*:\s*(?P<body>.+)"),
]
"""The last one means the task that was spoken of before."""
_STATUS_CHANGES = [
    _rule(
        rf"(?:set|change|move|update|put|mark|make|switch|turn|flag|get)\s+(?:the\s+)?(?:(?:status|state)\s+of\s+)?{_IDS}"
        rf"(?:'s)?(?:\s+(?:status|state))?(?:\s+(?:to\s+be|to|as|into|back\s+to|back\s+into))?\s+{_STATUS}"
    ),
    _rule(rf"{_IDS}\s+to\s+{_STATUS}"),
]
_STATEMENT = _rule(
    rf"{_IDS}\s+(?:is|are)\s+(?:now\s+|already\s+)?(?P<status>[a-z][a-z _-]{{0,30}}?)"
)
_VERBS = [
    (
        _rule(
            rf"(?:close|finish|complete|resolve|(?:i|we)(?:'ve|\s+have)?(?:\s+just)?\s+"
            rf"(?:finished|completed|closed|done))\s+{_IDS}"
        ),
        "done",
    ),
    (_rule(rf"(?:start|begin)\s+(?:work(?:ing)?\s+on\s+|with\s+)?{_IDS}"), "in_progress"),
    (_rule(rf"(?:i|we)(?:'ve|\s+have)?(?:\s+just)?\s+started\s+{_IDS}"), "in_progress"),
    (_rule(rf"(?:reopen|re-open)\s+{_IDS}"), "todo"),
]
_STARTS_LIKE_A_CHANGE = re.compile(
    r"(?!.*\b(?:chart|graph|plot)\b)(?:set|change|mark|assign|reassign|rename|create|update|close|finish|complete|reopen|re-open|edit|modify|increase"
    r"|raise|lower|postpone|reschedule|fix|resolve|insert|add|move|comment|write a comment)\b"
    r"(?=.*\b(?:tasks?|bugs?|comments?|projects?|stor(?:y|ies)|person|people|clients?|commits?|users?|it|#\d)\b)",
    re.IGNORECASE | re.DOTALL,
)


def read_changes(text: str, last: Item | None) -> tuple[Intent, ...] | None:
    """The changes a message asks for; None when it asks for none. `last` is what `it` means."""
    plain = _POLITE.sub("", text.strip().replace("’", "'"))
    if len(plain) > MAX_REQUEST_CHARACTERS or _NEGATED.match(plain):
        return None
    clauses = _clauses(plain, last)
    if clauses is not None:
        return _checked(clauses)
    return (CannotDo(CANNOT_CHANGE),) if _STARTS_LIKE_A_CHANGE.match(plain) else None


def is_negated(text: str) -> bool:
    """`don't set task 42 to done`: nothing is to happen."""
    return _NEGATED.match(_POLITE.sub("", text.strip().replace("’", "'"))) is not None


def _checked(clauses: tuple[Intent, ...]) -> tuple[Intent, ...]:
    wrong = next((clause for clause in clauses if isinstance(clause, CannotDo)), None)
    if wrong is not None:
        return (wrong,)
    if len(clauses) > MAX_AT_ONCE:
        return (CannotDo(f"I change at most {MAX_AT_ONCE} tasks at a time."),)
    return tuple(dict.fromkeys(clauses))


def _clauses(text: str, last: Item | None) -> tuple[Intent, ...] | None:
    """The text as one request, or as several joined by `and`: the first cut whose left side is a request counts."""
    if (whole := _clause(text, last)) is not None:
        return whole
    for cut in _SEPARATOR.finditer(text):
        left = _clause(text[: cut.start()], last)
        if left is not None and not any(isinstance(intent, CannotDo) for intent in left):
            right = _clauses(_POLITE.sub("", text[cut.end() :]), _item_of(left) or last)
            return None if right is None else left + right
    return None


def _clause(text: str, last: Item | None) -> tuple[Intent, ...] | None:
    for rule in _COMMENTS:
        if found := rule.fullmatch(text):
            return _comment(found, last)
    plain = _TAIL.sub("", " ".join(text.split()))
    if (found := _STATEMENT.fullmatch(plain)) and found["status"].lower() in _STATUS_OF:
        return _status_change(found, last)
    for rule in _STATUS_CHANGES:
        if found := rule.fullmatch(plain):
            return _status_change(found, last)
    for rule, status in _VERBS:
        if (found := rule.fullmatch(plain)) and (ids := list(_ids(found["ids"], last))):
            return tuple(SetStatus(task_id, status) for task_id in ids)
    return None


def _comment(found: re.Match[str], last: Item | None) -> tuple[Intent, ...] | None:
    ids = list(_ids(found["ids"], last))
    body = (found["body"] or "").strip()
    if len(body) > 1 and body[0] in "“\"'" and body[-1] in "”\"'":
        body = body[1:-1].strip()
    if not ids:
        return None
    if not body:
        return (
            CannotDo(
                f"What should the comment say? For example: “Add a comment to task {ids[0]}: Looks good”."
            ),
        )
    if len(body) > MAX_COMMENT_CHARACTERS:
        return (CannotDo(f"A comment can have at most {MAX_COMMENT_CHARACTERS:,} characters."),)
    return (AddComment(ids[0], body),)


def _status_change(found: re.Match[str], last: Item | None) -> tuple[Intent, ...] | None:
    ids = list(_ids(found["ids"], last))
    wanted = " ".join(found["status"].lower().split())
    status = _STATUS_OF.get(wanted)
    if not ids or re.search(r"\b(?:and|not|task)\b", wanted):
        return None
    if status is None:
        return (
            CannotDo(
                f"A task can be todo, in progress, review or done, not “{wanted}”. {CANNOT_CHANGE}"
            ),
        )
    return tuple(SetStatus(task_id, status) for task_id in ids)


def _ids(text: str, last: Item | None) -> Iterator[int]:
    numbers = re.findall(r"\d+", text)
    if numbers:
        yield from dict.fromkeys(int(number) for number in numbers)
    elif last is not None and last.entity is Entity.TASKS:
        yield last.id


def _item_of(intents: tuple[Intent, ...]) -> Item | None:
    last = intents[-1]
    if isinstance(last, SetStatus | AddComment):
        return Item(Entity.TASKS, last.task_id)
    return None
