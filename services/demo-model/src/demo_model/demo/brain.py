"""From a chat completions request to a reply: look at the last question and what its calls brought."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, assert_never, cast

from demo_model.demo import answers
from demo_model.demo.answers import CallResult
from demo_model.demo.sql import (
    CannotAsk,
    Statement,
    comments_statement,
    count_statement,
    statement_for,
    task_statement,
)
from demo_model.demo.understanding import (
    AddComment,
    Ask,
    CountRows,
    Intent,
    ListTables,
    NotUnderstood,
    SetStatus,
    ShowComments,
    ShowTask,
    Talk,
    understand,
)

_SMALL_TALK = {
    "hello": answers.HELLO,
    "thanks": answers.THANKS,
    "bye": answers.BYE,
    "how": answers.HOW,
    "who": answers.WHO,
    "delete": answers.DELETE,
    "foreign": answers.FOREIGN,
}


@dataclass(frozen=True, slots=True)
class Call:
    """A tool call of a reply."""

    name: str
    arguments: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Reply:
    """Text, calls, or both."""

    text: str = ""
    calls: tuple[Call, ...] = field(default_factory=tuple)


@dataclass(frozen=True, slots=True)
class _Tools:
    """The tools of a request, by the part of their name after the server's."""

    by_suffix: dict[str, str]

    def __contains__(self, suffix: str) -> bool:
        return suffix in self.by_suffix

    def call(self, suffix: str, **arguments: Any) -> Call:
        return Call(self.by_suffix[suffix], arguments)

    def query(self, statement: Statement) -> Call:
        arguments: dict[str, Any] = {"sql": statement.sql}
        if statement.params:
            arguments["params"] = statement.params
        return self.call("query", **arguments)


def reply(messages: Sequence[dict[str, Any]], tool_names: Sequence[str]) -> Reply:
    """What the demo model answers."""
    questions = [
        text for message in messages if message.get("role") == "user" and (text := _text(message))
    ]
    if not questions:
        return Reply(answers.HELLO)
    earlier = questions[-2] if len(questions) > 1 else None
    intent = understand(questions[-1], earlier)
    results = _results_of_last_question(messages)
    if results:
        return Reply(answers.answer(intent, results))
    return _first_reply(intent, _Tools({name.rsplit("__", 1)[-1]: name for name in tool_names}))


def _first_reply(intent: Intent, tools: _Tools) -> Reply:
    match intent:
        case Talk():
            return Reply(_SMALL_TALK.get(intent.about) or answers.help_text(list(tools.by_suffix)))
        case NotUnderstood():
            return Reply(answers.not_understood())
        case SetStatus():
            calls = [
                ("set_task_status", {"task_id": i, "status": intent.status})
                for i in intent.task_ids
            ]
            return _act(tools, calls)
        case AddComment():
            return _act(tools, [("add_comment", {"task_id": intent.task_id, "body": intent.body})])
        case ListTables():
            if "list_tables" not in tools:
                return Reply(answers.NO_DATABASE)
            return Reply(calls=(tools.call("list_tables"),))
        case Ask() | ShowTask() | ShowComments() | CountRows():
            return _look_up(intent, tools)
        case _:
            assert_never(intent)


def _act(tools: _Tools, calls: Sequence[tuple[str, dict[str, Any]]]) -> Reply:
    if any(name not in tools for name, _ in calls):
        return Reply("I can't change that here: I have no tool for it at the moment.")
    return Reply(calls=tuple(tools.call(name, **arguments) for name, arguments in calls))


def _look_up(intent: Ask | ShowTask | ShowComments | CountRows, tools: _Tools) -> Reply:
    if "query" not in tools:
        return Reply(answers.NO_DATABASE)
    try:
        statement = _statement(intent)
    except CannotAsk as problem:
        return Reply(str(problem))
    return Reply(calls=(tools.query(statement),))


def _statement(intent: Ask | ShowTask | ShowComments | CountRows) -> Statement:
    match intent:
        case Ask():
            return statement_for(intent)
        case ShowTask():
            return task_statement(intent.task_id)
        case ShowComments():
            return comments_statement(intent.task_id)
        case CountRows():
            return count_statement(intent.table)


def _results_of_last_question(messages: Sequence[dict[str, Any]]) -> list[CallResult]:
    """Results of the calls made since the last question, in the order the calls were made."""
    start = max(i for i, message in enumerate(messages) if message.get("role") == "user")
    since = messages[start + 1 :]
    told = {str(m.get("tool_call_id")): _told(m) for m in since if m.get("role") == "tool"}
    results: list[CallResult] = []
    for message in since:
        for call in cast("list[dict[str, Any]]", message.get("tool_calls") or []):
            function = cast("dict[str, Any]", call.get("function") or {})
            if str(call.get("id")) in told:
                name = str(function.get("name", "")).rsplit("__", 1)[-1]
                arguments = _json_object(function.get("arguments"))
                results.append(CallResult(name, arguments, told[str(call.get("id"))]))
    return results


def _told(message: dict[str, Any]) -> dict[str, Any]:
    text = _text(message)
    parsed = _json_object(text)
    if parsed:
        return parsed if "status" in parsed else {"status": "succeeded", "result": parsed}
    return {
        "status": "failed",
        "message": "The result was too long to read." if text.startswith("{") else text[:300],
    }


def _json_object(text: object) -> dict[str, Any]:
    try:
        parsed: object = json.loads(text) if isinstance(text, str) else {}
    except json.JSONDecodeError:
        return {}
    return cast("dict[str, Any]", parsed) if isinstance(parsed, dict) else {}


def _text(message: dict[str, Any]) -> str:
    """Content as text; the list form keeps its text parts."""
    content = message.get("content")
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        parts = cast("list[dict[str, Any]]", content)
        return "".join(str(part.get("text", "")) for part in parts if part.get("type") == "text")
    return ""
