"""What the demo model says once its calls have come back."""

from typing import Any, cast

from demo_model.demo import lookups, mails, outcomes
from demo_model.demo.intents import (
    AddComment,
    Ask,
    AskDocuments,
    CountRows,
    Entity,
    FindMail,
    Group,
    Intent,
    ListTables,
    ReadMail,
    ReadPage,
    SearchWeb,
    SendMail,
    SetStatus,
    ShowItem,
    State,
)
from demo_model.demo.phrases import noun
from demo_model.demo.results import CallResult
from demo_model.demo.tables import MAX_BARS, MAX_ROWS, chart, code, heading, number, plain, table

NOT_THE_SAMPLE = (
    "This database is not the sample tracker I know, so I can do little with it: say which tables it has "
    "(“List tables”) and count their rows (“How many rows in TABLE?”). A real model can ask it anything."
)


def answer_one(intent: Intent | None, result: CallResult) -> str:
    """The answer to one intent from its call; an intent of None: just what came back."""
    if not result.succeeded:
        is_unknown = isinstance(intent, Ask | ShowItem) and is_another_database(result)
        if is_unknown:
            return NOT_THE_SAMPLE
        is_no = isinstance(intent, SendMail) and result.status == "rejected"
        return mails.not_sent(result) if is_no else outcomes.not_done(result)
    if result.tool == "read_email":
        return mails.read_mail(result)
    match intent:
        case SendMail():
            return mails.sent(result)
        case FindMail() | ReadMail():
            return mails.found_mails(result)
        case AskDocuments():
            return lookups.from_documents(intent, result)
        case SearchWeb():
            return lookups.from_web(result)
        case ReadPage():
            return lookups.from_page(result)
        case SetStatus() | AddComment():
            return outcomes.done(result)
        case ListTables():
            return tables(result)
        case CountRows():
            return f"`{intent.table}` has **{number(_first_value(result))}** rows."
        case ShowItem():
            return _item(intent, result)
        case Ask():
            return _asked(intent, result)
        case _:
            return _whatever(result)


def is_another_database(result: CallResult) -> bool:
    """Whether a query failed because the tracker's tables or columns are not there."""
    message = result.message.lower()
    is_missing = "no such" in message or "there is no" in message or "does not exist" in message
    return (
        result.tool == "query"
        and result.status in {"failed", "refused"}
        and is_missing
        and any(kind in message for kind in ("table", "column", "relation"))
    )


def tables(result: CallResult) -> str:
    """The answer to `list tables`."""
    found = result.result.get("tables")
    known = [
        cast("dict[str, Any]", item)
        for item in cast("list[object]", found if isinstance(found, list) else [])
        if isinstance(item, dict)
    ]
    if not known:
        return "The database has no tables that I may see."
    columns = [name for name in ("name", "kind", "columns", "rows") if name in known[0]]
    rows = [[item.get(name) for name in columns] for item in known]
    more = f"\n\nThese are the first {MAX_ROWS} of {len(rows)}." if len(rows) > MAX_ROWS else ""
    return f"The database has these tables:\n\n{table(columns, rows)}{more}"


def _item(intent: ShowItem, result: CallResult) -> str:
    if not result.rows:
        return f"There is no {intent.item}."
    facts = dict(zip(result.columns, result.rows[0], strict=True))
    title = f"**{str(intent.item).capitalize()}: {plain(facts.get('title'))}**"
    description = plain(facts["description"]) if facts.get("description") else ""
    rows = [
        [heading(name), value]
        for name, value in facts.items()
        if name not in {"id", "title", "description"} and value is not None
    ]
    return "\n\n".join(filter(None, [title, description, table(["What", "Value"], rows)]))


def _asked(ask: Ask, result: CallResult) -> str:
    if not result.is_table:
        return _whatever(result)
    if ask.group is not None:
        return f"{_by_group(ask, ask.group, result)}{_note(ask)}"
    if ask.counts:
        count = _first_value(result)
        verb = "is" if count == 1 else "are"
        return f"There {verb} **{number(count)}** {noun(ask, count=count)}.{_note(ask)}"
    if not result.rows:
        return _none(ask)
    more = (
        f"\n\nThese are the first {len(result.rows)}; there are more."
        if _is_cut(ask, result)
        else ""
    )
    intro = noun(ask, count=len(result.rows) if not more else None)
    shown = f"The latest {intro}" if ask.newest else f"{intro[:1].upper()}{intro[1:]}"
    return f"{shown}:\n\n{table(result.columns, result.rows)}{more}{_note(ask)}"


def _by_group(ask: Ask, group: Group, result: CallResult) -> str:
    rows = [row for row in result.rows if isinstance(row[-1], int)]
    if not rows:
        return _none(ask)
    total = sum(row[-1] for row in rows)
    what = f"{noun(ask)[:1].upper()}{noun(ask)[1:]} by {group}"
    intro = f"{what}, **{number(total)}** in all:"
    if ask.most:
        first = [row for row in rows if row[-1] == rows[0][-1]]
        names = ", ".join(f"**{plain(row[0])}**" for row in first[:5])
        has = "has" if len(first) == 1 else "have"
        intro = f"{names} {has} the most {noun(ask)}: **{number(rows[0][-1])}**."
    if not ask.chart:
        cut = f"\n\nThese are the first {MAX_ROWS} of {len(rows)}." if len(rows) > MAX_ROWS else ""
        return f"{intro}\n\n{table(result.columns, rows)}{cut}"
    unit = str(ask.entity).replace("_", " ")
    shown = rows[-MAX_BARS:] if group is Group.MONTH else rows[:MAX_BARS]
    drawn = chart(what, shown, over_time=group is Group.MONTH, unit=unit)
    cut = f"\n\nThe chart shows {len(shown)} of {len(rows)}." if len(shown) < len(rows) else ""
    return f"{intro}\n\n{drawn}{cut}"


def _none(ask: Ask) -> str:
    tried = (
        " I looked for names that contain what you wrote; “List projects” and “List people” show those there are."
        if ask.names
        else ""
    )
    return f"There are no {noun(ask)}.{tried}"


def _note(ask: Ask) -> str:
    """What a word was taken to mean, where it could mean something else."""
    if ask.entity is Entity.BUGS and ask.state is State.OPEN:
        return "\n\nOpen bugs are those that are neither fixed nor closed."
    return ""


def _is_cut(ask: Ask, result: CallResult) -> bool:
    """More than what is shown, except when only so many were asked for."""
    return result.was_cut and ask.limit is None


def _whatever(result: CallResult) -> str:
    if result.is_table:
        return table(result.columns, result.rows) if result.rows else "There is nothing."
    if summary := result.result.get("summary"):
        return plain(summary)
    came_back = result.told.get("result")
    return f"This came back:\n\n{code(came_back)}" if came_back else "That was done."


def _first_value(result: CallResult) -> int:
    value: object = result.rows[0][0] if result.rows and result.rows[0] else 0
    return value if isinstance(value, int) else 0
