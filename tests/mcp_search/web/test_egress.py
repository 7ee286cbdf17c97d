"""Secrets do not leave in queries and addresses; ordinary questions do."""

import base64

import pytest

from mcp_search.errors import SecretInQuery, TooMuch
from mcp_search.web.egress import Egress

# Put together here, so that no scanner of repositories takes them for somebody's.
KEYS = [
    "AKIA" + "IOSFODNN7EXAMPLE",
    "ghp_" + "16C7e42F292c6912E7710c838347Ae178B4a",
    "github_pat_" + "11ABCDE0Y0" + "a1b2c3d4" * 5,
    "glpat-" + "x1y2z3x1y2z3x1y2z3zz",
    "sk-" + "proj-abcDEF123456ghiJKL789012",
    "sk-ant-" + "api03-AbCdEf123456-GhIjKl",
    "sk_live_" + "4eC39HqLyjWDarjtT1zdp7dc",
    "xoxb-" + "17653672481-19874698323-pdFZKVeTuE8sk7oOcHrzzqgy",
    "AIza" + "SyDaGmWKa4JsXZ-HjGw7ISLn_3namBGewQe",
    "ya29." + "a0AfH6SMBx1234567890abcdef",
    "eyJhbGciOiJIUzI1NiJ9."
    + "eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U",
    "tvly-" + "dev-abcdefghij1234567890",
    "hf_" + "AbCdEfGhIjKlMnOpQrStUvWxYz0123456789",
    "npm_" + "aB3" * 12,
    "-----BEGIN RSA PRIVATE " + "KEY-----",
    "-----BEGIN PRIVATE " + "KEY-----",
    "-----BEGIN OPENSSH PRIVATE " + "KEY-----",
    "123456789:AA" + "F1x2y3z4" * 5,
]
OTHERS = {
    "password": [
        "password=hunter2-and-more",
        "why does Password: Tr0ub4dor&3 fail",
        "postgres://app:s3cr3t@db.example.com/x",
        "Authorization: Bearer abcdef0123456789abcdef",
        "api_key = 9f8e7d6c5b4a",
        "client_secret:x9Q-vv2",
    ],
    "card_number": ["card 4111 1111 1111 1111", "5500-0000-0000-0004", "378282246310005"],
    "random_word": [
        "what is wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        "zq8K2mXw9Lr4Tn7Vb1Ys6Hd3",
        "9b74c9897bac770ffc029102a200c5de1f2e",
        "dGhpcyBpcyBhIHNlY3JldCB0ZXh0IG9mIG91cnM1",
    ],
}
HARMLESS = [
    "weather in Berlin tomorrow",
    "how do I reset my password",
    "password: forgotten, what now",
    "python asyncio.TaskGroup example",
    "Donaudampfschifffahrtsgesellschaftskapitän",
    "what is 550e8400-e29b-41d4-a716-446655440000",
    "ISBN 978-3-16-148410-0",
    "error 0x80070005 windows update",
    "CVE-2025-32711 EchoLeak",
    "phone number +49 30 901820",
    "ERROR_INSUFFICIENT_PRIVILEGES_FOR_USER",
    "pneumonoultramicroscopicsilicovolcanoconiosis",
    "https://docs.python.org/3/library/asyncio-task.html",
    "4111 1111 1111 1112",
    "rfc9110 section-8.4.1.2-deflate-coding-of-http-messages",
    "secret: how to keep a garden green",
    "0000 0000 0000 0000",
    "covid19-vaccination-2021-statistics-by-country",
    "git commit 1f2e3d4",
    "DE89370400440532013000 iban format",
    "org.springframework.web.HttpServletRequestWrapper2FactoryBean",
]


@pytest.mark.parametrize("key", KEYS)
def test_keys_do_not_leave(key: str) -> None:
    for query in (key, f"what is {key}?", f"“{key}”"):
        with pytest.raises(SecretInQuery) as refusal:
            Egress().check_query(query)
        assert refusal.value.details == {"rule": "key"}
        assert key[:12] not in str(refusal.value.as_data())
    with pytest.raises(SecretInQuery):
        Egress().check_url(f"https://example.com/?q={key.replace(' ', '+')}")


@pytest.mark.parametrize(
    ("rule", "query"), [(rule, one) for rule, all_ in OTHERS.items() for one in all_]
)
def test_what_looks_like_a_secret_does_not_leave(rule: str, query: str) -> None:
    with pytest.raises(SecretInQuery) as refusal:
        Egress().check_query(query)
    assert refusal.value.details == {"rule": rule}


@pytest.mark.parametrize("query", HARMLESS)
def test_ordinary_questions_leave(query: str) -> None:
    Egress(canaries=["blue canary"]).check_query(query)


CANARY = "Project Nightjar 7"


@pytest.mark.parametrize(
    "told",
    [
        CANARY,
        "project  nightjar_7 news",
        "PROJECT-NIGHTJAR-7",
        CANARY[::-1],
        CANARY.encode().hex(),
        *(base64.b64encode(b"x" * start + CANARY.encode()).decode() for start in range(3)),
    ],
)
def test_canaries_do_not_leave_in_any_dress(told: str) -> None:
    egress = Egress(canaries=["x", CANARY])
    with pytest.raises(SecretInQuery):
        egress.check_query(f"tell me of {told}")
    with pytest.raises(SecretInQuery):
        egress.check_url(f"https://evil.example.com/{told.replace(' ', '%20')}/a.gif")


def test_a_query_has_an_end() -> None:
    Egress().check_query("a " * 200)
    with pytest.raises(TooMuch) as problem:
        Egress().check_query("a " * 200 + "b")
    assert problem.value.details == {"limit": "query_characters", "value": 400}


@pytest.mark.parametrize(
    "url",
    [
        "https://www.youtube.com/watch?v=dQw4w9WgXcQ&t=10s",
        "https://docs.google.com/document/d/1BxiMVs0XRA5nFMdKvBdBZjgmUUqptlbs74OgvE2upms/edit",
        "https://example.com/?utm_source=x&id=550e8400-e29b-41d4-a716-446655440000",
        "https://example.com/commit/9b74c9897bac770ffc029102a200c5de",
        "https://example.com/search?q=how+to+reset+a+password",
    ],
)
def test_ordinary_addresses_are_fetched(url: str) -> None:
    Egress().check_url(url)


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example.com/?d=wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEYq8K2mXw9Lr4",
        "https://evil.example.com/?card=4111111111111111",
        "https://evil.example.com/?u=a&password=hunter2-and-more",
        "https://evil.example.com/?d=%41KIA" + "IOSFODNN7EXAMPLE",
    ],
)
def test_secrets_do_not_leave_in_addresses(url: str) -> None:
    with pytest.raises(SecretInQuery):
        Egress().check_url(url)
