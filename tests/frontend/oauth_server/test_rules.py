"""Addresses and rights, by themselves."""

import pytest

from frontend.oauth_server import redirect_uris, rights

LOOPBACK = "http://127.0.0.1/callback"


@pytest.mark.parametrize(
    ("uri", "registered", "fits"),
    [
        ("https://a.example/cb", ["https://a.example/cb"], True),
        ("https://a.example:8443/cb", ["https://a.example/cb"], False),
        ("https://a.example/cb/", ["https://a.example/cb"], False),
        ("https://a.example/cb?x=1", ["https://a.example/cb?x=1"], True),
        ("http://127.0.0.1:1/callback", [LOOPBACK], True),
        ("http://127.0.0.1:65535/callback", ["http://127.0.0.1:8080/callback"], True),
        ("http://127.0.0.1:0/callback", [LOOPBACK], False),
        ("http://127.0.0.1:65536/callback", [LOOPBACK], False),
        ("http://[::1]:9/callback", ["http://[::1]/callback"], True),
        ("http://localhost:9/callback", ["http://localhost/callback"], True),
        ("http://localhost:9/callback", [LOOPBACK], False),
        ("http://127.0.0.1:9/callback?x=1", [LOOPBACK], False),
        ("http://127.0.0.1:9@evil.example/callback", [LOOPBACK], False),
        ("http://evil.example:9/callback", ["http://evil.example/callback"], False),
        ("https://127.0.0.1:9/callback", ["https://127.0.0.1/callback"], False),
        ("http://127.0.0.1:9/callback", ["https://127.0.0.1/callback"], False),
        ("http://127.1:9/callback", [LOOPBACK], False),
        ("javascript:alert(1)", ["javascript:alert(1)"], False),
        ("https://a.example\\@evil.example/cb", ["https://a.example\\@evil.example/cb"], False),
        ("", [LOOPBACK], False),
    ],
)
def test_an_address_is_the_registered_one_but_for_the_port_on_loopback(
    uri: str, registered: list[str], fits: bool
) -> None:
    assert redirect_uris.is_registered(uri, registered) is fits


def test_all_actions_cover_each_of_them_and_nothing_covers_by_looks() -> None:
    assert rights.covers({"db:act"}, "db:act:close_ticket")
    assert not rights.covers({"db:act:close_ticket"}, "db:act")
    assert not rights.covers({"db:act"}, "db:act:")
    assert not rights.covers({"db:act"}, "db:act:a b")
    assert not rights.covers({"mail:read"}, "mail:read:all")
    assert not rights.covers({"db"}, "db:read")


def test_rights_are_joined_without_what_a_wider_one_includes() -> None:
    assert rights.joined(["db:act:x", "db:read"], ["db:act"]) == ("db:act", "db:read")
    assert rights.missing(["db:act:x", "db:read"], ["db:act"]) == ("db:read",)


def test_no_more_rights_are_offered_than_a_page_can_show() -> None:
    asked = " ".join(f"db:act:a{number}" for number in range(100))
    assert len(rights.offered(asked, {"db:act"})) == rights.MAX_RIGHTS
