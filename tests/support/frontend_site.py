"""The frontend as browsers meet it: pages by Flask's client, sockets by a real server process."""

import functools
import json
import os
import queue
import re
import subprocess
import sys
import threading
import uuid
from collections.abc import Callable, Generator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

import engineio
import httpx
import socketio
from flask.testing import FlaskClient
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher
from redis import Redis
from sqlalchemy import delete, select
from support.fake_orchestrator import FakeOrchestrator
from werkzeug.test import TestResponse

from frontend.accounts.models import MembershipRow, PersonRow
from frontend.accounts.passwords import Passwords
from frontend.accounts.queries import find_owner
from frontend.database import Database
from frontend.settings import Settings
from frontend.sign_in.models import SessionRow
from frontend.sign_in.sessions import store_name
from shared.sql import utc_now

WAIT_S = 20
ORIGIN = "http://127.0.0.1:8080"
BURST = 4
"""Sign-ins at once in these tests: each costs a tenth of a second of computing."""
OWNER = {"name": "Ada Lovelace", "email": "ada@example.org", "password": "correct horse battery"}

CHEAP_HASH = PasswordHash((Argon2Hasher(time_cost=1, memory_cost=8, parallelism=1),))
"""Instead of a tenth of a second of computing for each password, where nothing hangs on that."""

_TOKEN_FIELD = re.compile(r'name="csrf-token" content="([^"]+)"')


def csrf_token(page: str) -> str:
    match = _TOKEN_FIELD.search(page)
    assert match is not None, page
    return match[1]


def path_of(link: str) -> str:
    return urlsplit(link).path


def json_of(answer: TestResponse) -> Any:
    """The JSON that was answered, whatever it is."""
    return cast(Any, answer.json)


@dataclass
class Browser:
    """A person at the pages, over Flask's own client. Forms are sent as a browser sends them."""

    client: FlaskClient

    def get(self, path: str, **options: Any) -> TestResponse:
        return self.client.get(path, **options)

    def submit(
        self, path: str, fields: Mapping[str, str], *, page: str | None = None
    ) -> TestResponse:
        """Open a page, and send its form to a path."""
        token = csrf_token(self.get(page or path, follow_redirects=True).text)
        return self.client.post(path, data={**fields, "csrf_token": token})

    def call(self, method: str, path: str, body: Any = None) -> TestResponse:
        """What the page's own code does: JSON with the page's CSRF token."""
        token = csrf_token(self.get("/", follow_redirects=True).text)
        return self.client.open(path, method=method, json=body, headers={"X-CSRFToken": token})

    def sign_up(self, **changes: str) -> TestResponse:
        return self.submit("/sign-up", {**OWNER, **changes})

    def sign_in(self, **fields: str) -> TestResponse:
        account = {name: OWNER[name] for name in ("email", "password")}
        return self.submit("/sign-in", {**account, **fields})


def settings_for(
    directory: Path, redis_url: str, orchestrator_url: str, **changes: Any
) -> Settings:
    """Settings over files in a directory: `key.json`, `secret`, `identity.db`."""
    fields = {
        "database_url": f"sqlite:///{directory}/identity.db",
        "redis_url": redis_url,
        "key_file": directory / "key.json",
        "secret_key_file": directory / "secret",
        "issuer": ORIGIN,
        "public_url": ORIGIN,
        "orchestrator_url": orchestrator_url,
    }
    return Settings.model_validate({**fields, **changes})


def environment_of(settings: Settings) -> dict[str, str]:
    """The same settings, as a process reads them."""
    given = settings.model_dump(mode="json", exclude_unset=True)
    if settings.smtp_url is not None:
        given["smtp_url"] = settings.smtp_url.get_secret_value()
    return {
        **os.environ,
        **{
            f"FRONTEND_{name.upper()}": value if isinstance(value, str) else json.dumps(value)
            for name, value in given.items()
        },
    }


def add_person(
    database: Database, email: str, password: str = OWNER["password"], role: str = "member"
) -> str:
    """A second person in the owner's organisation, as an invitation will make them. Gives their id."""
    with database.transaction() as session:
        owner = find_owner(session)
        assert owner is not None
        person_id = uuid.uuid4().hex
        password_hash = Passwords().hash(password)
        session.add(
            PersonRow(
                person_id=person_id,
                email=email,
                name=email,
                password_hash=password_hash,
                created_at=utc_now(),
            )
        )
        session.flush()
        session.add(MembershipRow(person_id=person_id, tenant_id=owner.tenant_id, role=role))
    return person_id


class _EngineInOrder(engineio.Client):
    """Hands messages on one after the other, as a browser does; the library takes a thread for each."""

    def _trigger_event(self, event: str, *arguments: Any, **options: Any) -> Any:
        trigger = cast(Any, super()._trigger_event)  # pyright: ignore[reportUnknownMemberType]
        return trigger(event, *arguments, **{**options, "run_async": False})

    def disconnect(self, abort: Any = False, reason: Any = None) -> None:
        # Closing waits three seconds for an answer that this client's own reading thread has taken.
        connection = cast(Any, self.ws)
        if connection is not None:
            connection.close = functools.partial(connection.close, timeout=0)
        is_reader = (
            threading.current_thread() is self.read_loop_task
        )  # which cannot wait for itself
        cast(Any, super()).disconnect(abort or is_reader, reason)

    def _reset(self) -> None:
        # The library forgets connections that the server has ended, without closing them.
        connection = cast(Any, self.ws)
        cast(Any, super())._reset()
        if connection is not None:
            connection.shutdown()


class _ClientInOrder(socketio.Client):
    def _engineio_client_class(self) -> type[engineio.Client]:
        return _EngineInOrder


class Page:
    """A page's socket: asks, and collects what the server says by itself."""

    def __init__(self, url: str, cookie: str, *, origin: str | None = None) -> None:
        self.ended = threading.Event()
        self._said: dict[str, queue.Queue[Any]] = {
            name: queue.Queue()
            for name in (
                "events",
                "turn",
                "conversation",
                "conversation_changed",
                "relay_lost",
                "signed_out",
            )
        }
        options = {"origin": origin} if origin else {}
        self._client: Any = _ClientInOrder(reconnection=False, websocket_extra_options=options)
        for name, inbox in self._said.items():
            self._client.on(name, self._keeping(inbox))
        self._client.on("disconnect", self._end)
        self._client.connect(
            url,
            headers={"Cookie": cookie},
            transports=["websocket"],
            wait_timeout=WAIT_S,
        )

    def ask(self, event: str, payload: Any) -> dict[str, Any]:
        """A message and its acknowledgement."""
        return cast("dict[str, Any]", self._client.call(event, payload, timeout=WAIT_S))

    def next(self, event: str) -> Any:
        """The next one of a kind, waiting for it."""
        return self._said[event].get(timeout=WAIT_S)

    def said_so_far(self, event: str) -> int:
        return self._said[event].qsize()

    def close(self) -> None:
        self._client.disconnect()

    def _end(self, *_: Any) -> None:
        self.ended.set()

    @staticmethod
    def _keeping(inbox: "queue.Queue[Any]") -> Callable[..., None]:
        def keep(*said: Any) -> None:
            inbox.put(said[0] if len(said) == 1 else said)

        return keep


@dataclass
class Site:
    """A running frontend process before a fake orchestrator, with its owner."""

    url: str
    settings: Settings
    orchestrator: FakeOrchestrator
    process: "subprocess.Popen[str]"
    database: Database
    _open: ExitStack = field(default_factory=ExitStack)
    _shared: Page | None = None
    _shared_session: str = ""

    def sign_up(self) -> None:
        """Create the owner account."""
        with httpx.Client(base_url=self.url, timeout=WAIT_S) as browser:
            token = csrf_token(browser.get("/sign-up").text)
            answer = browser.post("/sign-up", data={**OWNER, "csrf_token": token})
        assert answer.status_code == 302, answer.text

    def sign_in(self, **fields: str) -> httpx.Client:
        """A browser that is signed in."""
        browser = self._open.enter_context(httpx.Client(base_url=self.url, timeout=WAIT_S))
        token = csrf_token(browser.get("/sign-in").text)
        account = {name: OWNER[name] for name in ("email", "password")}
        answer = browser.post("/sign-in", data={**account, **fields, "csrf_token": token})
        assert answer.status_code == 302, answer.text
        return browser

    def page(self, browser: httpx.Client, *, origin: str | None = None) -> Page:
        """Another tab of that browser."""
        page = Page(self.url, f"steward={browser.cookies['steward']}", origin=origin)
        self._open.callback(page.close)
        return page

    def shared_page(self) -> Page:
        """A page for tests that leave nothing behind; another one when tests in between have ended its session."""
        if self._shared is not None and not self._has_session(self._shared_session):
            self._shared.close()
            self._shared = None
        if self._shared is None:
            self._shared_session = self.sign_in().cookies["steward"]
            self._shared = Page(self.url, f"steward={self._shared_session}")
        return self._shared

    def _has_session(self, session_id: str) -> bool:
        with Redis.from_url(self.settings.redis_url) as client:  # pyright: ignore[reportUnknownMemberType]
            return bool(client.exists(store_name(session_id)))

    def forget_session(self, browser: httpx.Client) -> None:
        """As if it had ended elsewhere."""
        with Redis.from_url(self.settings.redis_url) as client:  # pyright: ignore[reportUnknownMemberType]
            client.delete(store_name(browser.cookies["steward"]))

    def forget_latest_row(self) -> None:
        """Of the session that began last; its content stays."""
        latest = select(SessionRow.session_hash).order_by(SessionRow.created_at.desc()).limit(1)
        with self.database.transaction() as session:
            row = delete(SessionRow).where(SessionRow.session_hash == session.scalar(latest))
            session.execute(row)

    def close_all(self) -> None:
        """Close the browsers and pages of one test."""
        self._open.close()

    def close(self) -> None:
        if self._shared is not None:
            self._shared.close()
        self.database.engine.dispose()


@contextmanager
def running_site(settings: Settings, orchestrator: FakeOrchestrator, port: int) -> Generator[Site]:
    """A frontend process on a port; its database is migrated already."""
    command = [sys.executable, "-m", "frontend", "serve", "--http", f"127.0.0.1:{port}"]
    url = f"http://127.0.0.1:{port}"
    with subprocess.Popen(command, env=environment_of(settings), text=True) as process:
        try:
            _wait_until_ready(url, process)
            database = Database(settings.database_url)
            site = Site(url, settings, orchestrator, process, database)
            yield site
            site.close()
        finally:
            process.terminate()


def _wait_until_ready(url: str, process: "subprocess.Popen[str]") -> None:
    pause = threading.Event()
    for _ in range(1_200):
        assert process.poll() is None, "the frontend process ended"
        try:
            if httpx.get(f"{url}/live").status_code == 200:
                return
        except httpx.TransportError:
            pause.wait(0.05)
    raise AssertionError("the frontend did not start")
