"""Access tokens for tool servers: signed, for one of them, short-lived (RFC 9068)."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError

from frontend.accounts.queries import Person
from frontend.oauth_server.queries import Consent
from shared.key_file import KeyFile
from shared.service_tokens import ALGORITHM

LIFETIME_S = 300
TYPE = "at+jwt"


@dataclass(frozen=True, slots=True)
class AccessToken:
    """One of ours that has not expired. Whether its grant still stands is not said in it."""

    family_id: str
    claims: dict[str, Any]


def issue(
    key: KeyFile,
    issuer: str,
    *,
    consent: Consent,
    person: Person,
    rights: Sequence[str],
    family_id: str,
    now: datetime,
) -> str:
    """A token that says what the person's agent may do there."""
    issued_at_s = int(now.timestamp())
    claims = {
        "iss": issuer,
        "aud": consent.resource,
        "sub": person.person_id,
        "exp": issued_at_s + LIFETIME_S,
        "iat": issued_at_s,
        "jti": f"{family_id}.{secrets.token_urlsafe(12)}",
        "client_id": consent.client_id,
        "scope": " ".join(rights),
        "tenant": person.tenant_id,
        "roles": sorted(person.roles),
        "tier": person.tier,
        "name": person.name,
    }
    return key.sign(claims, token_type=TYPE)


def read(key: KeyFile, issuer: str, token: str, now: datetime) -> AccessToken | None:
    """None: not one of ours, or expired."""
    try:
        decoded = jwt.decode(token, key.public_keys(), algorithms=[ALGORITHM])
        registry = jwt.JWTClaimsRegistry(
            now=lambda: int(now.timestamp()),
            iss={"essential": True, "value": issuer},
            exp={"essential": True},
            jti={"essential": True},
            client_id={"essential": True},
        )
        registry.validate(decoded.claims)
    except (JoseError, ValueError):
        return None
    if decoded.header.get("typ") != TYPE:  # a token of ours for another purpose
        return None
    claims: dict[str, Any] = decoded.claims
    return AccessToken(str(claims["jti"]).partition(".")[0], claims)
