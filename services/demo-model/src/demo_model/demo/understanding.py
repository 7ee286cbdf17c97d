"""From a person's words to an intent, by rules."""

import re
from dataclasses import dataclass, replace

ENTITIES = {
    "tasks": r"tasks?|to-?dos",
    "bugs": r"bugs?|defects?",
    "user_stories": r"(user )?stor(y|ies)",
    "commits": r"commits?",
    "comments": r"comments?",
    "projects": r"projects?",
    "people": r"people|persons?|colleagues|team( members)?",
    "clients": r"clients?|customers?|organi[sz]ations?",
}
GROUPS = {
    "project": r"projects?",
    "status": r"status(es)?|state",
    "priority": r"priorit(y|ies)",
    "severity": r"severit(y|ies)",
    "assignee": r"assignees?|person|people|colleague|developer",
    "client": r"clients?|customers?",
    "month": r"months?",
    "role": r"roles?",
}
STATUSES = {
    "todo": r"to-?do|not started|open again",
    "in_progress": r"in[ _-]progress|started|ongoing",
    "review": r"(in )?review",
    "done": r"done|finished|complete[d]?|closed",
}
PRIORITIES = ("urgent", "high", "medium", "low")
SEVERITIES = ("critical", "major", "minor")


@dataclass(frozen=True, slots=True)
class Ask:
    """A question that a query can answer."""

    entity: str
    counts: bool
    group: str | None = None
    filters: frozenset[str] = frozenset()
    """Closed conditions such as `open`, `overdue`, `priority:urgent`, `status:review`."""
    project: str | None = None
    person: str | None = None
    chart: bool = False


@dataclass(frozen=True, slots=True)
class ShowTask:
    """One task in full."""

    task_id: int


@dataclass(frozen=True, slots=True)
class ShowComments:
    """What was said about a task."""

    task_id: int


@dataclass(frozen=True, slots=True)
class SetStatus:
    """Change the status of tasks."""

    task_ids: tuple[int, ...]
    status: str


@dataclass(frozen=True, slots=True)
class AddComment:
    """Comment on a task."""

    task_id: int
    body: str


@dataclass(frozen=True, slots=True)
class ListTables:
    """Which tables there are."""


@dataclass(frozen=True, slots=True)
class CountRows:
    """How many rows a table has that the demo does not know."""

    table: str


@dataclass(frozen=True, slots=True)
class Talk:
    """Small talk: hello, thanks, bye, who, how, help, name, delete, foreign."""

    about: str


@dataclass(frozen=True, slots=True)
class NotUnderstood:
    """Anything else."""


Intent = (
    Ask
    | ShowTask
    | ShowComments
    | SetStatus
    | AddComment
    | ListTables
    | CountRows
    | Talk
    | NotUnderstood
)

_TALK = (
    (
        "help",
        r"what can you do|what do you do|help( me)?$|how can you help|your abilities|capabilities",
    ),
    ("who", r"who are you|what are you|are you (an? )?(ai|bot|human|real)|your name"),
    (
        "thanks",
        r"^(thanks?|thank you|thx|great|perfect|nice|cool|ok(ay)?)\b[ !.]*((a lot|so much|very much)[ !.]*)?$",
    ),
    ("bye", r"^(good ?bye|bye|see you|good night)\b"),
    ("how", r"^(and )?how are you"),
    (
        "hello",
        r"^(hello|hi|hey|good (morning|afternoon|evening)|moin|hallo)\b[ !.,]*(there|steward)?[ !.]*$",
    ),
    ("delete", r"\b(delete|drop|remove|erase|wipe|truncate)\b"),
)
_FOREIGN = re.compile(
    r"\b(wie viele|welche|zeige|bitte|aufgaben|und|nicht|combien|quelles?|montre|tâches|cuántas|cuáles|muestra|tareas"
    r"|por favor)\b"
)
_TASK_ID = re.compile(r"\btasks?\s*(?:#|no\.?|number)?\s*(\d+)|#(\d+)")
_IDS = re.compile(r"\btasks?\s*#?((?:\d+(?:\s*(?:,|and|&|\+)\s*(?:task\s*)?#?)*)+)")


def understand(text: str, earlier: str | None = None) -> Intent:
    """What a message asks for. `earlier` is the question before it, for `and for project X?`."""
    words = " ".join(text.strip().split())
    plain = words.lower().rstrip("?!. ")
    if earlier is not None and (follow_up := _follow_up(plain, words, earlier)) is not None:
        return follow_up
    for rule in (_comment, _status_change, _tables, _one_task):
        if (intent := rule(words, plain)) is not None:
            return intent
    for about, pattern in _TALK:
        if re.search(pattern, plain):
            return Talk(about)
    ask = _ask(words, plain)
    if ask is not None:
        return ask
    return Talk("foreign") if _FOREIGN.search(plain) else NotUnderstood()


def _comment(words: str, plain: str) -> Intent | None:
    found = re.match(
        r"(?:please )?(?:add|write|leave|post|put) (?:a )?(?:comment|note)(?: (?:on|to|under|for))? task #?(\d+)"
        r"\s*[:,-]?\s*(?:saying |that )?(.+)",
        words,
        re.IGNORECASE,
    ) or re.match(r"(?:please )?comment(?: on)? task #?(\d+)\s*[:,-]?\s*(.+)", words, re.IGNORECASE)
    if found is None:
        return None
    del plain
    return AddComment(int(found[1]), found[2].strip().strip("\"“”'"))


def _status_change(words: str, plain: str) -> Intent | None:
    del words
    ids = _task_ids(plain)
    if not ids or plain.startswith(("what", "which", "how", "is ", "who", "when")):
        return None
    if re.search(r"\b(reopen|re-open)\b", plain):
        return SetStatus(ids, "todo")
    acts = re.search(
        r"\b(set|mark|move|change|put|update|make|close|finish|complete|start)\b", plain
    )
    states = re.search(r"\b(is|are)( now)? (done|finished|complete|completed)\b", plain)
    if not acts and not states:
        return None
    if re.search(r"^(please )?(close|finish|complete)\b", plain):
        return SetStatus(ids, "done")
    if re.search(r"^(please )?start\b", plain):
        return SetStatus(ids, "in_progress")
    after = plain.rsplit(" to ", 1)[-1] if " to " in plain else plain
    for status, pattern in STATUSES.items():
        if re.search(rf"\b({pattern})\b", after):
            return SetStatus(ids, status)
    return None


def _tables(words: str, plain: str) -> Intent | None:
    del words
    if re.search(r"\b(list|show|which|what)\b.*\btables\b", plain):
        return ListTables()
    found = re.search(
        r"how many rows (?:are there )?(?:in|does) (?:the )?(?:table )?([a-z_][a-z0-9_]*)", plain
    )
    return CountRows(found[1]) if found else None


def _one_task(words: str, plain: str) -> Intent | None:
    del words
    found = _TASK_ID.search(plain)
    if found is None:
        return None
    task_id = int(found[1] or found[2])
    if "comment" in plain:
        return ShowComments(task_id)
    if re.search(
        r"\b(what|show|who|when|tell|details?|describe|status|open|is)\b", plain
    ) or plain.startswith("task"):
        return ShowTask(task_id)
    return None


def _ask(words: str, plain: str) -> Ask | None:
    entity = _entity(plain)
    if entity is None:
        return None
    chart = bool(re.search(r"\b(chart|graph|plot|diagram|bars?)\b", plain))
    counts = chart or bool(re.search(r"\b(how many|count|number of|total)\b", plain))
    group = _group(plain, entity)
    lists = bool(
        re.search(
            r"\b(list|show|which|what|find|give|get|latest|newest|recent|my|all|any)\b", plain
        )
    )
    filters = _filters(plain, entity)
    if group is not None and not lists:
        counts = True
    if not (counts or lists or filters or _person(words)):
        return None
    if chart and group is None:
        group = {
            "bugs": "severity",
            "people": "role",
            "projects": "status",
            "commits": "month",
        }.get(entity, "status")
    return Ask(
        entity=entity,
        counts=counts or group is not None,
        group=group,
        filters=filters,
        project=_project(words),
        person=_person(words),
        chart=chart,
    )


def _entity(plain: str) -> str | None:
    """The thing that is asked for: the first one named, unless it only says how to group."""
    found = [
        (match.start(), name)
        for name, pattern in ENTITIES.items()
        if (match := re.search(rf"\b({pattern})\b", plain))
    ]
    if not found:
        return None
    names = [name for _, name in sorted(found)]
    grouped = _grouping_words(plain)
    return next(
        (name for name in names if not grouped or not _names_group(name, grouped)), names[0]
    )


def _names_group(entity: str, grouping: str) -> bool:
    return re.search(rf"\b({ENTITIES[entity]})\b", grouping) is not None


def _grouping_words(plain: str) -> str:
    found = re.search(r"\b(?:per|by|for each|each|every|grouped by|across)\s+(\w+(?: \w+)?)", plain)
    return found[1] if found else ""


def _group(plain: str, entity: str) -> str | None:
    words = _grouping_words(plain)
    for name, pattern in GROUPS.items():
        if words and re.match(rf"({pattern})\b", words):
            return name
    if entity in {"tasks", "bugs"} and re.search(r"\bwho has (the )?most\b", plain):
        return "assignee"
    return None


def _filters(plain: str, entity: str) -> frozenset[str]:
    found: set[str] = set()
    if re.search(r"\b(open|unfinished|pending|remaining|outstanding|left)\b", plain):
        found.add("open")
    if re.search(r"\b(overdue|late|past due)\b", plain):
        found.add("overdue")
    if re.search(r"\b(unassigned|without an assignee)\b", plain):
        found.add("unassigned")
    found |= {
        f"priority:{p}" for p in PRIORITIES if re.search(rf"\b{p}\b", plain) and entity == "tasks"
    }
    found |= {f"severity:{s}" for s in SEVERITIES if re.search(rf"\b{s}\b", plain)}
    for status, pattern in STATUSES.items():
        if "open" not in found and re.search(rf"\b({pattern})\b", plain):
            found.add(f"status:{status}")
    if entity == "projects" and "active" in plain:
        found.add("status:active")
    if entity == "projects" and "on hold" in plain:
        found.add("status:on_hold")
    return frozenset(found)


def _project(words: str) -> str | None:
    found = re.search(
        r"\b(?:in|for|of|on|from) (?:the )?(?:project )?((?:[A-Z][\w-]*)(?: [A-Z][\w-]*)*)", words
    ) or re.search(r"\b[Pp]roject ([A-Z][\w-]*)", words)
    name = found[1] if found else None
    return None if name is None or name.lower() in {"each", "every", "tasks", "bugs"} else name


def _person(words: str) -> str | None:
    found = re.search(
        r"\b(?:assigned to|by|of|from) ([A-Z][\w-]+(?: [A-Z][\w-]+)?)", words
    ) or re.search(r"\b([A-Z][a-z]+)'s (?:open |urgent )?(?:tasks|bugs|commits|comments)", words)
    if found is None or not re.search(r"assigned to|\bby\b|'s ", words):
        return None
    return found[1]


def _follow_up(plain: str, words: str, earlier: str) -> Intent | None:
    """`and for Fleet Radar?`, `and bugs?`, `as a chart`: the earlier question with something else in it."""
    if not re.match(r"^(and|what about|how about|same|now|as a|only)\b", plain):
        return None
    before = understand(earlier)
    if not isinstance(before, Ask):
        return None
    entity = _entity(plain)
    changed = replace(before, entity=entity) if entity and entity != "projects" else before
    project, person, filters = _project(words), _person(words), _filters(plain, changed.entity)
    chart = bool(re.search(r"\b(chart|graph|plot)\b", plain))
    changed = replace(
        changed,
        project=project or changed.project,
        person=person or changed.person,
        filters=filters or changed.filters,
        group=_group(plain, changed.entity) or changed.group,
        chart=chart or changed.chart,
    )
    if changed.chart and changed.group is None:
        changed = replace(changed, group="status", counts=True)
    return changed if changed != before else None


def _task_ids(plain: str) -> tuple[int, ...]:
    ids: list[int] = []
    for found in _IDS.finditer(plain):
        ids += [int(number) for number in re.findall(r"\d+", found[1])]
    return tuple(dict.fromkeys(ids))[:10]
