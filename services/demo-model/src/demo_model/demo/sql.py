"""From an understood question to SQL over the sample tracker.

All words of the person and all dates are bound, never written in; what is written in comes from the closed sets here.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from demo_model.demo.days import days_of
from demo_model.demo.intents import (
    Ask,
    CountRows,
    Entity,
    Group,
    Item,
    Moment,
    Name,
    NameOf,
    ShowItem,
    State,
)

LISTED = 20
"""Rows of a list, unless the question says how many."""

Params = dict[str, str | int]


@dataclass(frozen=True, slots=True)
class Statement:
    """SQL with its bound values. `max_rows`: a list may be cut after that many rows."""

    sql: str
    params: Params = field(default_factory=Params)
    max_rows: int | None = None

    def with_literals(self) -> str:
        """The SQL with its values written in, quoted, for a tool that binds none."""
        return re.sub(r":([a-z]\w*)", lambda found: _quoted(self.params[found[1]]), self.sql)


class CannotAsk(Exception):
    """The tracker has nothing of the kind; the message says so to the person."""


@dataclass(frozen=True, slots=True)
class _Thing:
    """How a kind of thing is asked for. Joined tables: p project, a assignee or author, c client."""

    columns: str
    order: str
    joins: Mapping[str, str]
    states: Mapping[State, str] = field(default_factory=dict[State, str])
    dates: Mapping[Moment, str] = field(default_factory=dict[Moment, str])
    groups: Mapping[Group, str] = field(default_factory=dict[Group, str])
    overdue: str | None = None
    levels: str | None = None


_WORK_JOINS = {
    "p": "JOIN projects p ON p.id = x.project_id",
    "c": "JOIN clients c ON c.id = p.client_id",
    "a": "LEFT JOIN people a ON a.id = x.assignee_id",
}
_WORK_GROUPS = {
    Group.PROJECT: "p.name",
    Group.STATUS: "x.status",
    Group.CLIENT: "c.name",
    Group.ASSIGNEE: "coalesce(a.name, 'nobody')",
}
_THINGS = {
    Entity.TASKS: _Thing(
        columns="x.id, x.title, p.name AS project, x.status, x.priority, a.name AS assignee, x.due_on AS due",
        order="CASE x.priority WHEN 'urgent' THEN 0 WHEN 'high' THEN 1 WHEN 'medium' THEN 2 ELSE 3 END, x.due_on, x.id",
        joins=_WORK_JOINS,
        states={
            State.OPEN: "x.status <> 'done'",
            State.TODO: "x.status = 'todo'",
            State.IN_PROGRESS: "x.status = 'in_progress'",
            State.REVIEW: "x.status = 'review'",
            State.DONE: "x.status = 'done'",
            State.CLOSED: "x.status = 'done'",
        },
        dates={
            Moment.DUE: "x.due_on",
            Moment.CREATED: "x.created_on",
            Moment.DONE: "x.completed_on",
        },
        groups={**_WORK_GROUPS, Group.PRIORITY: "x.priority", Group.MONTH: "x.created_on"},
        overdue="x.status <> 'done' AND x.due_on < :today",
        levels="x.priority",
    ),
    Entity.BUGS: _Thing(
        columns="x.id, x.title, p.name AS project, x.severity, x.status, a.name AS assignee, x.reported_on AS reported",
        order="CASE x.severity WHEN 'critical' THEN 0 WHEN 'major' THEN 1 ELSE 2 END, x.reported_on, x.id",
        joins=_WORK_JOINS,
        states={
            State.OPEN: "x.status IN ('open', 'in_progress')",
            State.IN_PROGRESS: "x.status = 'in_progress'",
            State.FIXED: "x.status = 'fixed'",
            State.CLOSED: "x.status = 'closed'",
            State.DONE: "x.status IN ('fixed', 'closed')",
        },
        dates={Moment.CREATED: "x.reported_on", Moment.DONE: "x.fixed_on"},
        groups={**_WORK_GROUPS, Group.SEVERITY: "x.severity", Group.MONTH: "x.reported_on"},
        levels="x.severity",
    ),
    Entity.USER_STORIES: _Thing(
        columns="x.id, x.title, p.name AS project, x.status, x.points",
        order="x.id",
        joins={"p": _WORK_JOINS["p"], "c": _WORK_JOINS["c"]},
        states={
            State.OPEN: "x.status <> 'done'",
            State.DRAFT: "x.status = 'draft'",
            State.READY: "x.status = 'ready'",
            State.IN_PROGRESS: "x.status = 'in_progress'",
            State.DONE: "x.status = 'done'",
        },
        groups={Group.PROJECT: "p.name", Group.STATUS: "x.status", Group.CLIENT: "c.name"},
    ),
    Entity.COMMITS: _Thing(
        columns="substr(x.sha, 1, 7) AS sha, x.message, p.name AS project, a.name AS author, x.committed_at AS at",
        order="x.committed_at DESC, x.id DESC",
        joins={**_WORK_JOINS, "a": "JOIN people a ON a.id = x.author_id"},
        dates={Moment.CREATED: "x.committed_at"},
        groups={
            Group.PROJECT: "p.name",
            Group.CLIENT: "c.name",
            Group.ASSIGNEE: "a.name",
            Group.MONTH: "x.committed_at",
        },
    ),
    Entity.COMMENTS: _Thing(
        columns="x.created_at AS at, coalesce(a.name, 'Steward') AS author, x.body, x.task_id AS task, x.bug_id AS bug",
        order="x.created_at DESC, x.id DESC",
        joins={
            "p": "LEFT JOIN tasks t ON t.id = x.task_id LEFT JOIN bugs b ON b.id = x.bug_id "
            "LEFT JOIN projects p ON p.id = coalesce(t.project_id, b.project_id)",
            "c": "LEFT JOIN clients c ON c.id = p.client_id",
            "a": "LEFT JOIN people a ON a.id = x.author_id",
        },
        dates={Moment.CREATED: "x.created_at"},
        groups={
            Group.PROJECT: "p.name",
            Group.CLIENT: "c.name",
            Group.ASSIGNEE: "coalesce(a.name, 'Steward')",
            Group.MONTH: "x.created_at",
        },
    ),
    Entity.PROJECTS: _Thing(
        columns="p.name, c.name AS client, p.status, p.started_on AS started, p.due_on AS due, p.budget_usd",
        order="p.name",
        joins={"c": _WORK_JOINS["c"]},
        states={
            State.OPEN: "p.status <> 'completed'",
            State.ACTIVE: "p.status = 'active'",
            State.ON_HOLD: "p.status = 'on_hold'",
            State.DONE: "p.status = 'completed'",
            State.CLOSED: "p.status = 'completed'",
        },
        dates={Moment.DUE: "p.due_on", Moment.CREATED: "p.started_on"},
        groups={Group.STATUS: "p.status", Group.CLIENT: "c.name"},
        overdue="p.status <> 'completed' AND p.due_on < :today",
    ),
    Entity.PEOPLE: _Thing(
        columns="a.name, a.role, a.email, c.name AS client, a.joined_on AS joined",
        order="a.name",
        joins={"c": "LEFT JOIN clients c ON c.id = a.client_id"},
        dates={Moment.CREATED: "a.joined_on"},
        groups={Group.ROLE: "a.role", Group.CLIENT: "coalesce(c.name, 'none')"},
    ),
    Entity.CLIENTS: _Thing(
        columns="c.name, c.industry, c.country, c.created_on AS since", order="c.name", joins={}
    ),
}
_TABLES = {Entity.PROJECTS: "projects p", Entity.PEOPLE: "people a", Entity.CLIENTS: "clients c"}
_ITEM_COLUMN = {Entity.TASKS: "task_id", Entity.BUGS: "bug_id"}
_IN_FULL = {
    Entity.TASKS: "x.id, x.title, p.name AS project, x.status, x.priority, a.name AS assignee, x.estimate_hours, "
    "x.created_on AS created, x.due_on AS due, x.completed_on AS completed, x.description",
    Entity.BUGS: "x.id, x.title, p.name AS project, x.severity, x.status, a.name AS assignee, "
    "x.reported_on AS reported, x.fixed_on AS fixed",
}


def statement_for(intent: Ask | ShowItem | CountRows, today: date) -> Statement:
    """The query that answers it.

    Raises:
        CannotAsk: when the tracker does not have what is asked for.
    """
    match intent:
        case Ask():
            return _Question(intent, today).statement()
        case ShowItem():
            return _item_statement(intent.item)
        case CountRows():
            table = intent.table.replace('"', '""')
            return Statement(f'SELECT count(*) AS row_count FROM "{table}"')


def _item_statement(item: Item) -> Statement:
    source = _source(item.entity, _IN_FULL[item.entity])
    return Statement(
        f"SELECT {_IN_FULL[item.entity]} FROM {source} WHERE x.id = :id", {"id": item.id}
    )


class _Question:
    """Builds one statement: conditions first, then what is selected from what."""

    def __init__(self, ask: Ask, today: date) -> None:
        self._ask = ask
        self._today = today
        self._thing = _THINGS[ask.entity]
        self._params: Params = {}

    def statement(self) -> Statement:
        ask = self._ask
        conditions = self._conditions()
        where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
        label = f"open_{ask.entity}" if ask.state is State.OPEN else str(ask.entity)
        if ask.group is not None:
            group = self._group(ask.group)
            source = _source(ask.entity, f"{group} {where}")
            order = "1" if ask.group is Group.MONTH else "2 DESC, 1"
            sql = f"SELECT {group} AS {ask.group}, count(*) AS {label} FROM {source}{where} GROUP BY 1 ORDER BY {order}"
            return Statement(sql, self._params)
        if ask.counts:
            sql = f"SELECT count(*) AS {label} FROM {_source(ask.entity, where)}{where}"
            return Statement(sql, self._params)
        columns, order = self._columns(), self._order()
        source = _source(ask.entity, f"{columns} {where}")
        return Statement(
            f"SELECT {columns} FROM {source}{where} ORDER BY {order}",
            self._params,
            max_rows=ask.limit or LISTED,
        )

    def _group(self, group: Group) -> str:
        expression = self._thing.groups.get(group)
        if expression is None:
            raise CannotAsk(
                f"{_words(self._ask.entity).capitalize()} have no {group} in this tracker."
            )
        return f"substr({expression}, 1, 7)" if group is Group.MONTH else expression

    def _columns(self) -> str:
        """Without those that say the same in each row."""
        columns = self._thing.columns
        return columns.split(", x.task_id AS task")[0] if self._ask.item is not None else columns

    def _order(self) -> str:
        created = self._thing.dates.get(Moment.CREATED)
        return f"{created} DESC" if self._ask.newest and created else self._thing.order

    def _conditions(self) -> list[str]:
        ask = self._ask
        conditions = [self._name(name, number) for number, name in enumerate(ask.names, start=1)]
        if ask.item is not None:
            conditions.append(self._item(ask.item))
        if ask.state is not None:
            conditions.append(self._state(ask.state))
        if ask.levels:
            conditions.append(self._levels())
        if ask.role is not None:
            conditions.append(f"a.role = {self._bound('role', ask.role)}")
        if ask.overdue:
            conditions.append(self._overdue())
        if ask.unassigned:
            conditions.append(self._unassigned())
        if ask.window is not None:
            conditions.append(self._within())
        return conditions

    def _bound(self, name: str, value: str | int) -> str:
        self._params[name] = value
        return f":{name}"

    def _state(self, state: State) -> str:
        if state is State.FIXED and self._ask.window is not None:
            state = State.DONE  # those that were fixed then and are closed by now count too
        condition = self._thing.states.get(state)
        if condition is not None:
            return condition
        known = _listed([known.value for known in self._thing.states])
        things = _words(self._ask.entity).capitalize()
        raise CannotAsk(
            f"{things} are never “{state}” in this tracker: they are {known}."
            if known
            else f"{things} have no status in this tracker."
        )

    def _levels(self) -> str:
        ask, column = self._ask, self._thing.levels
        kinds = {"x.priority": "urgent high medium low", "x.severity": "critical major minor"}
        if column is None or not set(ask.levels) <= set(kinds[column].split()):
            raise CannotAsk(
                "Tasks have a priority (urgent, high, medium, low) and bugs a severity (critical, major, minor); "
                f"{_words(ask.entity)} are not “{_listed(ask.levels)}” in this tracker."
            )
        bound = [self._bound(f"level_{n}", level) for n, level in enumerate(ask.levels, start=1)]
        return f"{column} = {bound[0]}" if len(bound) == 1 else f"{column} IN ({', '.join(bound)})"

    def _overdue(self) -> str:
        if self._thing.overdue is None:
            raise CannotAsk(f"{_words(self._ask.entity).capitalize()} have no due date.")
        self._bound("today", self._today.isoformat())
        return self._thing.overdue

    def _unassigned(self) -> str:
        if self._ask.entity not in {Entity.TASKS, Entity.BUGS}:
            raise CannotAsk("Only tasks and bugs are assigned to somebody.")
        return "x.assignee_id IS NULL"

    def _item(self, item: Item) -> str:
        column = _ITEM_COLUMN[item.entity]
        if self._ask.entity is Entity.COMMITS and column != "task_id":
            raise CannotAsk("Commits belong to tasks, not to bugs.")
        return f"x.{column} = {self._bound('id', item.id)}"

    def _within(self) -> str:
        ask = self._ask
        assert ask.window is not None  # noqa: S101 - only asked then
        moment = ask.moment
        if moment is None and ask.state in {State.DONE, State.FIXED, State.CLOSED}:
            moment = Moment.DONE
        if moment is None and ask.newest:
            moment = Moment.CREATED
        column = (
            next(iter(self._thing.dates.values()), None)
            if moment is None
            else self._thing.dates.get(moment)
        )
        if column is None:
            raise CannotAsk(f"{_words(ask.entity).capitalize()} have no such date in this tracker.")
        first, end = days_of(ask.window, self._today)
        lower, upper = self._bound("first", first.isoformat()), self._bound("end", end.isoformat())
        return f"{column} >= {lower} AND {column} < {upper}"

    def _name(self, name: Name, number: int) -> str:
        """Parts of names do, in any case of letters."""
        pattern = self._bound(f"name_{number}", f"%{_escaped(name.text.lower())}%")
        escape = " ESCAPE '\\'" if "\\" in _escaped(name.text) else ""
        tests = [f"lower({column}) LIKE {pattern}{escape}" for column in self._names(name.of)]
        if name.of is NameOf.REPORTER:
            return f"x.reporter_id IN (SELECT id FROM people WHERE {tests[0]})"
        return tests[0] if len(tests) == 1 else f"({' OR '.join(tests)})"

    def _names(self, of: NameOf) -> list[str]:
        """The columns that hold such a name."""
        entity, joins = self._ask.entity, self._thing.joins
        if of is NameOf.REPORTER:
            if entity is not Entity.BUGS:
                raise CannotAsk("Only bugs say who reported them.")
            return ["name"]
        columns = {
            NameOf.PROJECT: "p.name" if "p" in joins or entity is Entity.PROJECTS else None,
            NameOf.PERSON: "a.name" if "a" in joins or entity is Entity.PEOPLE else None,
            NameOf.CLIENT: "c.name" if "c" in joins or entity is Entity.CLIENTS else None,
        }
        wanted = list(columns) if of is NameOf.ANY else [of]
        found = [column for kind in wanted if (column := columns[kind]) is not None]
        if not found:
            raise CannotAsk(f"{_words(entity).capitalize()} have no {of} in this tracker.")
        return found


def _source(entity: Entity, used_in: str) -> str:
    """The table and those of its joins that something in `used_in` needs."""
    joins = _THINGS[entity].joins
    needed = {alias for alias in joins if re.search(rf"\b{alias}\.", used_in)}
    if "c" in needed and "p" in joins:
        needed.add("p")
    used = [join for alias, join in joins.items() if alias in needed]
    return " ".join([_TABLES.get(entity, f"{entity} x"), *used])


def _escaped(text: str) -> str:
    """Nothing in a name is a wildcard."""
    return re.sub(r"([\\%_])", r"\\\1", text)


def _quoted(value: str | int) -> str:
    return str(value) if isinstance(value, int) else "'{}'".format(value.replace("'", "''"))


def _words(entity: Entity) -> str:
    return entity.replace("_", " ")


def _listed(words: list[str] | tuple[str, ...]) -> str:
    return f"{', '.join(words[:-1])} or {words[-1]}" if len(words) > 1 else "".join(words)
