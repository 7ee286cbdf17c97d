"""Calling tools of our own servers for a page: in a person's name, by their click, without turn and model."""

from dataclasses import dataclass
from typing import Any, TypeVar, cast

import orjson
from mcp.types import CallToolResult
from pydantic import BaseModel, JsonValue, ValidationError

from orchestrator.policy.conditions import ToolUse
from orchestrator.policy.rules import Policy
from orchestrator.tools.calls import without_question
from orchestrator.tools.catalogue import Catalogue, CatalogueTool, partition
from orchestrator.tools.results import outcome_of
from shared.errors import (
    Conflict,
    ExpectedError,
    InvalidInput,
    NotAllowed,
    NotFound,
    TooManyRequests,
    Unavailable,
    UpstreamFailed,
)
from shared.service_tokens import Principal
from shared.wire.events import Verdict

MAX_ANSWER_BYTES = 2 * 1024 * 1024
MAY_BE_CALLED = frozenset({Verdict.RUN, Verdict.ASK})
"""The person's own click is the yes that a rule may want."""

Answer = TypeVar("Answer", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class OwnServer:
    """A server of ours that a page works with."""

    key: str
    """The name under which operators configure it."""
    label: str
    """In sentences for people: `The mail server`."""


KINDS: dict[str, type[ExpectedError]] = {
    "conflict": Conflict,
    "invalid_argument": InvalidInput,
    "limit_exceeded": InvalidInput,
    "not_found": NotFound,
    "permission_denied": NotAllowed,
    "upstream_unavailable": Unavailable,
}
"""What a server's refusal is to whoever looks, by its code."""


async def find_own_tool(
    catalogue: Catalogue, person: Principal, server: OwnServer, name: str
) -> CatalogueTool | None:
    """None when there is no such server, it is not ours, or it has no such tool.

    Raises:
        Unavailable: the server cannot be reached.
        Conflict: the tool's definition is not the one that was accepted.
    """
    toolbox = await catalogue.toolbox(person)
    for key, problem in toolbox.problems:
        if key == server.key:
            raise Unavailable(problem.message)
    tool = toolbox.find(server.key, name)
    if tool is None or not tool.server.own:
        return None
    if tool.is_changed:
        raise Conflict(
            f"{server.label}'s tools have changed since they were accepted. An administrator can look at the "
            "difference on the tools page."
        )
    return tool


def require_allowed(
    tool: CatalogueTool, arguments: dict[str, JsonValue], person: Principal, rules: Policy
) -> None:
    """Raises NotAllowed when a rule forbids the tool to this person, or wants a second one."""
    judgement = rules.judge(
        ToolUse(
            server=tool.server.key,
            tool=tool.tool.name,
            traits=tool.traits,
            arguments=arguments,
            roles=person.roles,
            tainted=False,  # A person's click, without a text that a model has read.
        )
    )
    if judgement.verdict not in MAY_BE_CALLED:
        raise NotAllowed(judgement.reason)


async def ask_own_tool(
    catalogue: Catalogue,
    tool: CatalogueTool,
    person: Principal,
    arguments: dict[str, JsonValue],
    shape: type[Answer],
    *,
    label: str,
    timeout_s: float,
    kinds: dict[str, type[ExpectedError]] = KINDS,
) -> Answer:
    """Make the call and read its answer. `label`: as in OwnServer.

    Raises:
        One of `kinds`, TooManyRequests: the server says so.
        UpstreamFailed: it refused for another reason, or its answer cannot be read.
        ServerUnavailable, SignInRefused, CallTimedOut, BadAnswer, CallRefused: as with every call.
    """
    server = tool.server
    answer = without_question(
        await server.call(
            partition(person),
            catalogue.token_for(tool, person),
            tool.tool.name,
            arguments,
            timeout_s=timeout_s,
        )
    )
    if answer.is_error:
        raise _refusal(answer, kinds, label)
    said = answer.structured_content
    try:
        if len(orjson.dumps(said)) <= MAX_ANSWER_BYTES:
            return shape.model_validate(said)
    except ValidationError:
        pass
    raise UpstreamFailed(f"{label}'s answer cannot be read.")


def _refusal(
    answer: CallToolResult, kinds: dict[str, type[ExpectedError]], label: str
) -> ExpectedError:
    """In the server's own words, which are for people as well."""
    said = cast("dict[str, Any]", answer.structured_content or {})
    error = outcome_of(answer).error
    words = error.message if error else f"{label} did not answer."
    wait_s = said.get("retry_after_s")
    if isinstance(wait_s, int | float):
        return TooManyRequests(words, retry_after_s=float(wait_s))
    return kinds.get(str(said.get("code")), UpstreamFailed)(words)
