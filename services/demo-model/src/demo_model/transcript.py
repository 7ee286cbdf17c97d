"""From the messages of a request to what the demo model works with."""

from collections.abc import Sequence
from typing import Any, cast

from demo_model.demo.results import CallResult, read_result
from demo_model.demo.toolbox import OfferedTool, Toolbox
from demo_model.request import Function, Message


def questions_in(messages: Sequence[Message]) -> list[str]:
    """What the person said, oldest first."""
    return [message.text for message in messages if message.role == "user" and message.text]


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
    """The tools on offer with the names of their parameters."""
    return Toolbox.of(OfferedTool(function.name, _parameters(function)) for function in functions)


def _parameters(function: Function) -> frozenset[str]:
    properties = (function.parameters or {}).get("properties")
    return frozenset(cast("dict[str, Any]", properties) if isinstance(properties, dict) else ())
