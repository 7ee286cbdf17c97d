"""An OpenID Connect provider and a GitHub, over real HTTP, that lie when a test says so."""

import base64
import hashlib
import json
import secrets
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from flask import Flask, redirect, request
from flask.typing import ResponseReturnValue
from joserfc import jwt
from joserfc.jwk import ECKey
from support.web_thread import in_thread

CLIENT_ID = "steward"
CLIENT_SECRET = "only the two of us know"
LOGOUT_EVENT = "http://schemas.openid.net/event/backchannel-logout"
Json = dict[str, Any]


def new_key(key_id: str = "first") -> ECKey:
    return ECKey.generate_key("P-256", parameters={"use": "sig", "kid": key_id})


@dataclass
class OidcProvider:
    """Strict where a provider must be: PKCE, the client's secret, each code once, the redirect address."""

    url: str = ""
    key: ECKey = field(default_factory=new_key)
    person: Json = field(default_factory=dict[str, Any])
    """Claims about whoever signs in."""
    claims: Json = field(default_factory=dict[str, Any])
    """What its ID tokens say instead; None leaves a claim out."""
    metadata: Json = field(default_factory=dict[str, Any])
    answer: dict[str, str] = field(default_factory=dict[str, str])
    """What it sends back with the code, or instead."""
    signs_with: ECKey | None = None
    algorithm: str = "ES256"
    no_id_token: bool = False
    codes: dict[str, Json] = field(default_factory=dict[str, Json])
    asked: list[dict[str, str]] = field(default_factory=list[dict[str, str]])
    """Authorization requests."""
    key_requests: int = 0

    def behave(self) -> None:
        """Forget all lies, and who signs in."""
        fresh = OidcProvider(self.url, self.key)
        self.__dict__.update(fresh.__dict__)
        self.person = {
            "sub": "248289",
            "email": "grace@example.org",
            "email_verified": True,
            "name": "Grace",
        }

    def logout_token(
        self, *, key: ECKey | None = None, typ: str = "logout+jwt", **changes: Any
    ) -> str:
        """A good one for the person; None leaves a claim out."""
        now = int(time.time())
        claims: Json = {
            "iss": self.url, "aud": CLIENT_ID, "iat": now, "exp": now + 120, "jti": secrets.token_hex(8),
            "events": {LOGOUT_EVENT: {}}, "sub": self.person["sub"], **changes,
        }  # fmt: skip
        return self._signed(
            {k: v for k, v in claims.items() if v is not None}, key or self.key, typ
        )

    def app(self) -> Flask:
        app = Flask("oidc-provider")
        app.get("/.well-known/openid-configuration")(self._metadata)
        app.get("/keys")(self._keys)
        app.get("/authorize")(self._authorize)
        app.post("/token")(self._token)
        return app

    def _metadata(self) -> ResponseReturnValue:
        return {
            "issuer": self.url,
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "jwks_uri": f"{self.url}/keys",
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["ES256", "HS256", "none"],
            "code_challenge_methods_supported": ["S256"],
            "authorization_response_iss_parameter_supported": True,
            "backchannel_logout_supported": True,
            **self.metadata,
        }

    def _keys(self) -> ResponseReturnValue:
        self.key_requests += 1
        return {"keys": [self.key.as_dict(private=False)]}

    def _authorize(self) -> ResponseReturnValue:
        asked = request.args.to_dict()
        self.asked.append(asked)
        assert asked["code_challenge_method"] == "S256"
        code = secrets.token_urlsafe(8)
        self.codes[code] = asked
        told = {"code": code, "state": asked["state"], "iss": self.url, **self.answer}
        return redirect(f"{asked['redirect_uri']}?{urlencode(told)}")

    def _token(self) -> ResponseReturnValue:
        form = request.form
        asked = self.codes.pop(form.get("code", ""), None)
        sent = request.authorization
        assert sent is not None
        assert (sent.username, sent.password) == (CLIENT_ID, CLIENT_SECRET)
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        if (
            asked is None
            or asked["code_challenge"] != challenge
            or asked["redirect_uri"] != form.get("redirect_uri")
        ):
            return {"error": "invalid_grant"}, 400
        now = int(time.time())
        claims: Json = {
            "iss": self.url, "aud": CLIENT_ID, "iat": now, "exp": now + 300, "nonce": asked["nonce"],
            **self.person, **self.claims,
        }  # fmt: skip
        kept = {name: value for name, value in claims.items() if value is not None}
        token = {"access_token": secrets.token_hex(8), "token_type": "Bearer", "expires_in": 300}
        if self.no_id_token:
            return token
        return {**token, "id_token": self._signed(kept, self.signs_with or self.key, "JWT")}

    def _signed(self, claims: Json, key: ECKey, typ: str) -> str:
        if self.algorithm == "none":
            head, body = ({"alg": "none", "typ": typ}, claims)
            return ".".join([*(_part(one) for one in (head, body)), ""])
        header = {"alg": self.algorithm, "kid": key.kid, "typ": typ}
        return jwt.encode(header, claims, key, algorithms=[self.algorithm])


@contextmanager
def oidc_provider() -> Generator[OidcProvider]:
    provider = OidcProvider()
    with in_thread(provider.app()) as url:
        provider.url = url
        provider.behave()
        yield provider


@dataclass
class GitHub:
    """Its sign-in, and the two calls of its API that say who somebody is."""

    url: str = ""
    person: Json = field(default_factory=dict[str, Any])
    emails: list[Json] = field(default_factory=list[Json])
    codes: dict[str, Json] = field(default_factory=dict[str, Json])
    tokens: set[str] = field(default_factory=set[str])

    def behave(self) -> None:
        self.person = {"id": 583231, "login": "octocat", "name": "Grace"}
        self.emails = [
            {"email": "old@example.org", "verified": True, "primary": False},
            {"email": "grace@example.org", "verified": True, "primary": True},
        ]

    def app(self) -> Flask:
        app = Flask("github")
        app.get("/login/oauth/authorize")(self._authorize)
        app.post("/login/oauth/access_token")(self._token)
        app.get("/api/user")(self._user)
        app.get("/api/user/emails")(self._user_emails)
        return app

    def _authorize(self) -> ResponseReturnValue:
        asked = request.args.to_dict()
        code = secrets.token_hex(8)
        self.codes[code] = asked
        told = {"code": code, "state": asked["state"]}
        return redirect(f"{asked['redirect_uri']}?{urlencode(told)}")

    def _token(self) -> ResponseReturnValue:
        if self.codes.pop(request.form.get("code", ""), None) is None:
            return {"error": "bad_verification_code"}  # with 200, as GitHub does
        token = secrets.token_hex(8)
        self.tokens.add(token)
        return {"access_token": token, "token_type": "bearer", "scope": "read:user,user:email"}

    def _user(self) -> ResponseReturnValue:
        return self._told(self.person)

    def _user_emails(self) -> ResponseReturnValue:
        return self._told(self.emails)

    def _told(self, what: Any) -> ResponseReturnValue:
        given = request.headers.get("Authorization", "").removeprefix("Bearer ")
        return what if given in self.tokens else ({"message": "Bad credentials"}, 401)


@contextmanager
def github() -> Generator[GitHub]:
    hub = GitHub()
    with in_thread(hub.app()) as url:
        hub.url = url
        hub.behave()
        yield hub


def _part(content: Json) -> str:
    return base64.urlsafe_b64encode(json.dumps(content).encode()).rstrip(b"=").decode()
