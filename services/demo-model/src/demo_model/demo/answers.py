"""What the demo model says."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

from demo_model.demo.understanding import (
    AddComment,
    Ask,
    CountRows,
    Intent,
    ListTables,
    SetStatus,
    ShowComments,
    ShowTask,
)

SUGGESTIONS = (
    "How many open tasks does each project have?",
    "Set task 42 to done",
    "Show a chart of open bugs by severity",
)
MAX_CHART_BARS = 24

HELLO = "Hello! I am Steward's demo model. Ask me about the projects, tasks and bugs of the sample tracker."
THANKS = "You're welcome."
BYE = "Goodbye!"
HOW = "All is well, thank you. What would you like to know?"
WHO = (
    "I am Steward's built-in demo model: a set of rules, not a language model. I understand a range of simple "
    "questions about the sample project tracker, so that Steward can be tried without a key."
)
FOREIGN = "I only understand English. A real model, set with OPENAI_API_KEY in `.env`, understands more languages."
DELETE = (
    "I can't delete anything: this assistant changes only what has been declared for it. "
    "I can set a task's status or add a comment, and I ask you first."
)
NO_DATABASE = (
    "I have no database tool at the moment, so I can't look anything up. Try again in a moment."
)


@dataclass(frozen=True, slots=True)
class CallResult:
    """What came back of one call: the tool's short name, its arguments, and what the host told of it."""

    tool: str
    arguments: dict[str, Any]
    told: dict[str, Any]

    @property
    def status(self) -> str:
        return str(self.told.get("status", "succeeded"))

    @property
    def result(self) -> dict[str, Any]:
        result = self.told.get("result")
        return cast("dict[str, Any]", result) if isinstance(result, dict) else {}

    @property
    def message(self) -> str:
        return str(self.told.get("message", "")).strip()


def help_text(tools: Sequence[str]) -> str:
    can: list[str] = []
    if "query" in tools:
        can += [
            "**count and list** projects, tasks, bugs, user stories, commits and people: "
            "“How many open tasks does each project have?”, “List urgent tasks in Harbor”",
            "**draw a chart**: “Show a chart of open bugs by severity”",
            "**show one task**: “What is task 42?”, “Comments on task 42”",
        ]
    if "set_task_status" in tools:
        can.append("**set a task's status**, after you said yes: “Set task 42 to done”")
    if "add_comment" in tools:
        can.append("**add a comment**, after you said yes: “Add a comment to task 42: Looks good”")
    listed = "\n".join(f"- {line}" for line in can)
    intro = f"With the tools I have here I can\n\n{listed}\n\n" if can else f"{NO_DATABASE}\n\n"
    return (
        f"{intro}I am a demo: rules, not a language model. For a real one set `OPENAI_API_KEY` (and `OPENAI_BASE_URL` "
        "and `STEWARD_MODEL` for a server of your own) in `.env` and start Steward again."
    )


def not_understood() -> str:
    examples = "\n".join(f"- {text}" for text in SUGGESTIONS)
    return f"I am only a demo model and did not understand that. These work:\n\n{examples}"


def answer(intent: Intent, results: Sequence[CallResult]) -> str:
    """The answer once all calls have come back."""
    return "\n\n".join(_answer_one(intent, result) for result in results)


def _answer_one(intent: Intent, result: CallResult) -> str:
    if result.status != "succeeded":
        return _not_done(intent, result)
    if isinstance(intent, SetStatus | AddComment):
        return _done(result)
    if isinstance(intent, ListTables):
        return _tables(result)
    if isinstance(intent, CountRows):
        return f"`{intent.table}` has **{_first_cell(result):,}** rows."
    if isinstance(intent, ShowTask):
        return _task(intent, result)
    if isinstance(intent, ShowComments):
        return _listing(
            result, f"Comments on task {intent.task_id}:", f"Task {intent.task_id} has no comments."
        )
    if isinstance(intent, Ask):
        return _asked(intent, result)
    return _markdown_table(result)


def _not_done(intent: Intent, result: CallResult) -> str:
    what = _what(result)
    match result.status:
        case "rejected":
            note = result.told.get("note_from_person")
            heard = f" You said: “{note}”." if note else ""
            return f"All right, I left {what} as it is.{heard}"
        case "expired":
            return f"Nobody answered in time, so nothing was done with {what}. Ask again if you still want it."
        case "outcome_unknown":
            return (
                f"I don't know whether the change to {what} was done: the answer was lost. "
                "Please check before repeating it."
            )
        case "cancelled":
            return "That was stopped."
        case "refused":
            return f"That is not allowed here: {result.message}"
        case _:
            if isinstance(intent, Ask) and "no table" in result.message:
                return (
                    "This database is not the sample tracker I know. I can say which tables it has (“List the tables”) "
                    "and count their rows (“How many rows in TABLE”)."
                )
            return f"That did not work: {result.message or 'the tool failed.'}"


def _what(result: CallResult) -> str:
    task = result.arguments.get("task_id")
    return f"task {task}" if task is not None else "it"


def _done(result: CallResult) -> str:
    summary = str(result.result.get("summary") or "Done.")
    changed = result.told.get("changed_by_person_before_approving")
    repeated = " (It had been done before.)" if result.result.get("repeated") else ""
    edited = " That is with the changes you made before approving." if changed else ""
    return f"{summary}{repeated}{edited}"


def _tables(result: CallResult) -> str:
    tables = cast("list[dict[str, Any]]", result.result.get("tables", []))
    if not tables:
        return "The database has no tables."
    lines = "\n".join(
        f"| {t['name']} | {t['kind']} | {t['columns']} | {t['rows']} |" for t in tables
    )
    return f"These are the tables:\n\n| Table | Kind | Columns | Rows |\n| --- | --- | --- | --- |\n{lines}"


def _task(intent: ShowTask, result: CallResult) -> str:
    rows = _rows(result)
    if not rows:
        return f"There is no task {intent.task_id}."
    names = _names(result)
    facts = dict(zip(names, rows[0], strict=True))
    lines = "\n".join(
        f"| {_title(name)} | {_cell(value)} |"
        for name, value in facts.items()
        if name not in {"id", "title", "description"} and value is not None
    )
    return f"**Task {facts['id']}: {_cell(facts['title'])}**\n\n{facts['description']}\n\n| | |\n| --- | --- |\n{lines}"


def _asked(ask: Ask, result: CallResult) -> str:
    noun = _noun(ask)
    rows = _rows(result)
    if ask.chart and rows:
        return _chart(ask, result)
    if ask.group is not None:
        if not rows:
            return f"There are no {noun}."
        total = sum(int(row[-1]) for row in rows)
        return f"{noun.capitalize()} by {ask.group}, **{total:,}** in all:\n\n{_markdown_table(result)}"
    if ask.counts:
        count = _first_cell(result)
        verb = "is" if count == 1 else "are"
        return f"There {verb} **{count:,}** {noun}."
    return _listing(result, f"{noun.capitalize()}:", f"There are no {noun}.")


def _noun(ask: Ask) -> str:
    parts = [
        word.replace("status:", "")
        .replace("priority:", "")
        .replace("severity:", "")
        .replace("_", " ")
        for word in sorted(ask.filters)
    ]
    where = f" in {ask.project}" if ask.project and ask.project != ask.person else ""
    whose = f" of {ask.person}" if ask.person else ""
    return f"{' '.join([*parts, ask.entity.replace('_', ' ')])}{where}{whose}"


def _chart(ask: Ask, result: CallResult) -> str:
    rows = _rows(result)[:MAX_CHART_BARS]
    spec = {
        "type": "line" if ask.group == "month" else "bar",
        "title": f"{_noun(ask).capitalize()} by {ask.group}",
        "labels": [str(row[0]) for row in rows],
        "values": [row[-1] for row in rows],
        "unit": ask.entity.replace("_", " "),
    }
    total = sum(int(row[-1]) for row in rows)
    return f"{_noun(ask).capitalize()} by {ask.group}, **{total:,}** in all:\n\n```chart\n{json.dumps(spec)}\n```"


def _listing(result: CallResult, title: str, nothing: str) -> str:
    rows = _rows(result)
    if not rows:
        return nothing
    more = (
        "\n\nThere may be more; these are the first."
        if len(rows) >= 20 or result.result.get("truncated")
        else ""
    )
    return f"{title}\n\n{_markdown_table(result)}{more}"


def _markdown_table(result: CallResult) -> str:
    names = _names(result)
    head = f"| {' | '.join(_title(name) for name in names)} |\n|{' --- |' * len(names)}"
    body = "\n".join(f"| {' | '.join(_cell(value) for value in row)} |" for row in _rows(result))
    return f"{head}\n{body}"


def _names(result: CallResult) -> list[str]:
    return [str(column["name"]) for column in result.result.get("columns", [])]


def _rows(result: CallResult) -> list[list[Any]]:
    return cast("list[list[Any]]", result.result.get("rows", []))


def _first_cell(result: CallResult) -> int:
    rows = _rows(result)
    return int(rows[0][0]) if rows and rows[0] else 0


def _title(name: str) -> str:
    return name.replace("_", " ").capitalize()


def _cell(value: Any) -> str:
    """A value inside a Markdown table: nothing in it may end the cell or start markup."""
    if value is None:
        return "–"
    text = str(value).replace("\n", " ")
    for character in "\\|`*_<[":
        text = text.replace(character, f"\\{character}")
    return text
