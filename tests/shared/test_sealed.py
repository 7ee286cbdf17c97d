"""Secrets are read again only where they were put, and with the secret they were sealed under."""

import pytest

from shared.sealed import CannotOpen, Sealer

OLD = "an old secret that only these tests know"
NEW = "a new secret that only these tests know"


def test_what_was_sealed_is_read_again_and_looks_like_nothing() -> None:
    sealer = Sealer([OLD], "tests")
    sealed = sealer.seal("naïve secret", "row-1")
    assert "secret" not in sealed
    assert sealed != sealer.seal("naïve secret", "row-1")
    assert sealer.open(sealed, "row-1") == "naïve secret"


def test_a_secret_that_was_replaced_still_opens_what_it_sealed() -> None:
    sealed = Sealer([OLD], "tests").seal("text", "row-1")
    assert Sealer([NEW, OLD], "tests").open(sealed, "row-1") == "text"


@pytest.mark.parametrize(
    ("secret", "purpose", "owner"),
    [(NEW, "tests", "row-1"), (OLD, "other", "row-1"), (OLD, "tests", "row-2")],
)
def test_nothing_opens_elsewhere(secret: str, purpose: str, owner: str) -> None:
    sealed = Sealer([OLD], "tests").seal("text", "row-1")
    with pytest.raises(CannotOpen):
        Sealer([secret], purpose).open(sealed, owner)


@pytest.mark.parametrize("sealed", ["", "x", "é", "AAAA" * 20])
def test_garbage_is_not_opened(sealed: str) -> None:
    with pytest.raises(CannotOpen):
        Sealer([OLD], "tests").open(sealed, "row-1")


def test_what_was_changed_is_not_opened() -> None:
    sealed = Sealer([OLD], "tests").seal("text", "row-1")
    changed = ("B" if sealed[0] != "B" else "C") + sealed[1:]
    with pytest.raises(CannotOpen):
        Sealer([OLD], "tests").open(changed, "row-1")


@pytest.mark.parametrize("secrets", [[], ["short"], [OLD, ""]])
def test_a_secret_that_keeps_nothing_is_refused(secrets: list[str]) -> None:
    with pytest.raises(ValueError, match="random characters"):
        Sealer(secrets, "tests")
