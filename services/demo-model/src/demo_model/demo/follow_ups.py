"""`and for Fleet Radar?`, `and bugs?`, `as a chart`: the question before with something else in it."""

import re
from dataclasses import replace

from demo_model.demo.intents import Ask, Entity, Group, NameOf
from demo_model.demo.lexicon import PRIORITIES, read_words
from demo_model.demo.questions import Slots, level_fits, read_slots

_LEAD = re.compile(
    r"^(?:ok(?:ay)?,? )?(?:and|what about|how about|the same|same|now|only|just|or|but)\b[ ,]*",
    re.IGNORECASE,
)


def is_follow_up(text: str) -> bool:
    """Whether the message leans on the one before it."""
    return _LEAD.match(text) is not None


def read_follow_up(text: str, before: Ask) -> Ask | None:
    """The question before with what this message says instead; None when it does not fit on it."""
    led = is_follow_up(text)
    slots = read_slots(read_words(_LEAD.sub("", text)), lenient=led)
    is_question_of_its_own = (slots.counts or slots.lists) and bool(slots.entities)
    if not slots.understood or is_question_of_its_own or slots.items or slots.asks_who:
        return None
    if slots.most or len(slots.entities) > 1:
        return None
    changed = _changed(before, slots)
    return changed if changed != before else None


def _changed(before: Ask, slots: Slots) -> Ask:
    entity = slots.entities[0] if slots.entities else before.entity
    levels = tuple(slots.levels) or before.levels
    group = slots.group or next(iter(slots.loose_groups), None) or before.group
    if group in {Group.PRIORITY, Group.SEVERITY} and entity is not before.entity:
        group = Group.PRIORITY if entity is Entity.TASKS else Group.SEVERITY
    names = tuple(slots.names) or before.names
    if entity is Entity.PROJECTS and not slots.names:
        names = tuple(name for name in names if name.of is not NameOf.PERSON)
    changed = replace(
        before,
        entity=entity,
        group=group,
        counts=before.counts or slots.counts or group is not None,
        state=slots.state or before.state,
        levels=tuple(level for level in levels if level_fits(level, entity)),
        role=slots.role or (before.role if entity is before.entity else None),
        overdue=slots.overdue or before.overdue,
        unassigned=slots.unassigned or before.unassigned,
        window=slots.window or before.window,
        moment=slots.moment or before.moment,
        names=names,
        item=before.item if entity in {Entity.COMMENTS, Entity.COMMITS} else None,
        newest=slots.newest or before.newest,
        limit=slots.limit or before.limit,
        chart=slots.chart or before.chart,
    )
    if changed.chart and changed.group is None:
        default = Group.PRIORITY if set(levels) & set(PRIORITIES) else Group.STATUS
        changed = replace(changed, group=default, counts=True)
    return changed
