"""The owner and sign-in links on PostgreSQL, where statements and races differ from SQLite's."""

from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from sqlalchemy import make_url

from frontend.accounts.queries import (
    OwnerExists,
    add_owner,
    add_sign_in_link,
    use_link,
)
from frontend.database import Database, closing_database
from frontend.migrations import upgrade
from shared.sql import utc_now

pytestmark = pytest.mark.postgres


@pytest.fixture
def database(postgres_url: str) -> Generator[Database]:
    url = make_url(postgres_url).set(drivername="postgresql+psycopg")
    address = url.render_as_string(hide_password=False)
    upgrade(address)
    with closing_database(address) as database:
        yield database


def test_of_simultaneous_first_sign_ups_one_wins(database: Database) -> None:
    together = Barrier(4)

    def sign_up(number: int) -> bool:
        together.wait(5)
        try:
            with database.transaction() as session:
                email = f"person{number}@example.org"
                add_owner(session, email=email, name="Ada", password_hash=None, now=utc_now())
        except OwnerExists:
            return False
        return True

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(sign_up, range(4))) == 1


def test_a_link_is_used_once_and_a_new_one_replaces_it(database: Database) -> None:
    now = utc_now()
    with database.transaction() as session:
        owner = add_owner(session, email="ada@example.org", name="Ada", password_hash=None, now=now)
        older = add_sign_in_link(session, owner.person_id, now)
    with database.transaction() as session:
        newer = add_sign_in_link(session, owner.person_id, now)

    with database.transaction() as session:
        assert use_link(session, older, now) == (False, None)
        assert use_link(session, newer, now) == (True, owner.person_id)
        assert use_link(session, newer, now) == (False, None)
