"""Whether a standing grant covers a call. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from pydantic import JsonValue

from orchestrator.policy.json_values import is_one_of, same_json
from shared.wire.api import ArgumentPattern

GrantState = Literal["active", "outdated", "expired", "withdrawn"]


@dataclass(frozen=True, slots=True)
class StandingGrant:
    """A grant of the person whose call is judged."""

    grant_id: str
    server: str
    tool: str
    definition_hash: str
    definition: dict[str, JsonValue]
    arguments: Mapping[str, ArgumentPattern]
    created_at: datetime
    expires_at: datetime
    withdrawn_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class CallToCover:
    """A call that would otherwise need a yes."""

    server: str
    tool: str
    definition_hash: str
    arguments: Mapping[str, JsonValue]


def find_covering(
    grants: Iterable[StandingGrant], call: CallToCover, now: datetime
) -> StandingGrant | None:
    """The first grant under which the call may run without a question."""
    return _find(grants, call, now, "active")


def find_outdated(
    grants: Iterable[StandingGrant], call: CallToCover, now: datetime
) -> StandingGrant | None:
    """The first grant that would cover the call, had the tool's definition not changed since."""
    return _find(grants, call, now, "outdated")


def _find(
    grants: Iterable[StandingGrant], call: CallToCover, now: datetime, wanted: GrantState
) -> StandingGrant | None:
    for grant in grants:
        state = state_of(grant, now, definition_hash=call.definition_hash)
        is_for_tool = (grant.server, grant.tool) == (call.server, call.tool)
        if is_for_tool and state == wanted and arguments_fit(grant.arguments, call.arguments):
            return grant
    return None


def state_of(grant: StandingGrant, now: datetime, *, definition_hash: str | None) -> GrantState:
    """Where a grant stands. `definition_hash` is that of the tool now, None when nothing is known of it."""
    if grant.withdrawn_at is not None:
        return "withdrawn"
    if grant.expires_at <= now:
        return "expired"
    return "active" if grant.definition_hash == definition_hash else "outdated"


def arguments_fit(
    patterns: Mapping[str, ArgumentPattern], arguments: Mapping[str, JsonValue]
) -> bool:
    """Whether there are exactly the arguments of the grant, and each is as it says."""
    return patterns.keys() == arguments.keys() and all(
        fits(pattern, arguments[name]) for name, pattern in patterns.items()
    )


def fits(pattern: ArgumentPattern, value: JsonValue) -> bool:
    """Whether one value is as the pattern says."""
    if pattern.anything:
        return True
    if pattern.one_of is not None:
        return is_one_of(value, pattern.one_of)
    if pattern.starts_with is not None:
        return isinstance(value, str) and value.startswith(pattern.starts_with)
    return same_json(value, pattern.equals)
