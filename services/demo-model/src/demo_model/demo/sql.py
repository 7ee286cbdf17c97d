"""From an understood question to SQL over the sample tracker. Words of the person are bound, never written in."""

from dataclasses import dataclass

from demo_model.demo.understanding import Ask

LISTED = 20

_FROM = {
    "tasks": "tasks x JOIN projects p ON p.id = x.project_id LEFT JOIN people a ON a.id = x.assignee_id",
    "bugs": "bugs x JOIN projects p ON p.id = x.project_id LEFT JOIN people a ON a.id = x.assignee_id",
    "user_stories": "user_stories x JOIN projects p ON p.id = x.project_id",
    "commits": "commits x JOIN projects p ON p.id = x.project_id JOIN people a ON a.id = x.author_id",
    "comments": "comments x LEFT JOIN tasks t ON t.id = x.task_id LEFT JOIN projects p ON p.id = t.project_id "
    "LEFT JOIN people a ON a.id = x.author_id",
    "projects": "projects x JOIN clients c ON c.id = x.client_id",
    "people": "people x LEFT JOIN clients c ON c.id = x.client_id",
    "clients": "clients x",
}
_COLUMNS = {
    "tasks": "x.id, x.title, p.name AS project, x.status, x.priority, a.name AS assignee, x.due_on AS due",
    "bugs": "x.id, x.title, p.name AS project, x.severity, x.status, a.name AS assignee",
    "user_stories": "x.id, x.title, p.name AS project, x.status, x.points",
    "commits": "substr(x.sha, 1, 7) AS sha, x.message, p.name AS project, a.name AS author, x.committed_at AS at",
    "comments": "x.created_at AS at, a.name AS author, x.body, x.task_id AS task",
    "projects": "x.name, c.name AS client, x.status, x.due_on AS due, x.budget_usd AS budget_usd",
    "people": "x.name, x.role, x.email, c.name AS client",
    "clients": "x.name, x.industry, x.country",
}
_ORDER = {
    "tasks": "CASE x.priority WHEN 'urgent' THEN 0 WHEN 'high' THEN 1 WHEN 'medium' THEN 2 ELSE 3 END, x.due_on",
    "bugs": "CASE x.severity WHEN 'critical' THEN 0 WHEN 'major' THEN 1 ELSE 2 END, x.reported_on",
    "commits": "x.committed_at DESC",
    "comments": "x.created_at DESC",
    "projects": "x.name",
    "people": "x.name",
    "clients": "x.name",
    "user_stories": "x.id",
}
_GROUPS = {
    "project": "p.name",
    "status": "x.status",
    "priority": "x.priority",
    "severity": "x.severity",
    "assignee": "coalesce(a.name, 'nobody')",
    "client": "(SELECT name FROM clients WHERE id = p.client_id)",
    "role": "x.role",
}
_MONTHS = {
    "bugs": "x.reported_on",
    "tasks": "x.created_on",
    "commits": "x.committed_at",
    "comments": "x.created_at",
}
_HAS = {
    "tasks": {"project", "status", "priority", "assignee", "client", "month"},
    "bugs": {"project", "status", "severity", "assignee", "client", "month"},
    "user_stories": {"project", "status", "client"},
    "commits": {"project", "assignee", "client", "month"},
    "comments": {"project", "assignee", "month"},
    "projects": {"status", "client"},
    "people": {"role", "client"},
    "clients": set[str](),
}


@dataclass(frozen=True, slots=True)
class Statement:
    """SQL with its bound values."""

    sql: str
    params: dict[str, str | int]


class CannotAsk(Exception):
    """The tracker has nothing of the kind; the message says so to the person."""


def statement_for(ask: Ask) -> Statement:
    """Raises CannotAsk when the tracker does not have what is asked for."""
    if ask.group is not None and ask.group not in _HAS[ask.entity]:
        raise CannotAsk(f"{_words(ask.entity).capitalize()} have no {ask.group} in this tracker.")
    conditions, params = _conditions(ask)
    where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
    source = f"{_FROM[ask.entity]}{where}"
    if ask.group is not None:
        group = _group_expression(ask)
        order = "1" if ask.group == "month" else "2 DESC, 1"
        return Statement(
            f"SELECT {group} AS {ask.group}, count(*) AS {_label(ask)} FROM {source} GROUP BY 1 ORDER BY {order}",
            params,
        )
    if ask.counts:
        return Statement(f"SELECT count(*) AS {_label(ask)} FROM {source}", params)
    return Statement(
        f"SELECT {_COLUMNS[ask.entity]} FROM {source} ORDER BY {_ORDER[ask.entity]} LIMIT {LISTED}",
        params,
    )


def task_statement(task_id: int) -> Statement:
    return Statement(
        "SELECT x.id, x.title, p.name AS project, x.status, x.priority, a.name AS assignee, x.estimate_hours, "
        f"x.due_on AS due, x.completed_on AS completed, x.description FROM {_FROM['tasks']} WHERE x.id = :id",
        {"id": task_id},
    )


def comments_statement(task_id: int) -> Statement:
    return Statement(
        "SELECT x.created_at AS at, coalesce(a.name, 'Steward') AS author, x.body FROM comments x "
        "LEFT JOIN people a ON a.id = x.author_id WHERE x.task_id = :id ORDER BY x.created_at",
        {"id": task_id},
    )


def count_statement(table: str) -> Statement:
    """`table` consists of letters, digits and underscores only."""
    return Statement(f'SELECT count(*) AS "rows" FROM "{table}"', {})


def _group_expression(ask: Ask) -> str:
    if ask.group == "month":
        return f"substr({_MONTHS[ask.entity]}, 1, 7)"
    if ask.group == "client" and ask.entity in {"projects", "people"}:
        return "c.name"
    return _GROUPS[ask.group or "status"]


def _conditions(ask: Ask) -> tuple[list[str], dict[str, str | int]]:
    conditions = [
        condition for name in sorted(ask.filters) if (condition := _condition(name, ask.entity))
    ]
    params: dict[str, str | int] = {}
    has = _HAS[ask.entity]
    if ask.project is not None and "project" in has and ask.project != ask.person:
        conditions.append("p.name LIKE :project")
        params["project"] = f"%{ask.project}%"
    if ask.person is not None and "assignee" in has:
        conditions.append("a.name LIKE :person")
        params["person"] = f"%{ask.person}%"
    return conditions, params


def _condition(name: str, entity: str) -> str | None:
    kind, _, value = name.partition(":")
    has = _HAS[entity]
    if name == "open" and "status" in has:
        return {
            "tasks": "x.status <> 'done'",
            "bugs": "x.status IN ('open', 'in_progress')",
            "projects": "x.status <> 'completed'",
        }.get(entity, "x.status <> 'done'")
    if name == "overdue" and entity == "tasks":
        return "x.status <> 'done' AND x.due_on < date('now')"
    if name == "overdue" and entity == "projects":
        return "x.status <> 'completed' AND x.due_on < date('now')"
    if name == "unassigned" and entity in {"tasks", "bugs"}:
        return "x.assignee_id IS NULL"
    if kind in has and value:
        if entity == "bugs" and value == "done":
            return "x.status IN ('fixed', 'closed')"
        if entity == "projects" and value == "done":
            return "x.status = 'completed'"
        return f"x.{kind} = '{value}'"  # a word of our own closed sets
    return None


def _label(ask: Ask) -> str:
    return f"open_{ask.entity}" if "open" in ask.filters else ask.entity


def _words(entity: str) -> str:
    return entity.replace("_", " ")
