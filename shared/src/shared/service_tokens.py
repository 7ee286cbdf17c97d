"""Short-lived signed tokens that say who asks. Ed25519 (RFC 8037, RFC 9864), keys published as JWKS (RFC 7517).

The frontend signs for the orchestrator, the orchestrator for the tool servers. A token names one audience,
one person and one tenant; whoever receives it trusts nothing else about the caller.
"""

import asyncio
import base64
import json
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, cast

import httpx
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet, OKPKey
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from shared.errors import NotSignedIn, Unavailable

ALGORITHM = "Ed25519"
AT_JWT = "at+jwt"
"""The header `typ` of an authorization server's access tokens (RFC 9068 section 2.1)."""
KEY_SUBJECT = "key:"
"""Before a key's id, where a person's id stands otherwise."""
CLOCK_LEEWAY_S = 5
JWKS_REFETCH_S = 10.0
"""An unknown key id makes us fetch the key set again, at most this often."""
JWKS_MAX_AGE_S = 300.0
"""A key that its issuer no longer publishes counts for so long at most, while the issuer answers."""


class Claims(BaseModel):
    """What a Steward token says (RFC 7519 names where they exist)."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    iss: str
    aud: str
    sub: str = Field(min_length=1)
    exp: int
    iat: int
    tenant: str = Field(min_length=1)
    roles: frozenset[str] = frozenset()
    scope: str = ""
    name: str = ""
    tier: str = "free"
    locale: str = "en"
    tz: str = "UTC"
    session: str = ""
    """Tells sign-ins of one person apart in the audit; never a secret. Empty: not asked from a browser."""
    client_id: str = ""
    """The agent that a person let in (RFC 9068 section 2.2); empty: our own page."""
    act: str | None = None
    """The service that acts for the person (RFC 8693 section 4.1), None when the person calls."""


@dataclass(frozen=True, slots=True)
class Principal:
    """The verified caller: a person in a tenant, with roles and scopes."""

    subject: str
    tenant: str
    roles: frozenset[str] = frozenset()
    scopes: frozenset[str] = frozenset()
    name: str = ""
    issuer: str = ""
    tier: str = "free"
    locale: str = "en"
    tz: str = "UTC"
    session: str = ""
    """See `Claims.session`."""
    client: str = ""
    """See `Claims.client_id`."""
    expires_at_s: int = 0
    claims: Mapping[str, str] = field(default_factory=dict[str, str], hash=False)
    """What else the token says in texts and numbers, as text."""

    @property
    def is_key(self) -> bool:
        """An API key of an organisation, and nobody's person."""
        return self.subject.startswith(KEY_SUBJECT)

    @property
    def personal_roles(self) -> frozenset[str]:
        """For what only people do: administering, and being the second one who says yes. A key has none of them."""
        return frozenset() if self.is_key else self.roles


class SigningKey:
    """A private Ed25519 key with an id, kept in a file only its owner can read."""

    def __init__(self, key: OKPKey) -> None:
        key.ensure_kid()
        self._key = key

    @classmethod
    def generate(cls) -> "SigningKey":
        return cls(OKPKey.generate_key(parameters={"use": "sig", "alg": ALGORITHM}))

    @classmethod
    def load(cls, path: Path) -> "SigningKey":
        """Read a private JWK.

        Raises:
            ValueError: the file is no private Ed25519 JWK. The message names the file, never its content.
        """
        try:
            key = OKPKey.import_key(json.loads(path.read_text()))
        except (JoseError, ValueError, TypeError, KeyError):
            raise ValueError(f"{path} does not hold a private Ed25519 key in JWK form.") from None
        if not key.is_private:
            raise ValueError(f"{path} holds a public key; the private one is needed to sign.")
        return cls(key)

    @classmethod
    def load_or_create(cls, path: Path) -> "SigningKey":
        """Read the key, or make one when the file does not exist yet (first start on a laptop)."""
        if path.exists():
            return cls.load(path)
        key = OKPKey.generate_key(parameters={"use": "sig", "alg": ALGORITHM})
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(json.dumps(key.as_dict(private=True)))
        return cls(key)

    @property
    def key_id(self) -> str:
        return cast(str, self._key.kid)

    def public_jwks(self) -> dict[str, Any]:
        """The key set to publish: the public half only."""
        return {"keys": [self._key.as_dict(private=False)]}

    def private_jwk(self) -> dict[str, Any]:
        """For the file it is kept in, and nowhere else."""
        return self._key.as_dict(private=True)

    def sign(self, claims: Mapping[str, Any], *, token_type: str | None = None) -> str:
        """`token_type` is the header's `typ` (RFC 8725 section 3.11), for who tells kinds of tokens apart by it."""
        header = {"alg": ALGORITHM, "kid": self.key_id}
        if token_type is not None:
            header["typ"] = token_type
        return jwt.encode(header, dict(claims), self._key, algorithms=[ALGORITHM])


class Signer(Protocol):
    """A key, or a file of keys of which one signs."""

    def sign(self, claims: Mapping[str, Any], *, token_type: str | None = None) -> str: ...


@dataclass(frozen=True, slots=True)
class TokenIssuer:
    """Signs tokens in the name of one service. `issuer` is what verifiers know that service as."""

    issuer: str
    key: Signer
    now: Callable[[], float] = time.time

    def issue(
        self,
        *,
        audience: str,
        subject: str,
        tenant: str,
        lifetime_s: int,
        roles: Sequence[str] | frozenset[str] = (),
        scope: str = "",
        name: str = "",
        tier: str = "free",
        locale: str = "en",
        tz: str = "UTC",
        session: str = "",
        client: str = "",
        actor: str | None = None,
        token_type: str | None = None,
    ) -> str:
        issued_at = int(self.now())
        claims = Claims(
            iss=self.issuer,
            aud=audience,
            sub=subject,
            exp=issued_at + lifetime_s,
            iat=issued_at,
            tenant=tenant,
            roles=frozenset(roles),
            scope=scope,
            name=name,
            tier=tier,
            locale=locale,
            tz=tz,
            session=session,
            client_id=client,
            act=actor,
        )
        body = claims.model_dump(mode="json", exclude_none=True)
        return self.key.sign({**body, "roles": sorted(claims.roles)}, token_type=token_type)


@dataclass(slots=True)
class JwksSource:
    """One issuer's public keys: fetched when first needed, when a key id is unknown, and when they are old."""

    url: str
    http: httpx.AsyncClient
    now: Callable[[], float] = time.monotonic
    _keys: KeySet | None = None
    _fetched_at: float = field(default=float("-inf"))
    _tried_at: float = field(default=float("-inf"))
    _fetching: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def key_set(self, key_id: str) -> KeySet:
        """Raises Unavailable when the issuer does not answer with a key set and none is known yet."""
        if self._keys is None or self._is_due(self._keys, key_id):
            async with self._fetching:
                if self._keys is None or self._is_due(self._keys, key_id):
                    await self._fetch()
        if self._keys is None:
            raise Unavailable("The sign-in keys could not be fetched. Try again in a moment.")
        return self._keys

    def _is_due(self, keys: KeySet, key_id: str) -> bool:
        is_good = any(key.kid == key_id for key in keys.keys) and (
            self.now() - self._fetched_at < JWKS_MAX_AGE_S
        )
        return not is_good and self.now() - self._tried_at >= JWKS_REFETCH_S

    async def _fetch(self) -> None:
        self._tried_at = self.now()
        try:
            response = await self.http.get(self.url, timeout=5)
            response.raise_for_status()
            self._keys = KeySet.import_key_set(response.json())
        except (httpx.HTTPError, JoseError, ValueError, KeyError, TypeError):
            return  # Keys that are known stay good: an issuer that is away must not end what it signed.
        self._fetched_at = self.now()


@dataclass(frozen=True, slots=True)
class FixedKeys:
    """Public keys that are known from the start (tests, air-gapped set-ups)."""

    jwks: Mapping[str, Any]

    async def key_set(self, key_id: str) -> KeySet:  # noqa: ARG002 - one signature for both sources
        return KeySet.import_key_set(cast(Any, dict(self.jwks)))


KeySource = JwksSource | FixedKeys


@dataclass(frozen=True, slots=True)
class TokenVerifier:
    """Accepts tokens of known issuers made for one audience; refuses everything else alike."""

    audience: str
    issuers: Mapping[str, KeySource]
    authorization_servers: frozenset[str] = frozenset()
    """Those of the issuers that let other agents in: only their access tokens count, by the header `typ`, and none
    that they sign for another purpose (RFC 9068 section 4)."""
    now: Callable[[], float] = time.time

    async def verify(self, token: str) -> Principal:
        """The caller a token names.

        Raises:
            NotSignedIn: the token is missing, malformed, expired, for somebody else or of an unknown issuer.
            Unavailable: the issuer's keys could not be fetched.
        """
        issuer, key_id = _unverified_origin(token)
        source = self.issuers.get(issuer)
        if source is None:
            raise NotSignedIn("The token is of an issuer that is not accepted here.")
        keys = await source.key_set(key_id)
        try:
            decoded = jwt.decode(token, keys, algorithms=[ALGORITHM])
            registry = jwt.JWTClaimsRegistry(
                now=lambda: int(self.now()),
                leeway=CLOCK_LEEWAY_S,
                iss={"essential": True, "value": issuer},
                aud={"essential": True, "value": self.audience},
                exp={"essential": True},
                sub={"essential": True},
            )
            registry.validate(decoded.claims)
            if issuer in self.authorization_servers:
                _require_access_token(decoded.header)
            claims = Claims.model_validate(decoded.claims)
        except (JoseError, ValidationError, ValueError):
            raise NotSignedIn("The token is not valid here. Sign in again.") from None
        return Principal(
            subject=claims.sub,
            tenant=claims.tenant,
            roles=claims.roles,
            scopes=frozenset(claims.scope.split()),
            name=claims.name,
            issuer=claims.iss,
            tier=claims.tier,
            locale=claims.locale,
            tz=claims.tz,
            session=claims.session,
            client=claims.client_id,
            expires_at_s=claims.exp,
            claims=_other_claims(decoded.claims),
        )


def _require_access_token(header: Mapping[str, object]) -> None:
    """Raises ValueError: it is a token of another type."""
    typ = str(header.get("typ", "")).lower().removeprefix("application/")
    if typ != AT_JWT:
        raise ValueError("not an access token")


def _other_claims(claims: Mapping[str, object]) -> dict[str, str]:
    """Texts and numbers that are no part of `Claims`; a truth value is no number."""
    return {
        name: str(value)
        for name, value in claims.items()
        if name not in Claims.model_fields
        and isinstance(value, str | int | float)
        and not isinstance(value, bool)
    }


def _unverified_origin(token: str) -> tuple[str, str]:
    """Issuer and key id as the token claims them: only good for choosing the key to verify with."""
    try:
        parts = token.split(".")
        header, body = (_decode_part(part) for part in parts[:2])
        return str(body["iss"]), str(header["kid"])
    except (ValueError, KeyError, IndexError, TypeError):
        raise NotSignedIn("The token is not valid here. Sign in again.") from None


def _decode_part(part: str) -> dict[str, Any]:
    decoded = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    if not isinstance(decoded, dict):
        raise TypeError("not an object")
    return cast(dict[str, Any], decoded)
