"""`use the TOOL tool with NAME: VALUE`: any tool on offer, by its name, with arguments that fit its schema."""

import json
import re
from collections.abc import Mapping
from typing import Any, cast

from demo_model.demo.intents import UseTool
from demo_model.demo.tables import plain
from demo_model.demo.toolbox import Call, OfferedTool, Toolbox

_USE = re.compile(
    r"(?:please\s+)?(?:use|call|run)\s+(?:the\s+)?(?:tool\s+)?[“\"'`]?(?P<name>[A-Za-z][\w.-]{0,127})[”\"'`]?"
    r"(?:\s+tool)?(?:\s+(?:with|on|for)\s+(?P<given>.+))?",
    re.IGNORECASE | re.DOTALL,
)
_PAIR = re.compile(r"\s*(?P<name>\w+)\s*[:=]\s*(?P<value>\"[^\"]*\"|“[^”]*”|[^,]*?)\s*(?:,|$)")
_TRUE_OR_FALSE = {"true": True, "yes": True, "false": False, "no": False}


def read_tool_use(text: str) -> UseTool | None:
    """Which tool is to be used, with what; None when the message is about something else."""
    found = _USE.fullmatch(text.strip().rstrip(".!?"))
    return UseTool(found["name"], (found["given"] or "").strip()) if found else None


def call_or_problem(use: UseTool, tools: Toolbox) -> Call | str:
    """The call; or why it cannot be made, for the person."""
    tool = tools.find(use.tool)
    if tool is None:
        known = ", ".join(f"`{name}`" for name in sorted(tools.tools))
        have = f"I have {known}." if known else "I have no tools at the moment."
        return f"I have no tool “{plain(use.tool)}”. {have}"
    given = _given(use.given, tool)
    if given is None or not set(given) <= set(tool.parameters) or tool.required - set(given):
        return _how_to_use(tool)
    values = {name: _typed(value, tool.parameters[name]) for name, value in given.items()}
    wrong = sorted(name for name, value in values.items() if value is None)
    return f"{_how_to_use(tool)} I can't read `{wrong[0]}`." if wrong else Call(tool.name, values)


def _given(text: str, tool: OfferedTool) -> Mapping[str, Any] | None:
    """Arguments by name: a JSON object, `name: value` pairs, or the one value that the tool needs."""
    if not text:
        return {}
    if text.startswith("{"):
        return _json_object(text)
    pairs = list(_PAIR.finditer(text))
    names = {pair["name"] for pair in pairs}
    if pairs and sum(len(pair[0]) for pair in pairs) == len(text) and names <= set(tool.parameters):
        return {pair["name"]: pair["value"].strip('"“”') for pair in pairs}
    if len(tool.required) != 1:
        return None
    (name,) = tool.required
    return {name: re.sub(rf"^{re.escape(name)}\s*[:=]\s*", "", text).strip('"“”')}


def _json_object(text: str) -> Mapping[str, Any] | None:
    try:
        value: object = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return cast("dict[str, Any]", value) if isinstance(value, dict) else None


def _typed(value: object, kind: str) -> object:
    """Text as the schema's type; None when it is not of that type."""
    if not isinstance(value, str):
        return value
    match kind:
        case "integer":
            return int(value) if re.fullmatch(r"-?\d{1,15}", value) else None
        case "number":
            return float(value) if re.fullmatch(r"-?\d{1,15}(?:\.\d{1,15})?", value) else None
        case "boolean":
            return _TRUE_OR_FALSE.get(value.lower())
        case "array":
            return [part.strip() for part in re.split(r",|\band\b", value) if part.strip()]
        case "object":
            return _json_object(value)
        case _:
            return value


def _how_to_use(tool: OfferedTool) -> str:
    short = tool.name.rsplit("__", 1)[-1]
    needed = [name for name in tool.parameters if name in tool.required]
    more = [name for name in tool.parameters if name not in tool.required]
    takes = [
        f"needs {', '.join(f'`{name}`' for name in needed)}" if needed else "needs nothing",
        f"and can take {', '.join(f'`{name}`' for name in more)}" if more else "",
    ]
    example = f" with {', '.join(f'{name}: …' for name in needed)}" if needed else ""
    return f"`{short}` {' '.join(filter(None, takes))}. Say: “Use {short}{example}”."
