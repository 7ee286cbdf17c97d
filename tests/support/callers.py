"""Everybody whom a route can meet, for tests that walk all routes as each of them."""

from dataclasses import dataclass
from typing import Any

from shared.scopes import REMOVAL

ADA = "ada"
"""Who has the things that routes name: a member of acme."""
NAMESAKE = "her namesake of another tenant"
"""The same person id, and an owner: only the tenant tells them apart."""
NOBODY = "nobody"
WRONG_AUDIENCE = "a token for somebody else"
EXPIRED = "a token that has ended"
NO_SCOPE = "an owner's token without a scope"
"""For tool servers: the orchestrator asks for no scope of its own."""

REMOVER = "the frontend, whose token only deletes"


@dataclass(frozen=True, slots=True)
class Caller:
    """How somebody calls."""

    name: str
    role: str | None
    """In their tenant, but for the remover, who is nobody there. None: no token that counts."""
    tenant: str = "acme"
    token: dict[str, Any] | None = None
    """What is special about their token. None: they have none, if no role either."""

    @property
    def person(self) -> str:
        return ADA if self.name in {ADA, NAMESAKE} else self.name

    @property
    def claims(self) -> dict[str, Any]:
        return {"roles": [self.role or "owner"], **(self.token or {})}


CALLERS = (
    Caller(NOBODY, None),
    Caller(WRONG_AUDIENCE, None, token={"audience": "https://somebody.else.test/mcp"}),
    Caller(EXPIRED, None, token={"lifetime_s": -60}),
    Caller(NAMESAKE, "owner", tenant="rival"),
    *(Caller(role, role) for role in ("visitor", "member", "support", "admin", "owner")),
    Caller(ADA, "member"),
    Caller(REMOVER, REMOVER, token={"roles": [], "scope": REMOVAL}),
)
"""Those who may do least come first: what the last ones may do, they may undo."""
