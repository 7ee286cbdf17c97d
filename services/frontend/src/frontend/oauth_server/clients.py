"""Who an agent is, as Authlib asks it (RFC 6749 section 2)."""

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from frontend.oauth_server import redirect_uris
from frontend.oauth_server.framework import ClientMixin
from frontend.settings import RegisteredClient

GRANT_TYPES = ("authorization_code", "refresh_token")
SECRET_METHODS = ["client_secret_basic", "client_secret_post"]
METHODS = [*SECRET_METHODS, "none"]
"""Ways to authenticate. The last is for clients without a secret."""


class ClientKind(StrEnum):
    """How we know of an agent."""

    REGISTERED = "registered"
    """The administrators of this installation, or of a tenant, set it up."""
    DOCUMENT = "document"
    """By the document at its address (draft-ietf-oauth-client-id-metadata-document)."""
    DYNAMIC = "dynamic"
    """It registered itself (RFC 7591)."""


@dataclass(frozen=True, slots=True)
class Client(ClientMixin):
    """An agent. What one says of itself is checked by nobody, its `host` excepted."""

    client_id: str
    kind: ClientKind
    name: str
    redirect_uris: tuple[str, ...]
    secret_sha256: str = ""
    """Hexadecimal; empty: a public client, which has none."""
    introspects: tuple[str, ...] = ()
    """The tool servers of which it may ask what a token is good for."""
    tenant_id: str | None = None
    """Whose people alone may let it in; None: everybody."""

    @property
    def is_known(self) -> bool:
        """Somebody here vouches for it."""
        return self.kind == ClientKind.REGISTERED

    @property
    def host(self) -> str:
        """What is certain of an agent with a document: who has this name in DNS put it there."""
        return redirect_uris.host_of(self.client_id) if self.kind == ClientKind.DOCUMENT else ""

    def get_client_id(self) -> str:
        return self.client_id

    def get_default_redirect_uri(self) -> None:
        """None: the address is told in each request."""

    def get_allowed_scope(self, scope: str | None) -> str:
        """Rights are the tool server's matter, not the client's: `rights.offered`."""
        return scope or ""

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        return redirect_uris.is_registered(redirect_uri, self.redirect_uris)

    def check_client_secret(self, client_secret: str) -> bool:
        told = hashlib.sha256(client_secret.encode(errors="surrogatepass")).hexdigest()
        return bool(self.secret_sha256) and hmac.compare_digest(told, self.secret_sha256)

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        """Who has a secret shows it. Introspection is for those who have one (RFC 7662 section 2.1)."""
        if self.secret_sha256:
            return method in {"client_secret_basic", "client_secret_post"}
        return method == "none" and endpoint != "introspection"

    def check_response_type(self, response_type: str) -> bool:
        return response_type == "code"

    def check_grant_type(self, grant_type: str) -> bool:
        return grant_type in GRANT_TYPES


def new_secret() -> tuple[str, str]:
    """A client's secret of 256 random bits, and what is kept of it (`Client.secret_sha256`)."""
    secret = secrets.token_urlsafe(32)
    return secret, hashlib.sha256(secret.encode()).hexdigest()


def registered(client_id: str, told: RegisteredClient) -> Client:
    """One of the installation's settings."""
    return Client(
        client_id,
        ClientKind.REGISTERED,
        told.name,
        tuple(told.redirect_uris),
        told.secret_sha256,
        tuple(told.introspects),
    )


def as_registered(client: Client, issued_at_s: int) -> dict[str, Any]:
    """What an agent is told that has registered itself (RFC 7591 section 3.2.1)."""
    return {
        "client_id": client.client_id,
        "client_id_issued_at": issued_at_s,
        "client_name": client.name,
        "redirect_uris": list(client.redirect_uris),
        "grant_types": list(GRANT_TYPES),
        "response_types": ["code"],
        "token_endpoint_auth_method": "none",
    }
