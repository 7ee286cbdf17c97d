"""From a conversation's questions to what the last one asks for. Pure."""

import re
from collections.abc import Sequence
from itertools import zip_longest

from demo_model.demo.beyond import why_beyond
from demo_model.demo.changes import is_negated, read_changes
from demo_model.demo.follow_ups import is_follow_up, read_follow_up
from demo_model.demo.intents import (
    AddComment,
    Ask,
    CannotDo,
    CountRows,
    Entity,
    Intent,
    Item,
    ListTables,
    NotUnderstood,
    SetStatus,
    ShowItem,
    Talk,
    Topic,
)
from demo_model.demo.lookups import read_lookup
from demo_model.demo.mails import read_mail_request
from demo_model.demo.questions import read_question
from demo_model.demo.references import with_item_named, with_places_resolved
from demo_model.demo.small_talk import is_foreign, small_talk
from demo_model.demo.tables import numbers_listed
from demo_model.demo.tool_use import read_tool_use

MAX_QUESTION_CHARACTERS = 600
"""Nobody asks a simple question in more; changes may be longer, for a comment's text."""
REMEMBERED = 10
"""Questions that a follow-up can lean on."""

Intents = tuple[Intent, ...]

_TABLES = re.compile(
    r"(?:please )?(?:list|show|give|what are|which are|what|which)(?: me| us)?(?: all)?(?: of)?(?: the| your)? tables"
    r"(?: are there| exist| do you have| does (?:it|the database) have| (?:are )?(?:there )?in (?:the|this) database)?"
    r"|(?:the )?tables|what(?: is|'s) in (?:the|this|your) database"
)
_ROWS = re.compile(
    r"(?:how many rows (?:are there |are )?(?:in|does|has)|count (?:the )?rows (?:in|of)|number of rows in)(?: the)?"
    r"(?: table)? [\"“`']?([a-z_]\w{0,62})[\"”`']?(?: table)?(?: have)?",
    re.IGNORECASE,
)


def understand_last(questions: Sequence[str], answers: Sequence[str] = ()) -> Intents:
    """What the last of these questions asks for, which may lean on those before it and on their answers."""
    before: Intents = ()
    listed: Sequence[Item] = ()
    answered = list(zip_longest(questions[:-1], answers[: len(questions) - 1], fillvalue=""))
    for question, answer in answered[-(REMEMBERED - 1) :]:
        intents = understand(question, before, listed)
        if any(_can_be_leant_on(intent) for intent in intents):
            before = intents
        if any(isinstance(intent, Ask) for intent in intents):
            listed = _listed(intents, answer)
    return understand(questions[-1], before, listed) if questions else (NotUnderstood(),)


def understand(text: str, before: Intents = (), listed: Sequence[Item] = ()) -> Intents:
    """What a message asks for: one thing, or several.

    `before` is what an earlier one asked for, `listed` are the tasks or bugs that were shown last, as they stood.
    """
    if not any(character.isalnum() for character in text):
        return (NotUnderstood(),)
    if (about_mail := read_mail_request(text)) is not None:
        return (about_mail,)
    if (lookup := read_lookup(text)) is not None:
        return (lookup,)
    resolved = with_places_resolved(text, listed)
    if isinstance(resolved, CannotDo):
        return (resolved,)
    return _understand_resolved(with_item_named(resolved, _last_item(before)), before)


def _understand_resolved(text: str, before: Intents) -> Intents:
    changes = read_changes(text, _last_item(before))
    if changes is not None:
        return changes
    if len(text) > MAX_QUESTION_CHARACTERS:
        return (NotUnderstood(),)
    if (about := small_talk(text)) is not None:
        return (Talk(about),)
    if is_negated(text):
        return (Talk(Topic.NO_CHANGE),)
    if (looked_at := _database(text) or read_tool_use(text)) is not None:
        return (looked_at,)
    return _question(text, before)


def _question(text: str, before: Intents) -> Intents:
    earlier = next((intent for intent in reversed(before) if isinstance(intent, Ask)), None)
    if earlier is not None and is_follow_up(text):
        changed = read_follow_up(text, earlier)
        if changed is not None:
            return (changed,)
    intents = read_question(text)
    if not isinstance(intents[0], NotUnderstood):
        return intents
    if earlier is not None and (changed := read_follow_up(text, earlier)) is not None:
        return (changed,)
    if is_foreign(text):
        return (Talk(Topic.FOREIGN),)
    reason = why_beyond(text)
    return intents if reason is None else (CannotDo(reason),)


def _database(text: str) -> Intent | None:
    plain = " ".join(text.split()).rstrip("?!. ")
    if _TABLES.fullmatch(plain.lower()):
        return ListTables()
    found = _ROWS.fullmatch(plain)
    return CountRows(found[1]) if found else None


def _listed(intents: Intents, answer: str) -> tuple[Item, ...]:
    """The tasks or bugs that an answer lists."""
    match intents:
        case (Ask(entity=Entity.TASKS | Entity.BUGS as entity, counts=False),):
            return tuple(Item(entity, number) for number in numbers_listed(answer))
        case _:
            return ()


def _last_item(before: Intents) -> Item | None:
    """What `it` means: the one task that was last spoken of."""
    items = {
        intent.item if isinstance(intent, ShowItem) else Item(Entity.TASKS, intent.task_id)
        for intent in before
        if isinstance(intent, ShowItem | SetStatus | AddComment)
    }
    return items.pop() if len(items) == 1 else None


def _can_be_leant_on(intent: Intent) -> bool:
    return isinstance(intent, Ask | ShowItem | SetStatus | AddComment)
