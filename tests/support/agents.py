"""An agent of another maker, which asks a person for rights and the authorization server for tokens."""

import hashlib
from base64 import urlsafe_b64encode
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from flask.testing import FlaskClient
from joserfc import jwt
from sqlalchemy import select
from support.frontend_site import ORIGIN, Browser, csrf_token, json_of
from werkzeug.test import TestResponse

from frontend.accounts.models import SecurityEventRow
from frontend.app import Application

MakeApplication = Callable[..., Application]
"""Gives a frontend with these settings changed."""

MAIL = "http://127.0.0.1:8092/mcp"
DATABASES = "http://127.0.0.1:8091/mcp"
RESOURCES: dict[str, Any] = {
    MAIL: {"name": "Mail", "scopes": ["mail:read", "mail:draft", "mail:send"]},
    DATABASES: {"name": "Databases", "scopes": ["db:read", "db:act"]},
}
CALLBACK = "https://agent.example/callback"
LOOPBACK = "http://127.0.0.1/callback"
OFFICE = "office-agent"
BACKEND = "backend-agent"
MAIL_SERVER = "mail-server"
SECRET = "a secret that only its agent and this server know"
VERIFIER = "a-verifier-of-forty-three-characters-or-more"
CLIENTS: dict[str, Any] = {
    OFFICE: {"name": "Office Agent", "redirect_uris": [CALLBACK, LOOPBACK]},
    BACKEND: {
        "name": "Backend Agent",
        "redirect_uris": [CALLBACK],
        "secret_sha256": hashlib.sha256(SECRET.encode()).hexdigest(),
    },
    MAIL_SERVER: {
        "name": "The mail server",
        "secret_sha256": hashlib.sha256(SECRET.encode()).hexdigest(),
        "introspects": [MAIL],
    },
}


def challenge_of(verifier: str) -> str:
    digest = hashlib.sha256(verifier.encode()).digest()
    return urlsafe_b64encode(digest).rstrip(b"=").decode()


@dataclass
class Clock:
    """The application's time, which only tests move."""

    at: datetime = field(default_factory=lambda: datetime.now(UTC))

    def __call__(self) -> datetime:
        return self.at

    def pass_s(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


def answer_of(location: str | None) -> dict[str, str]:
    """What a redirect tells the client, each once."""
    assert location is not None
    told = parse_qs(urlsplit(location).query, strict_parsing=True)
    assert all(len(values) == 1 for values in told.values())
    return {name: values[0] for name, values in told.items()}


@dataclass
class Agent:
    """One agent. `http` has no cookies: it is not the person's browser."""

    http: FlaskClient
    client_id: str = OFFICE
    redirect_uri: str = CALLBACK
    resource: str = MAIL
    scope: str = "mail:read mail:draft"

    def question(self, **changes: str | None) -> str:
        """The address at which a person is asked. A change to None leaves the parameter out."""
        asked: dict[str, str | None] = {
            "response_type": "code",
            "client_id": self.client_id,
            "redirect_uri": self.redirect_uri,
            "scope": self.scope,
            "state": "state-1",
            "code_challenge": challenge_of(VERIFIER),
            "code_challenge_method": "S256",
            "resource": self.resource,
            **changes,
        }
        told = {name: value for name, value in asked.items() if value is not None}
        return f"/oauth/authorize?{urlencode(told)}"

    def code(self, person: Browser, *rights: str, **changes: str | None) -> str:
        """A code, after the person has agreed to these rights, or to all that it asks for."""
        answer = allow(person, self.question(**changes), *(rights or self.scope.split()))
        assert answer.status_code == 302, answer.text
        return answer_of(answer.location)["code"]

    def post(self, path: str, fields: dict[str, str], **options: Any) -> TestResponse:
        return self.http.post(path, data=fields, **options)

    def redeem(self, code: str, /, **changes: str) -> TestResponse:
        fields = {
            "grant_type": "authorization_code",
            "code": code,
            "client_id": self.client_id,
            "redirect_uri": self.redirect_uri,
            "code_verifier": VERIFIER,
            "resource": self.resource,
            **changes,
        }
        return self.post("/oauth/token", fields)

    def refresh(self, refresh_token: str, **changes: str) -> TestResponse:
        fields = {
            "grant_type": "refresh_token",
            "refresh_token": refresh_token,
            "client_id": self.client_id,
            **changes,
        }
        return self.post("/oauth/token", fields)

    def tokens(self, person: Browser, *rights: str, **changes: str | None) -> dict[str, Any]:
        """The whole way."""
        answer = self.redeem(self.code(person, *rights, **changes))
        assert answer.status_code == 200, answer.text
        return json_of(answer)


def allow(person: Browser, question: str, *rights: str) -> TestResponse:
    return decide(person, question, "allow", *rights)


def decide(person: Browser, question: str, decision: str, *rights: str) -> TestResponse:
    """Answer the consent page, as the person's browser does."""
    token = _form_token(person)
    fields = {"decision": decision, "right": list(rights), "csrf_token": token}
    return person.client.post(question, data=fields)


def _form_token(person: Browser) -> str:
    page = person.get("/agents")
    assert page.status_code == 200
    return csrf_token(page.text)


def claims_of(application: Application, access_token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Header and claims of a token whose signature fits the published keys."""
    decoded = jwt.decode(access_token, application.parts.key.public_keys(), algorithms=["Ed25519"])
    assert decoded.claims["iss"] == ORIGIN
    return decoded.header, decoded.claims


def events(application: Application) -> list[tuple[str, dict[str, Any]]]:
    """The security events so far, but for sign-in."""
    with application.parts.database.transaction() as session:
        rows = session.scalars(select(SecurityEventRow).order_by(SecurityEventRow.at)).all()
    return [(row.kind, row.facts) for row in rows if not row.kind.startswith("sign")]
