"""Steps of people who sign in, over Flask's own client."""

import re
from datetime import timedelta
from urllib.parse import urlsplit

import httpx
from flask.testing import FlaskClient
from sqlalchemy import select, update
from support.frontend_site import Browser
from werkzeug.test import TestResponse

from frontend.accounts.models import PersonRow, SecurityEventRow
from frontend.app import Application
from shared.sql import utc_now


def someone_else(application: Application, *, address: str = "127.0.0.1") -> Browser:
    """At another browser."""
    client: FlaskClient = application.flask.test_client()
    client.environ_base["REMOTE_ADDR"] = address
    return Browser(client)


def is_signed_in(browser: Browser) -> bool:
    return browser.get("/api/about").status_code != 401


def shown(answer: TestResponse) -> str:
    """What a page says, without the token that is different each time."""
    return re.sub(r'name="csrf[-_]token" (content|value)="[^"]+"', "", answer.text)


def go_to_provider(browser: Browser, name: str, start: str = "/sign-in/with/") -> str:
    """Leave for a provider that asks nothing. Gives the address that it sends the browser back to."""
    left = browser.get(f"{start}{name}")
    assert left.status_code == 302, left.text
    back = httpx.get(left.location, timeout=20)
    assert back.status_code == 302, back.text
    return path_and_query(back.headers["Location"])


def sign_in_with(browser: Browser, name: str, start: str = "/sign-in/with/") -> TestResponse:
    """There and back."""
    return browser.get(go_to_provider(browser, name, start))


def path_and_query(address: str) -> str:
    parts = urlsplit(address)
    return f"{parts.path}?{parts.query}"


def later(application: Application, **ahead: float) -> None:
    """Set the frontend's clock ahead."""
    object.__setattr__(application.parts, "now", lambda: utc_now() + timedelta(**ahead))


def confirm_address(application: Application, email: str) -> None:
    with application.parts.database.transaction() as session:
        session.execute(update(PersonRow).where(PersonRow.email == email).values(is_verified=True))


def person_row(application: Application, email: str) -> PersonRow | None:
    with application.parts.database.transaction() as session:
        return session.scalar(select(PersonRow).where(PersonRow.email == email))


def events(application: Application, kind: str) -> list[SecurityEventRow]:
    """Of a kind, the oldest first."""
    with application.parts.database.transaction() as session:
        rows = select(SecurityEventRow).where(SecurityEventRow.kind == kind)
        return list(session.scalars(rows.order_by(SecurityEventRow.at)))
