"""Passwords: what is stored, and what is found right."""

from collections.abc import Callable
from typing import TypeVar

import pytest
from argon2 import PasswordHasher

from frontend.accounts.passwords import Passwords

T = TypeVar("T")

SECRET = "correct horse battery"


@pytest.fixture(autouse=True)
def cheap_passwords() -> None:
    """Not here, where they are what is tested."""


def test_only_the_right_password_is_right() -> None:
    passwords = Passwords()
    stored = passwords.hash(SECRET)

    assert stored.startswith("$argon2id$")
    assert SECRET not in stored
    assert passwords.check(SECRET, stored) == (True, None)
    assert passwords.check(SECRET.upper(), stored) == (False, None)


def test_who_has_no_password_is_not_let_in_but_costs_the_same_work() -> None:
    steps: list[object] = []

    def counting(work: Callable[[], T]) -> T:
        steps.append(work)
        return work()

    passwords = Passwords(counting)
    passwords.prepare()

    assert passwords.check("nobody has this password", None)[0] is False
    assert len(steps) == 1


def test_a_hash_made_with_less_effort_is_replaced_when_it_is_used() -> None:
    weak = PasswordHasher(memory_cost=1024, time_cost=1, parallelism=1).hash(SECRET)

    right, better = Passwords().check(SECRET, weak)

    assert right
    assert better is not None
    assert better != weak
