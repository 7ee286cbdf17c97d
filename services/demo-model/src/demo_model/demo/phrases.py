"""Says in words what was asked for, so that a misunderstanding shows."""

from demo_model.demo.intents import Ask, Entity, Moment, Name, NameOf, State
from demo_model.demo.tables import plain

_BEFORE = {
    State.OPEN,
    State.FIXED,
    State.CLOSED,
    State.READY,
    State.ACTIVE,
    State.DONE,
    State.DRAFT,
}
"""States that stand before the noun: `open tasks`, but `tasks in review`."""


def noun(ask: Ask, *, count: int | None = None) -> str:
    """`open critical bugs in Harbor`; singular for a count of one."""
    before = [
        "overdue" if ask.overdue else "",
        "unassigned" if ask.unassigned else "",
        str(ask.state) if ask.state in _BEFORE else "",
        _levels(ask),
    ]
    after = [
        _state_after(ask),
        f"on {ask.item}" if ask.item else "",
        *(_name(name) for name in ask.names),
        _when(ask),
    ]
    return " ".join(filter(None, [*before, _thing(ask, count), *after]))


def _thing(ask: Ask, count: int | None) -> str:
    plural = f"{ask.role}s" if ask.role else str(ask.entity).replace("_", " ")
    if count != 1:
        return plural
    singulars = {Entity.PEOPLE: "person", Entity.USER_STORIES: "user story"}
    return ask.role or singulars.get(ask.entity, plural.removesuffix("s"))


def _levels(ask: Ask) -> str:
    text = " or ".join(ask.levels)
    return f"{text}-priority" if set(ask.levels) & {"high", "medium", "low"} else text


def _state_after(ask: Ask) -> str:
    if ask.state is None or ask.state in _BEFORE:
        return ""
    return "to do" if ask.state is State.TODO else str(ask.state)


def _name(name: Name) -> str:
    text = plain(name.text)
    match name.of:
        case NameOf.PROJECT:
            return f"in project {text}"
        case NameOf.CLIENT:
            return f"of client {text}"
        case NameOf.PERSON:
            return f"of {text}"
        case NameOf.REPORTER:
            return f"reported by {text}"
        case NameOf.ANY:
            return f"for {text}"


def _when(ask: Ask) -> str:
    if ask.window is None:
        return ""
    if ask.moment is Moment.DUE or (
        ask.moment is None
        and ask.entity in {Entity.TASKS, Entity.PROJECTS}
        and ask.state not in {State.DONE, State.FIXED, State.CLOSED}
        and not ask.newest
    ):
        return f"due {ask.window}"
    made = {Entity.BUGS: "reported ", Entity.TASKS: "created "}.get(ask.entity, "")
    is_ended = ask.moment is None and ask.state in {State.DONE, State.FIXED, State.CLOSED}
    return f"{'' if is_ended else made}{ask.window}"
