"""The gate before every call. Pure: it is handed everything it judges by.

Does the tool exist, is its definition the accepted one, do the arguments fit, what does the policy say?
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, cast

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError, ValidationError, relevance
from pydantic import JsonValue
from referencing import Registry

from orchestrator.models.port import ProposedCall
from orchestrator.policy.conditions import ToolUse
from orchestrator.policy.rules import Judgement, Policy
from orchestrator.tools.catalogue import CatalogueTool, Toolbox
from shared.wire.events import Verdict

MAX_ARGUMENTS_BYTES = 200_000


@dataclass(frozen=True, slots=True)
class GatedCall:
    """A proposed call and what becomes of it."""

    model_name: str
    tool: CatalogueTool | None
    arguments: dict[str, JsonValue]
    judgement: Judgement


def gate(
    call: ProposedCall,
    toolbox: Toolbox,
    policy: Policy,
    roles: frozenset[str],
    *,
    tainted: bool,
    calls_left: int,
) -> GatedCall:
    """Judge one call. The first check that fails refuses it; the reason is told to the model.

    `tainted`: text that strangers may have written is in the turn.
    """
    tool = toolbox.by_model_name(call.name)
    arguments = _parse(call.arguments_json)
    if calls_left <= 0:
        judgement = _refuse(
            "too_many_calls", "This turn has used up its tool calls. Answer with what is known."
        )
    elif tool is None:
        names = ", ".join(tool.name for tool in toolbox.for_model()) or "none"
        judgement = _refuse("unknown_tool", f"There is no such tool. Available: {names}.")
    else:
        judgement = judge_use(tool, arguments, policy, roles, tainted=tainted)
    fits = (
        len(call.arguments_json) <= MAX_ARGUMENTS_BYTES
    )  # what was refused for its size is not kept
    return GatedCall(call.name, tool, (arguments or {}) if fits else {}, judgement)


def asking_again(judgement: Judgement) -> Judgement:
    """For a call that may have been done already: whatever let it run before, it needs another yes."""
    if judgement.verdict is not Verdict.RUN:
        return judgement
    return Judgement(
        Verdict.ASK,
        "retry_asks",
        "It may have been done already, so doing it again needs your yes.",
    )


def without_second_person(judgement: Judgement) -> Judgement:
    """For a call of an API key: whoever has the key could be both the one who asks and the one who says yes."""
    if judgement.verdict is not Verdict.ASK_SECOND_PERSON:
        return judgement
    return _refuse(
        "key_asks", "This needs the yes of a second person, so a person has to ask for it."
    )


def judge_use(
    tool: CatalogueTool,
    arguments: dict[str, JsonValue] | None,
    policy: Policy,
    roles: frozenset[str],
    *,
    tainted: bool,
) -> Judgement:
    """What becomes of a call of this tool. `arguments` is None when they were no JSON object."""
    if tool.is_new:
        return _refuse(
            "not_looked_at",
            "This tool is off until an owner or an admin has looked at it on the tools page.",
        )
    if tool.is_changed:
        return _refuse(
            "definition_changed",
            "This tool was changed by its server and is off until somebody has looked at the difference "
            "on the tools page.",
        )
    if arguments is None:
        return _refuse(
            "arguments_not_json", "The arguments are not a JSON object. Send them again."
        )
    if (problem := schema_problem(tool, arguments)) is not None:
        return _refuse("arguments_do_not_fit", problem)
    return policy.judge(
        ToolUse(
            server=tool.server.key,
            tool=tool.tool.name,
            traits=tool.traits,
            arguments=arguments,
            roles=roles,
            tainted=tainted,
        )
    )


def schema_problem(tool: CatalogueTool, arguments: dict[str, JsonValue]) -> str | None:
    """Why the arguments do not fit the tool's schema, None when they do. No reference is ever fetched."""
    return problem_with(tool.parameters, arguments)


def problem_with(schema: dict[str, Any], arguments: dict[str, JsonValue]) -> str | None:
    """Why arguments do not fit a JSON Schema (2020-12), None when they do."""
    if len(json.dumps(arguments)) > MAX_ARGUMENTS_BYTES:
        return f"The arguments are larger than {MAX_ARGUMENTS_BYTES:,} bytes."
    try:
        validator = Draft202012Validator(schema, registry=Registry())
        errors = cast("Iterator[ValidationError]", validator.iter_errors(arguments))  # pyright: ignore[reportUnknownMemberType]
        error = max(errors, key=relevance, default=None)
    except (SchemaError, ValueError, LookupError, RecursionError):
        return "The tool's own schema is broken, so its arguments cannot be checked."
    return None if error is None else _in_words(error)


def _in_words(error: ValidationError) -> str:
    where = ".".join(str(part) for part in error.absolute_path)
    return f"{f'Argument “{where}”: ' if where else ''}{error.message[:300]}"


def _refuse(rule: str, reason: str) -> Judgement:
    return Judgement(Verdict.REFUSE, rule, reason)


def _parse(arguments_json: str) -> dict[str, JsonValue] | None:
    if not arguments_json.strip():
        return {}  # many models send nothing for a tool without arguments
    try:
        parsed = json.loads(arguments_json)
    except (json.JSONDecodeError, RecursionError):
        return None
    return cast("dict[str, JsonValue]", parsed) if isinstance(parsed, dict) else None
