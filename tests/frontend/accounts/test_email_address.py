"""Which addresses are one and the same, and which are none."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frontend.accounts.email_address import is_email_address, normalised


@pytest.mark.parametrize(
    ("typed", "address"),
    [
        ("Ada@Example.ORG", "ada@example.org"),
        ("  ada@example.org\n", "ada@example.org"),
        ("ada@example.org", "ada@example.org"),
        ("ada+notes@localhost", "ada+notes@localhost"),
        ("ADA@EXAMPLE.ORG", "ada@example.org"),
    ],
)
def test_the_same_address_is_written_in_several_ways(typed: str, address: str) -> None:
    assert normalised(typed) == address
    assert is_email_address(address)


@pytest.mark.parametrize(
    "address",
    [
        "",
        "@",
        "ada",
        "ada@",
        "@example.org",
        "a@b@c",
        "a b@c",
        "a\x00@c",
        "a\u200b@c",
        "x" * 250 + "@a.bc",
    ],
)
def test_what_is_no_address(address: str) -> None:
    assert not is_email_address(address)


@given(st.text())
def test_an_address_stays_the_same_when_it_is_normalised_again(typed: str) -> None:
    assert normalised(normalised(typed)) == normalised(typed)
