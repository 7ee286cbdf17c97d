"""Having a server keep a call under a name, by the companion that the called tool names (docs/tool-conventions.md)."""

from dataclasses import dataclass
from typing import Any, cast

from mcp.types import CallToolResult, TextContent
from pydantic import BaseModel, Field, JsonValue, ValidationError

from orchestrator.audit.canonical import sha256
from orchestrator.tools.calls import without_question
from orchestrator.tools.catalogue import IDEMPOTENCY_META, Catalogue, CatalogueTool, partition
from shared.errors import Conflict, ExpectedError, InvalidInput, NotAllowed, UpstreamFailed
from shared.service_tokens import Principal

KEEP_TIMEOUT_S = 10.0
MAX_REFUSAL_CHARACTERS = 500

_KINDS: dict[str, type[ExpectedError]] = {
    "conflict": Conflict,
    "invalid_argument": InvalidInput,
    "permission_denied": NotAllowed,
}
"""What a companion's refusal is to whoever asked, by its code."""


@dataclass(frozen=True, slots=True)
class CallToKeep:
    """A succeeded call, and the name it is to have."""

    name: str
    title: str
    arguments: dict[str, JsonValue]
    """Exactly those it was sent with."""
    call_key: str
    """The call's own idempotency key."""

    @property
    def idempotency_key(self) -> str:
        """The same for the same wish: one that is repeated because its answer was lost must not find the name taken."""
        return sha256(f"{self.call_key}\n{self.name}\n{self.title}")[:32]


class Kept(BaseModel):
    """What the companion answers."""

    name: str = Field(max_length=200)
    text: str = Field(default="", max_length=2_000)


async def keep(
    catalogue: Catalogue, companion: CatalogueTool, principal: Principal, call: CallToKeep
) -> Kept:
    """Keep the call for this person.

    Raises:
        Conflict: the name is taken.
        InvalidInput, NotAllowed: the server says so.
        UpstreamFailed: it refused for another reason, or its answer cannot be read.
        ServerUnavailable, SignInRefused, CallTimedOut, BadAnswer, CallRefused: as with every call.
    """
    server = companion.server
    answer = await server.call(
        partition(principal),
        catalogue.token_for(companion, principal),
        companion.tool.name,
        {"name": call.name, "title": call.title, "arguments": call.arguments},
        meta={IDEMPOTENCY_META: call.idempotency_key},
        timeout_s=KEEP_TIMEOUT_S,
    )
    result = without_question(answer)
    if result.is_error:
        raise _refusal(result)
    try:
        return Kept.model_validate(result.structured_content)
    except ValidationError:
        raise UpstreamFailed(
            "The server's answer cannot be read. It may have kept the call."
        ) from None


def _refusal(result: CallToolResult) -> ExpectedError:
    """In the server's own words, which are for the person as well."""
    text = "\n".join(part.text for part in result.content if isinstance(part, TextContent))
    said = cast("dict[str, Any]", result.structured_content or {})
    kind = _KINDS.get(str(said.get("code")), UpstreamFailed)
    return kind(text[:MAX_REFUSAL_CHARACTERS] or "The server did not keep the call.")
