"""Organisations with people in each role, who call by the JSON API or open pages."""

import re
import threading
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from flask.testing import FlaskClient
from sqlalchemy import Engine, event, select, update
from support.frontend_site import Browser
from werkzeug.test import TestResponse

from frontend.accounts.models import SecurityEventRow, TenantRow
from frontend.accounts.queries import add_account, add_sign_in_link, find_person
from frontend.accounts.roles import Role
from frontend.api_keys.queries import KeyWish, add_key
from frontend.api_sessions.queries import add_api_session
from frontend.app import Application
from frontend.tenants.invitations import Wish, add_invitation
from frontend.tenants.queries import add_member, add_tenant
from shared.sql import utc_now

TOGETHER_S = 0.5
"""So long the first of several statements waits for the others; where they must wait for it, they never come."""


@dataclass
class Program:
    """A client of the JSON API that brings a token and no cookie."""

    client: FlaskClient
    token: str = ""

    def call(self, method: str, path: str, body: Any = None) -> TestResponse:
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        return self.client.open(path, method=method, json=body, headers=headers)


@dataclass(frozen=True, slots=True)
class Founded:
    """An organisation: ids of itself and of one of each in it, and what its people and its key call with."""

    ids: dict[str, str]
    owner: str
    member: str
    key: str


@dataclass
class World:
    """Two organisations, Acme and Other. The first one made is the installation's own."""

    application: Application
    acme: str = ""
    other: str = ""
    people: dict[str, str] = field(default_factory=dict[str, str])
    """Name to person id: ada owns Acme; otto owns Other; more are added."""

    def __post_init__(self) -> None:
        self.acme = self._tenant("Acme", "ada")
        self.other = self._tenant("Other", "otto")
        with self.application.parts.database.transaction() as session:
            session.execute(
                update(TenantRow).where(TenantRow.tenant_id == self.acme).values(is_first=True)
            )

    def add(self, name: str, role: Role, tenant_id: str | None = None) -> str:
        """Somebody in a tenant, Acme unless said; a second time: in another tenant, too. Gives their id."""
        with self.application.parts.database.transaction() as session:
            person_id = self.people.get(name) or self._account(session, name)
            add_member(session, tenant_id or self.acme, person_id, role, utc_now())
        return person_id

    def program(self, name: str, tenant_id: str | None = None) -> Program:
        """Somebody's program, signed in to a tenant of theirs."""
        with self.application.parts.database.transaction() as session:
            person = find_person(session, self.people[name], tenant_id)
            assert person is not None
            tokens = add_api_session(session, person, utc_now(), timedelta(days=1))
        return Program(self.application.flask.test_client(), tokens.access)

    def browser(self, name: str) -> Browser:
        """Somebody at the pages, signed in."""
        with self.application.parts.database.transaction() as session:
            token = add_sign_in_link(session, self.people[name], utc_now())
        browser = Browser(self.application.flask.test_client())
        assert browser.submit(f"/sign-in/link/{token}", {}).status_code == 302
        return browser

    def visitor(self) -> Browser:
        return Browser(self.application.flask.test_client())

    def newly_founded(self) -> Founded:
        """Another organisation, with one of each."""
        now = utc_now()
        owner, member = (f"{role}-{len(self.people)}" for role in ("owner", "member"))
        tenant_id = self._tenant(owner, owner)
        person_id = self.add(member, Role.MEMBER, tenant_id)
        with self.application.parts.database.transaction() as session:
            founder = find_person(session, self.people[owner], tenant_id)
            assert founder is not None
            tokens = add_api_session(session, founder, now, timedelta(days=1))
            wish = Wish(Role.MEMBER, uses=1, lifetime=timedelta(days=1))
            invitation = add_invitation(session, founder, wish, now)
            key_wish = KeyWish("Key", Role.MEMBER, ("chat",), None)
            key_id, key = add_key(session, founder, key_wish, now)
        return Founded(
            ids={
                "tenant_id": tenant_id,
                "person_id": person_id,
                "invitation_id": invitation.invitation_id,
                "invitation": invitation.token,
                "key_id": key_id,
                "refresh_token": tokens.refresh,
            },
            owner=tokens.access,
            member=self.program(member, tenant_id).token,
            key=key,
        )

    def role(self, name: str, tenant_id: str | None = None) -> str | None:
        """What somebody is in a tenant now; None: nothing."""
        with self.application.parts.database.transaction() as session:
            person = find_person(session, self.people[name], tenant_id or self.acme)
        found = person is not None and person.tenant_id == (tenant_id or self.acme)
        return person.roles[0] if found and person else None

    def events(self, tenant_id: str | None = None) -> list[str]:
        """The kinds of a tenant's security events, oldest first."""
        query = (
            select(SecurityEventRow.kind)
            .where(SecurityEventRow.tenant_id == (tenant_id or self.acme))
            .order_by(SecurityEventRow.at)
        )
        with self.application.parts.database.transaction() as session:
            return list(session.scalars(query))

    def _tenant(self, name: str, owner: str) -> str:
        with self.application.parts.database.transaction() as session:
            owner_id = self._account(session, owner)
            return add_tenant(session, name=name, owner_id=owner_id, now=utc_now()).tenant_id

    def _account(self, session: Any, name: str) -> str:
        account = add_account(
            session,
            email=f"{name}@example.org",
            name=name.capitalize(),
            password_hash=None,
            now=utc_now(),
        )
        self.people[name] = account.person_id
        return account.person_id


def at_once(*acts: Callable[[], TestResponse]) -> list[TestResponse]:
    """Do them at the same time."""
    start = threading.Barrier(len(acts))

    def run(act: Callable[[], TestResponse]) -> TestResponse:
        start.wait(20)
        return act()

    with ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(run, acts))


@contextmanager
def meeting_before(engine: Engine, statement: str, parties: int = 2) -> Generator[None]:
    """Statements that match wait for one another, so that what comes before them is done by all of them already.

    Where something lets only one through at a time, that one goes on alone after a moment.
    """
    together = threading.Barrier(parties)
    pattern = re.compile(statement, re.IGNORECASE)

    def meet(*given: Any) -> None:
        if pattern.search(str(given[2])):
            with suppress(threading.BrokenBarrierError):
                together.wait(TOGETHER_S)

    event.listen(engine, "before_cursor_execute", meet)
    try:
        yield
    finally:
        event.remove(engine, "before_cursor_execute", meet)


@contextmanager
def interrupting_before(engine: Engine, statement: str, act: Callable[[], None]) -> Generator[None]:
    """Do something right before the first statement that matches, as if somebody else had done it meanwhile."""
    pattern, left = re.compile(statement, re.IGNORECASE), [act]

    def interrupt(*given: Any) -> None:
        if left and pattern.search(str(given[2])):
            with ThreadPoolExecutor(1) as pool:
                pool.submit(left.pop()).result(20)

    event.listen(engine, "before_cursor_execute", interrupt)
    try:
        yield
    finally:
        event.remove(engine, "before_cursor_execute", interrupt)
    assert not left, "nothing was interrupted"


def statuses(answers: Sequence[TestResponse]) -> list[int]:
    return sorted(answer.status_code for answer in answers)
