"""From a conversation to the demo model's reply: what the last question asks for, and what its calls brought."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from demo_model.demo.answers import answer_one, is_another_database
from demo_model.demo.intents import (
    AddComment,
    Ask,
    AskDocuments,
    CannotDo,
    CountRows,
    FindMail,
    Intent,
    ListTables,
    NotUnderstood,
    ReadMail,
    ReadPage,
    SearchWeb,
    SendMail,
    SetStatus,
    ShowItem,
    Talk,
    Topic,
    UseTool,
)
from demo_model.demo.mails import SHOWN, mails_of
from demo_model.demo.results import CallResult
from demo_model.demo.small_talk import NO_DATABASE, not_understood, say
from demo_model.demo.sql import CannotAsk, statement_for
from demo_model.demo.tool_use import call_or_problem
from demo_model.demo.toolbox import Call, Toolbox
from demo_model.demo.understanding import understand_last

NO_MAIL = (
    "I have no mail tool at the moment, so I can't look into your mailbox. Try again in a moment."
)
NO_DOCUMENTS = "I have no tool for documents at the moment, so I can't look that up."
NO_WEB = "I have no tool for the web at the moment."
NO_SUCH_TOOL = "I can't change that here: I have no tool for it at the moment."


@dataclass(frozen=True, slots=True)
class Reply:
    """Text, calls, or both."""

    text: str = ""
    calls: tuple[Call, ...] = field(default_factory=tuple)


def reply(
    questions: Sequence[str],
    results: Sequence[CallResult],
    tools: Toolbox,
    today: date,
    *,
    answers: Sequence[str] = (),
) -> Reply:
    """What the demo model answers.

    `questions` are the person's messages, oldest first; `results` belong to the calls made since the last of them,
    in the order of the calls; `answers` is what was said to each question. The same conversation means the same each
    time, so nothing is kept between requests.
    """
    if not questions:
        return Reply(say(Topic.HELLO, ()))
    intents = understand_last(questions, answers)
    if not results:
        return _first_reply(intents, tools, today)
    if _should_look_at_tables(results, tools):
        return Reply(calls=(tools.call("list_tables"),))
    if (mail := _mail_to_read(intents, results, tools)) is not None:
        return Reply(calls=(mail,))
    return Reply(_answer([intent for intent in intents if _has_call(intent, today)], results))


def _first_reply(intents: Sequence[Intent], tools: Toolbox, today: date) -> Reply:
    steps = [_step(intent, tools, today) for intent in intents]
    texts = dict.fromkeys(step for step in steps if isinstance(step, str))
    calls = tuple(step for step in steps if isinstance(step, Call))
    return Reply("\n\n".join(texts), calls)


def _step(intent: Intent, tools: Toolbox, today: date) -> Call | str:
    """The call that serves the intent, or what to say at once."""
    match intent:
        case Talk():
            return say(intent.about, tools.tools)
        case CannotDo():
            return intent.why
        case NotUnderstood():
            return not_understood()
        case SetStatus():
            return _act(
                tools, "set_task_status", {"task_id": intent.task_id, "status": intent.status}
            )
        case AddComment():
            return _act(tools, "add_comment", {"task_id": intent.task_id, "body": intent.body})
        case UseTool():
            return call_or_problem(intent, tools)
        case SendMail():
            return _act(
                tools,
                "send_email",
                {"to": [intent.to], "subject": intent.subject, "body": intent.body},
            )
        case FindMail() | ReadMail():
            return _search_mail(intent, tools)
        case AskDocuments():
            return _by_tool(tools, "kb_search", NO_DOCUMENTS, query=intent.question)
        case SearchWeb():
            return _by_tool(tools, "web_search", NO_WEB, query=intent.words)
        case ReadPage():
            return _by_tool(tools, "fetch_page", NO_WEB, url=intent.url)
        case ListTables():
            return tools.call("list_tables") if "list_tables" in tools else NO_DATABASE
        case Ask() | ShowItem() | CountRows():
            return _look_up(intent, tools, today)


def _search_mail(intent: FindMail | ReadMail, tools: Toolbox) -> Call | str:
    if "search_email" not in tools:
        return NO_MAIL
    arguments: dict[str, Any] = {"limit": 1 if isinstance(intent, ReadMail) else SHOWN}
    if intent.about:
        arguments["text"] = intent.about
    if intent.sender:
        arguments["sender"] = intent.sender
    if isinstance(intent, FindMail) and intent.unread:
        arguments["unread"] = True
    return tools.call("search_email", **arguments)


def _mail_to_read(
    intents: Sequence[Intent], results: Sequence[CallResult], tools: Toolbox
) -> Call | None:
    """The second step of reading a mail: the first found which."""
    if not isinstance(intents[0], ReadMail) or len(results) != 1 or "read_email" not in tools:
        return None
    found = mails_of(results[0])
    return tools.call("read_email", id=found[0].get("id")) if found else None


def _act(tools: Toolbox, tool: str, arguments: Mapping[str, Any]) -> Call | str:
    return tools.call(tool, **arguments) if tool in tools else NO_SUCH_TOOL


def _by_tool(tools: Toolbox, tool: str, otherwise: str, **arguments: Any) -> Call | str:
    return tools.call(tool, **arguments) if tool in tools else otherwise


def _look_up(intent: Ask | ShowItem | CountRows, tools: Toolbox, today: date) -> Call | str:
    if "query" not in tools:
        return NO_DATABASE
    try:
        return tools.query(statement_for(intent, today))
    except CannotAsk as problem:
        return str(problem)


def _should_look_at_tables(results: Sequence[CallResult], tools: Toolbox) -> bool:
    """Once, after queries that found no tracker in the database."""
    return (
        "list_tables" in tools
        and any(is_another_database(result) for result in results)
        and not any(result.tool == "list_tables" for result in results)
    )


def _answer(intents: Sequence[Intent], results: Sequence[CallResult]) -> str:
    """One paragraph a call; what is said twice is said once."""
    texts = [
        answer_one(intent, result)
        for intent, result in zip(_served(intents, results), results, strict=True)
    ]
    return "\n\n".join(dict.fromkeys(texts))


def _has_call(intent: Intent, today: date) -> bool:
    """Whether a call was made for it, if there was a tool."""
    if type(intent) not in _TOOL_OF:
        return False
    try:
        return not isinstance(intent, Ask) or bool(statement_for(intent, today).sql)
    except CannotAsk:
        return False


_TOOL_OF: dict[type[Intent], str] = {
    SetStatus: "set_task_status",
    AddComment: "add_comment",
    ListTables: "list_tables",
    Ask: "query",
    ShowItem: "query",
    CountRows: "query",
    SendMail: "send_email",
    FindMail: "search_email",
    ReadMail: "search_email",
    AskDocuments: "kb_search",
    SearchWeb: "web_search",
    ReadPage: "fetch_page",
}


def _served(intents: Sequence[Intent], results: Sequence[CallResult]) -> list[Intent | None]:
    """The intent behind each result: calls were made in the order of the intents, one each."""
    waiting = list(intents)
    served: list[Intent | None] = []
    for result in results:
        if waiting and _TOOL_OF[type(waiting[0])] == result.tool:
            served.append(waiting.pop(0))
        else:
            served.append(ListTables() if result.tool == "list_tables" else None)
    return served
