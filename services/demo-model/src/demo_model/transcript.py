"""From the messages of a request to what the demo model works with."""

from collections.abc import Sequence
from typing import Any, cast

from demo_model.demo.results import CallResult, read_result
from demo_model.demo.toolbox import OfferedTool, Toolbox
from demo_model.request import Function, Message


def questions_in(messages: Sequence[Message]) -> list[str]:
    """What the person said, oldest first."""
    return [message.text for message in messages if message.role == "user" and message.text]


def answers_in(messages: Sequence[Message]) -> list[str]:
    """What was said last to each question, in the order of the questions; empty where nothing was."""
    answers: list[str] = []
    for message in messages:
        if message.role == "user" and message.text:
            answers.append("")
        elif message.role == "assistant" and message.text and answers:
            answers[-1] = message.text
    return answers


def results_in(messages: Sequence[Message]) -> list[CallResult]:
    """Results of the calls made since the person's last message, in the order of the calls."""
    spoken = [at for at, message in enumerate(messages) if message.role == "user" and message.text]
    since = messages[spoken[-1] + 1 :] if spoken else messages
    told = {message.tool_call_id: message.text for message in since if message.role == "tool"}
    return [
        read_result(call.function.name, call.function.arguments, told[call.id])
        for message in since
        for call in message.tool_calls or []
        if call.id in told
    ]


def toolbox_of(functions: Sequence[Function]) -> Toolbox:
    """The tools on offer with what their schemas say of their parameters."""
    return Toolbox.of(
        OfferedTool(function.name, _parameters(function), _required(function))
        for function in functions
    )


def _parameters(function: Function) -> dict[str, str]:
    """Each parameter's type; of an optional one the type it has when it is given, `any` where none is said."""
    properties = (function.parameters or {}).get("properties")
    if not isinstance(properties, dict):
        return {}
    return {name: _type_of(schema) for name, schema in cast("dict[str, Any]", properties).items()}


def _type_of(schema: object) -> str:
    if not isinstance(schema, dict):
        return "any"
    found = cast("dict[str, Any]", schema)
    if isinstance(found.get("type"), str):
        return str(found["type"])
    options = found.get("anyOf")
    types = [
        _type_of(one) for one in cast("list[object]", options if isinstance(options, list) else [])
    ]
    return next((one for one in types if one != "null"), "any")


def _required(function: Function) -> frozenset[str]:
    required = (function.parameters or {}).get("required")
    names = cast("list[object]", required if isinstance(required, list) else [])
    return frozenset(name for name in names if isinstance(name, str))
