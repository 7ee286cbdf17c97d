"""Reads a question about the tracker, word by word. Every word has to find its place."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from demo_model.demo.intents import (
    Ask,
    CannotDo,
    Entity,
    Group,
    Intent,
    Item,
    Moment,
    Name,
    NameOf,
    NotUnderstood,
    ShowItem,
    State,
    Talk,
    Topic,
    Window,
)
from demo_model.demo.lexicon import PRIORITIES, Kind, Word, read_words

MAX_ITEMS = 5
MAX_LIMIT = 50
MAX_NAMES = 2

_AS_GROUP = {
    Entity.PROJECTS: Group.PROJECT,
    Entity.PEOPLE: Group.ASSIGNEE,
    Entity.CLIENTS: Group.CLIENT,
}
_CHART_GROUP = {
    Entity.BUGS: Group.SEVERITY,
    Entity.PEOPLE: Group.ROLE,
    Entity.COMMITS: Group.MONTH,
    Entity.COMMENTS: Group.MONTH,
    Entity.CLIENTS: None,
}
_SAID_OF_ITEMS = {
    Kind.FILLER, Kind.ABOUT, Kind.LIST, Kind.WHO, Kind.STATE, Kind.GROUP, Kind.NAME_OF, Kind.MOMENT, Kind.LEVEL,
    Kind.PLACE, Kind.AND, Kind.OVERDUE, Kind.ITEM, Kind.WORKS_ON,
}  # fmt: skip


@dataclass(slots=True)
class Slots:
    """What was found in a question so far. `understood` is False once a word had no place."""

    words: Sequence[Word]
    lenient: bool = False
    """Take any unknown word for a name: in a follow-up there is little else it can be."""
    understood: bool = True
    entities: list[Entity] = field(default_factory=list[Entity])
    joined: bool = False
    asks_who: bool = False
    asks_about: bool = False
    lists: bool = False
    counts: bool = False
    chart: bool = False
    most: bool = False
    newest: bool = False
    group: Group | None = None
    state: State | None = None
    levels: list[str] = field(default_factory=list[str])
    role: str | None = None
    overdue: bool = False
    unassigned: bool = False
    window: Window | None = None
    moment: Moment | None = None
    names: list[Name] = field(default_factory=list[Name])
    items: list[Item] = field(default_factory=list[Item])
    limit: int | None = None
    loose_groups: list[Group] = field(default_factory=list[Group])
    """`status` or `priority` without a `by`: fine next to a value of theirs."""


def read_question(text: str) -> tuple[Intent, ...]:
    """The questions in a message; NotUnderstood when a word in it has no place."""
    words = read_words(text)
    if not words:
        return (NotUnderstood(),)
    if any(word.kind is Kind.MINE for word in words) and any(_is_thing(word) for word in words):
        return (Talk(Topic.WHO_AM_I),)
    if shown := _shown_items(words):
        return shown
    slots = read_slots(words)
    asks = _asks(slots) if slots.understood else []
    if asks and _is_shown_with_more(words):
        return (ShowItem(slots.items[0]), *asks)
    return tuple(asks) or (NotUnderstood(),)


def read_slots(words: Sequence[Word], *, lenient: bool = False) -> Slots:
    """Everything that the words say, whether or not it makes a whole question."""
    slots = Slots(words, lenient=lenient)
    at = 0
    while at < len(words) and slots.understood:
        at += _take(slots, at)
    return slots


def _take(slots: Slots, at: int) -> int:
    """Take in the word at this position; gives how many words that used up."""
    word = slots.words[at]
    match word.kind:
        case Kind.FILLER:
            pass
        case Kind.ABOUT:
            slots.asks_about = True
        case Kind.ENTITY:
            return _take_entity(slots, at)
        case Kind.ROLE:
            slots.role = str(word.value)
            slots.entities.append(Entity.PEOPLE)
        case Kind.GROUP if isinstance(word.value, Group):
            slots.loose_groups.append(word.value)
        case Kind.GROUPER:
            return _take_group(slots, at)
        case Kind.PLACE | Kind.NAME_OF:
            return _take_name(slots, at)
        case Kind.NAME:
            _add_name(slots, word, NameOf.ANY, certain=word.certain)
        case Kind.COUNT:
            slots.counts = True
        case Kind.LIST:
            slots.lists = True
        case Kind.CHART:
            slots.chart = True
        case Kind.WHO:
            slots.asks_who = True
        case Kind.WORKS_ON:
            slots.entities.append(Entity.TASKS)
            slots.group = Group.ASSIGNEE
            return _take_name(slots, at)
        case Kind.AND:
            slots.joined = True
        case Kind.ITEM if isinstance(word.value, Item):
            slots.items.append(word.value)
        case Kind.NUMBER if isinstance(word.value, int):
            slots.understood = slots.limit is None and word.value > 0
            slots.limit = min(word.value, MAX_LIMIT)
        case _:
            _take_condition(slots, word)
    return 1


def _take_condition(slots: Slots, word: Word) -> None:
    match word.value:
        case State():
            slots.understood = slots.state is None
            slots.state = word.value
        case Window():
            slots.understood = slots.window is None
            slots.window = word.value
        case Moment():
            slots.moment = word.value
        case str() if word.kind is Kind.LEVEL:
            slots.levels.append(word.value)
        case _:
            slots.overdue |= word.kind is Kind.OVERDUE
            slots.unassigned |= word.kind is Kind.UNASSIGNED
            slots.newest |= word.kind is Kind.NEWEST
            slots.most |= word.kind is Kind.MOST
            slots.understood = word.kind not in {Kind.UNKNOWN, Kind.MINE}


def _take_entity(slots: Slots, at: int) -> int:
    """`project Harbor` names one; `projects` and all others are what is asked for."""
    entity = slots.words[at].value
    assert isinstance(entity, Entity)  # noqa: S101 - the lexicon's ENTITY words carry nothing else
    named = {Entity.PROJECTS: NameOf.PROJECT, Entity.CLIENTS: NameOf.CLIENT}.get(entity)
    following = slots.words[at + 1] if at + 1 < len(slots.words) else None
    if named is not None and following is not None and following.kind is Kind.NAME:
        _add_name(slots, following, named, certain=True)
        if not any(_is_thing(word) for word in slots.words[at + 1 :]) and not slots.entities:
            slots.entities.append(entity)
        return 2
    slots.entities.append(entity)
    return 1


def _take_group(slots: Slots, at: int) -> int:
    """`per project`, `by status`; but `by Anna` names a person."""
    end = _skip_fillers(slots.words, at + 1)
    following = slots.words[end] if end < len(slots.words) else None
    if following is None:
        slots.understood = False
        return 1
    if following.kind is Kind.NAME and slots.words[at].text == "by":
        _add_name(slots, following, NameOf.PERSON, certain=True)
        return end + 1 - at
    value = Entity.PEOPLE if following.kind is Kind.ROLE else following.value
    group = _AS_GROUP.get(value) if isinstance(value, Entity) else value
    if not isinstance(group, Group) or slots.group is not None:
        slots.understood = False
        return 1
    slots.group = group
    return end + 1 - at


def _take_name(slots: Slots, at: int) -> int:
    """`in Harbor`, `in the Harbor project`, `assigned to Anna`; without a name the word says nothing."""
    end = _skip_fillers(slots.words, at + 1)
    following = slots.words[end] if end < len(slots.words) else None
    if following is None or following.kind is not Kind.NAME:
        if slots.words[at].kind is Kind.NAME_OF:
            slots.understood = False
        return 1
    given = slots.words[at].value
    of = given if isinstance(given, NameOf) else NameOf.ANY
    after = slots.words[end + 1] if end + 1 < len(slots.words) else None
    if after is not None and after.value is Entity.PROJECTS and of is NameOf.ANY:
        _add_name(slots, following, NameOf.PROJECT, certain=True)
        return end + 2 - at
    _add_name(slots, following, of, certain=True)
    return end + 1 - at


def _add_name(slots: Slots, word: Word, of: NameOf, *, certain: bool) -> None:
    slots.understood = (certain or slots.lenient) and len(slots.names) < MAX_NAMES
    slots.names.append(Name(word.text, of))


def _skip_fillers(words: Sequence[Word], at: int) -> int:
    while at < len(words) and words[at].kind is Kind.FILLER:
        at += 1
    return at


def _is_thing(word: Word) -> bool:
    return word.kind in {Kind.ENTITY, Kind.ROLE}


def _shown_items(words: Sequence[Word]) -> tuple[Intent, ...] | None:
    """`what is task 42`, `bug 7`, `who is assigned to tasks 42 and 43`."""
    items = [word.value for word in words if isinstance(word.value, Item)]
    if not items or any(word.kind not in _SAID_OF_ITEMS for word in words):
        return None
    if len(items) > MAX_ITEMS:
        return (CannotDo(f"I can show at most {MAX_ITEMS} at a time."),)
    return tuple(ShowItem(item) for item in dict.fromkeys(items))


def _is_shown_with_more(words: Sequence[Word]) -> bool:
    """`task 42 and its comments`: the task is asked for too, not only its comments."""
    kinds = [word.kind for word in words]
    if Kind.ITEM not in kinds or Kind.AND not in kinds or Kind.ENTITY not in kinds:
        return False
    return kinds.index(Kind.ITEM) < kinds.index(Kind.AND) < kinds.index(Kind.ENTITY)


def _asks(slots: Slots) -> list[Ask]:
    """One question, or one for each thing when several are joined: `open tasks and bugs`."""
    entities = list(dict.fromkeys(slots.entities))
    if slots.most:
        return _asks_for_most(slots, entities)
    if slots.asks_who and not entities and slots.names:
        entities = [Entity.PEOPLE]
    elif slots.asks_who and slots.group is None:
        return []
    elif not entities and (slots.overdue or (slots.moment is Moment.DUE and slots.window)):
        entities = [Entity.TASKS]  # `what is overdue`, `what is due this week`
    elif not entities and slots.names and slots.loose_groups == [Group.STATUS]:
        slots.entities = entities = [Entity.PROJECTS]  # `what is the status of Harbor`
    if not _hangs_together(slots, entities):
        return []
    asks = [ask for entity in entities if (ask := _ask(slots, entity)) is not None]
    return asks if len(asks) == len(entities) else []


def _asks_for_most(slots: Slots, entities: list[Entity]) -> list[Ask]:
    """`which project has the most open bugs`, `who has the most tasks`."""
    group = Group.ASSIGNEE if slots.asks_who else slots.group
    if len(entities) == 2 and group is None:
        group = _AS_GROUP.get(entities.pop(0))
    if len(entities) != 1 or group is None or slots.items:
        return []
    ask = _ask(slots, entities[0])
    return [] if ask is None else [replace(ask, counts=True, group=group, most=True)]


def _hangs_together(slots: Slots, entities: Sequence[Entity]) -> bool:
    if len(entities) > 1 and not slots.joined:
        return False
    if len(slots.items) > 1 or (slots.moment is Moment.DUE and not _due_makes_sense(slots)):
        return False
    if slots.items and not set(entities) <= {Entity.COMMENTS, Entity.COMMITS}:
        return False
    if slots.asks_about and not slots.names:
        return False
    return all(_has_value(slots, group) for group in slots.loose_groups)


def _due_makes_sense(slots: Slots) -> bool:
    return slots.window is not None or (slots.entities == [Entity.PROJECTS] and bool(slots.names))


def _has_value(slots: Slots, group: Group) -> bool:
    """Whether `status` or `priority` stands next to a value of its own."""
    match group:
        case Group.STATUS:
            return slots.state is not None or (
                slots.entities == [Entity.PROJECTS] and bool(slots.names)
            )
        case Group.PRIORITY | Group.SEVERITY:
            return bool(slots.levels)
        case _:
            return False


def _ask(slots: Slots, entity: Entity) -> Ask | None:
    group = slots.group
    if slots.chart and group is None:
        group = _CHART_GROUP.get(entity, Group.STATUS)
        if group is None:
            return None
    return Ask(
        entity=entity,
        counts=slots.counts or slots.chart or group is not None,
        group=group,
        state=slots.state,
        levels=tuple(dict.fromkeys(slots.levels)),
        role=slots.role if entity is Entity.PEOPLE else None,
        overdue=slots.overdue,
        unassigned=slots.unassigned,
        window=slots.window,
        moment=slots.moment,
        names=tuple(slots.names),
        item=slots.items[0] if slots.items else None,
        newest=slots.newest,
        limit=slots.limit,
        chart=slots.chart,
    )


def level_fits(level: str, entity: Entity) -> bool:
    """Tasks have priorities, bugs severities."""
    return entity is (Entity.TASKS if level in PRIORITIES else Entity.BUGS)
