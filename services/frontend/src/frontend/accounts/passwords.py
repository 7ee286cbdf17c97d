"""Passwords: argon2id, checked in threads because one check takes a tenth of a second of computing."""

from collections.abc import Callable
from typing import Protocol, TypeVar

from pwdlib import PasswordHash

MIN_CHARACTERS = 10
MAX_CHARACTERS = 200

T = TypeVar("T")


class RunInThread(Protocol):
    """Runs a function without holding up others, and gives what it gave."""

    def __call__(self, work: Callable[[], T]) -> T: ...


def run_here(work: Callable[[], T]) -> T:
    """For commands and tests: no others to hold up."""
    return work()


class Passwords:
    """Hashes and checks. Checking an unknown account costs the same time as a known one."""

    def __init__(self, run: RunInThread = run_here) -> None:
        self._hasher = PasswordHash.recommended()
        self._run = run
        self._decoy: str | None = None

    def hash(self, password: str) -> str:
        return self._run(lambda: self._hasher.hash(password))

    def check(self, password: str, password_hash: str | None) -> tuple[bool, str | None]:
        """Whether it is right, and a new hash when the stored one is outdated."""
        known = password_hash or self._decoy_hash()
        right, update = self._run(lambda: self._hasher.verify_and_update(password, known))
        return (right and password_hash is not None), update

    def prepare(self) -> None:
        """Make the hash that unknown accounts are checked against, before anybody could measure it."""
        self._decoy_hash()

    def _decoy_hash(self) -> str:
        if self._decoy is None:
            self._decoy = self._hasher.hash("nobody has this password")
        return self._decoy


def problem_with(password: str) -> str | None:
    """Why it cannot be a password, None when it can."""
    if len(password) < MIN_CHARACTERS:
        return f"The password needs at least {MIN_CHARACTERS} characters."
    if len(password) > MAX_CHARACTERS:
        return f"The password can have at most {MAX_CHARACTERS} characters."
    return None
