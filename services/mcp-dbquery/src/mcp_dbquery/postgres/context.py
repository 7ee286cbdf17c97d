"""Who asks, signed so that the views can tell it from what a statement may have set by itself.

A transaction carries `mcp.context`: claims, the connection's process id and an end, with their HMAC-SHA-256 (RFC 2104).
A function of the views checks it against a key that no login but the owner's can read. A bare setting would not do:
set_config() inside a SELECT changes any setting, also in a read-only transaction.
"""

import hashlib
import hmac
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from mcp_dbquery.callers import values_of
from shared.service_tokens import Principal

SETTING = "mcp.context"
GRACE_S = 30.0
"""How long a context outlives the longest statement: for waiting, and for clocks that drift."""


def derived_key(secret: str, purpose: str) -> bytes:
    """64 bytes, one block of SHA-256, so that the database can make the pads without hashing the key first."""
    return hashlib.sha256(f"{purpose}:{secret}".encode()).hexdigest().encode()


@dataclass(frozen=True, slots=True)
class ContextSigner:
    """Signs callers for one database. Only the claims and roles that its rules name leave the server."""

    secret: str = field(repr=False)
    claims: frozenset[str]
    roles: frozenset[str]
    lifetime_s: float

    def sign(self, caller: Principal, backend_pid: int, server_time_s: float) -> str:
        """The value of `mcp.context` for a transaction of this connection that begins at the server's time."""
        content = {
            **values_of(caller, sorted(self.claims | {"tenant", "subject"})),
            "roles": sorted(caller.roles & self.roles),
            "pid": backend_pid,
            "until": server_time_s + self.lifetime_s,
        }
        message = json.dumps(content).encode().hex()
        key = derived_key(self.secret, "context")
        return f"{message}.{hmac.new(key, message.encode(), hashlib.sha256).hexdigest()}"


@dataclass(frozen=True, slots=True)
class ServerClock:
    """The database's time, told once and counted on here: the two machines' clocks may differ."""

    told_s: float
    at_s: float
    monotonic: Callable[[], float] = time.monotonic

    def now_s(self) -> float:
        """Seconds since 1970 as the database counts them."""
        return self.told_s + self.monotonic() - self.at_s
