"""Hashes as the servers make them."""

import pytest

from mcp_dbquery.mysql.address import read_address
from mcp_dbquery.mysql.password import caching_sha2_hash, native_hash, sha256_crypt
from shared.errors import BadSetup


def test_a_native_hash_is_the_servers() -> None:
    assert native_hash("password") == "*2470C0C06DEE42FD1618BB99005ADCA2EC9D1E19"


def test_a_sha256_crypt_is_what_other_programs_make_of_it() -> None:
    # openssl passwd -5 -salt saltstring 'Hello world!'
    assert (
        sha256_crypt("Hello world!", "saltstring") == "5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5"
    )


def test_a_caching_hash_has_its_parts() -> None:
    parts = caching_sha2_hash("secret").split("$")
    assert parts[:3] == ["", "A", "005"]
    assert (len(parts[3]), "secret" in parts[3]) == (20 + 43, False)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("postgresql://a:s3cret@h/d", "must begin with mysql"),
        ("mysql://h/d", "must name a user"),
        ("mysql://a:s3cret@h:port/d", "not a URL"),
        ("mysql://a:s3cret@h/d?wrong=1", "wrong. Known are socket and tls"),
        ("mysql://a:s3cret@h/d?tls=perhaps", "on, unverified or off"),
        (f"mysql://{'a' * 40}:s3cret@h/d", "more than 32"),
    ],
)
def test_a_wrong_url_is_explained_without_its_password(url: str, words: str) -> None:
    with pytest.raises(BadSetup, match=words) as refusal:
        read_address(url, "The URL")
    assert "s3cret" not in str(refusal.value)


def test_a_url_is_taken_apart() -> None:
    address = read_address(
        "mariadb://a%40b:p%2Fw@db.example:3307/shop?socket=/run/my.sock&tls=on", "The URL"
    )
    assert (address.user, address.password, address.host, address.port) == (
        "a@b",
        "p/w",
        "db.example",
        3307,
    )
    assert (address.database, address.socket) == ("shop", "/run/my.sock")
    assert address.tls is not None
    assert "p/w" not in repr(address)
