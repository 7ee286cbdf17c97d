"""Who asks the person before a tool does what cannot be undone: their host, this server, or nobody can."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from mcp.server.mcpserver import Context

from shared.service_tokens import Principal

_MODERN = "2026-07-28"


@dataclass(frozen=True, slots=True)
class AskedByHost:
    """The host asked, or will be believed to have."""


@dataclass(frozen=True, slots=True)
class NobodyAsks:
    """The client cannot show a question."""


def is_asked_by_host(caller: Principal, confirming_issuers: Collection[str]) -> bool:
    """Whether the caller's token is of a host that asks before it calls."""
    return bool(caller.issuer) and caller.issuer in confirming_issuers


def can_be_asked(context: Context[Any, Any]) -> bool:
    """Whether the client shows forms: over MRTR in modern protocols, over the open call in older ones."""
    told = context.client_capabilities
    if told is None or told.elicitation is None:
        return False
    forms = told.elicitation.form is not None or told.elicitation.url is None
    is_modern = (context.protocol_version or "") >= _MODERN
    return forms and (is_modern or context.session.can_send_request)
