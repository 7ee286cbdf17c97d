"""Each tool server takes tokens made for itself by the issuers that it knows, and mistakes no other for one."""

import json
import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from support.forged import SECRET, Sign, by_nobody, by_rsa, by_secret, compact, encoded
from support.tool_servers import (
    FRONTEND,
    GONE,
    HOST,
    SERVERS,
    ToolServers,
    bearer,
    modern_request,
)

from shared.scopes import RESOURCES, in_order
from shared.service_tokens import AT_JWT, SigningKey

LIST = modern_request("tools/list")


def claims(servers: ToolServers, server: str, **differing: Any) -> dict[str, Any]:
    """What a good access token says. None takes a claim away."""
    now = int(time.time())
    said = {
        "iss": FRONTEND,
        "aud": servers.url(server),
        "sub": "ada",
        "tenant": "acme",
        "roles": ["member"],
        "scope": in_order(RESOURCES[server].base),
        "client_id": "agent",
        "iat": now,
        "exp": now + 300,
        **differing,
    }
    return {name: value for name, value in said.items() if value is not None}


def ask(servers: ToolServers, server: str, token: str) -> httpx.Response:
    headers = {**LIST["headers"], **bearer(token)}
    return servers.http.post(servers.url(server), json=LIST["json"], headers=headers)


Make = Callable[[ToolServers, str], str]


def of_frontend(typ: str | None = AT_JWT, **differing: Any) -> Make:
    """Signed with the authorization server's own key."""
    return lambda servers, server: servers.frontend.key.sign(
        claims(servers, server, **differing), token_type=typ
    )


def of_frontend_at(claim: str, seconds: int) -> Make:
    """With a time that many seconds after the request; tests may be collected long before they run."""

    def make(servers: ToolServers, server: str) -> str:
        differing: dict[str, Any] = {claim: int(time.time()) + seconds}
        return of_frontend(**differing)(servers, server)

    return make


def of_host(**differing: Any) -> Make:
    return lambda servers, server: servers.host.key.sign(
        claims(servers, server, **{"iss": HOST, "client_id": None, **differing})
    )


def forged(sign: Callable[[ToolServers], Sign], **header: Any) -> Make:
    """With the key id of the authorization server, unless told."""
    return lambda servers, server: compact(
        {"typ": AT_JWT, "kid": servers.frontend.key.key_id, **header},
        claims(servers, server),
        sign(servers),
    )


def _nobody(_: ToolServers) -> Sign:
    return by_nobody


def _sixty_four_octets(_: ToolServers) -> Sign:
    return lambda _: bytes(64)


def saying(text: str) -> Make:
    """The text as it is."""
    return lambda servers, server: text  # noqa: ARG005 - one signature for all kinds


def public_half(servers: ToolServers) -> dict[str, Any]:
    return servers.frontend.key.public_jwks()["keys"][0]


def of_another(servers: ToolServers, server: str) -> str:
    other = SERVERS[(SERVERS.index(server) + 1) % len(SERVERS)]
    return servers.token(other)


def by_a_key_that_it_brings(servers: ToolServers, server: str) -> str:
    rogue = SigningKey.generate()
    signed = rogue.sign(claims(servers, server), token_type=AT_JWT)
    head, body, signature = signed.split(".")
    brought = {
        "typ": AT_JWT,
        "alg": "Ed25519",
        "kid": rogue.key_id,
        "jwk": rogue.public_jwks()["keys"][0],
        "jku": servers.host.jwks_url,
    }
    del head
    return f"{encoded(json.dumps(brought).encode())}.{body}.{signature}"


def with_another_body(servers: ToolServers, server: str) -> str:
    head, _, signature = servers.token(server).split(".")
    body = encoded(json.dumps(claims(servers, server, sub="eve")).encode())
    return f"{head}.{body}.{signature}"


GOOD: dict[str, Make] = {
    "of an agent that was let in": of_frontend(),
    "of an agent, its type spelt out": of_frontend(typ="application/AT+JWT"),
    "of the host that acts for a person": of_host(),
}
REFUSED: dict[str, Make] = {
    "for another tool server": of_another,
    "for the orchestrator, by sign-in": of_frontend(typ=None, aud="orchestrator"),
    "for the orchestrator": of_host(aud="orchestrator"),
    "for nobody": of_frontend(aud=None),
    "for two": lambda servers, server: of_frontend(
        aud=[servers.url(server), "http://evil.test/mcp"]
    )(servers, server),
    "for an address that begins like ours": lambda servers, server: of_frontend(
        aud=f"{servers.url(server)}/evil"
    )(servers, server),
    "of an issuer that is not known": of_frontend(iss="http://evil.test"),
    "of an issuer that is not known, by a known key": of_host(iss="http://evil.test"),
    "of an issuer that looks like a known one": of_frontend(iss=f"{FRONTEND}/"),
    "in the host's name, by the authorization server": of_frontend(iss=HOST),
    "in the authorization server's name, by the host": lambda servers, server: (
        servers.host.key.sign(claims(servers, server), token_type=AT_JWT)
    ),
    "with the key id of another issuer": forged(_sixty_four_octets, alg="Ed25519", kid="rsa"),
    "without a type": of_frontend(typ=None),
    "of the type of an id token": of_frontend(typ="JWT"),
    "by a key that it brings along": by_a_key_that_it_brings,
    "with another body than was signed": with_another_body,
    "without a signature": forged(_nobody, alg="none"),
    "without a signature, and said to have one": forged(_nobody, alg="Ed25519"),
    "with the public key as a secret": forged(
        lambda servers: by_secret(json.dumps(public_half(servers)).encode()), alg="HS256"
    ),
    "with the public octets as a secret": forged(
        lambda servers: by_secret(public_half(servers)["x"].encode()), alg="HS256"
    ),
    "by RSA under the key's id": forged(lambda _: by_rsa, alg="RS256"),
    "by a secret in the key set": forged(
        lambda _: by_secret(SECRET), alg="HS256", kid="known-secret"
    ),
    "by a key of RSA in the key set": forged(lambda _: by_rsa, alg="RS256", kid="rsa"),
    "by a key of RSA, said to be of Ed25519": forged(lambda _: by_rsa, alg="Ed25519", kid="rsa"),
    "with a path for a key id": forged(
        lambda _: by_secret(b""), alg="HS256", kid="../../../dev/null"
    ),
    "expired": of_frontend_at("exp", -60),
    "that never expires": of_frontend(exp=None),
    "not yet valid": of_frontend_at("nbf", 120),
    "issued in the future": of_frontend_at("iat", 120),
    "of nobody": of_frontend(sub=None),
    "of nobody by an empty name": of_frontend(sub=""),
    "of no tenant": of_frontend(tenant=None),
    "of a tenant without a name": of_frontend(tenant=""),
    "that is no token": saying("garbage"),
    "that is nothing but dots": saying(".."),
}


@pytest.mark.parametrize("server", SERVERS)
@pytest.mark.parametrize("kind", GOOD)
def test_a_token_made_for_it_opens_it(servers: ToolServers, server: str, kind: str) -> None:
    answer = ask(servers, server, GOOD[kind](servers, server))
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize("server", SERVERS)
@pytest.mark.parametrize("kind", REFUSED)
def test_no_other_token_does(servers: ToolServers, server: str, kind: str) -> None:
    answer = ask(servers, server, REFUSED[kind](servers, server))
    challenge = answer.headers.get("WWW-Authenticate", "")
    assert answer.status_code == 401
    assert 'error="invalid_token"' in challenge
    assert f'resource_metadata="{servers.metadata_url(server)}"' in challenge
    assert f'scope="{in_order(RESOURCES[server].base)}"' in challenge


@pytest.mark.parametrize("server", SERVERS)
def test_while_an_issuers_keys_cannot_be_had_one_is_told_to_wait(
    servers: ToolServers, server: str
) -> None:
    answer = ask(servers, server, of_frontend(iss=GONE)(servers, server))
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")


@pytest.mark.parametrize("server", SERVERS)
def test_who_brings_no_token_is_told_where_to_sign_in_and_of_no_error(
    servers: ToolServers, server: str
) -> None:
    for headers in ({}, {"Mcp-Method": "tools/call", "Mcp-Name": "query"}):
        answer = servers.http.post(servers.url(server), json={}, headers=headers)
        challenge = answer.headers["WWW-Authenticate"]
        assert answer.status_code == 401
        assert "error" not in challenge
        assert f'resource_metadata="{servers.metadata_url(server)}"' in challenge


@pytest.mark.parametrize("server", SERVERS)
def test_a_token_counts_in_one_header_and_nowhere_else(servers: ToolServers, server: str) -> None:
    token = servers.token(server)
    asked = LIST["headers"]

    def post(headers: dict[str, str] | list[tuple[str, str]], address: str = "") -> httpx.Response:
        url = f"{servers.url(server)}{address}"
        return servers.http.post(url, json=LIST["json"], headers=headers)

    in_the_address = post(asked, f"?access_token={token}")
    as_a_cookie = post({**asked, "Cookie": f"access_token={token}"})
    twice = post([*asked.items(), *[("Authorization", f"Bearer {token}")] * 2])
    basic = post({**asked, "Authorization": f"Basic {encoded(f'ada:{token}'.encode())}"})
    for answer in (in_the_address, as_a_cookie, twice, basic):
        assert answer.status_code == 401


@pytest.mark.parametrize("server", SERVERS)
def test_agents_learn_where_people_let_them_in_and_of_no_other_issuer(
    servers: ToolServers, server: str
) -> None:
    answer = servers.http.get(servers.metadata_url(server))
    assert answer.headers["Cache-Control"] == "public, max-age=3600"
    assert answer.json() == {
        "resource": servers.url(server),
        "resource_name": RESOURCES[server].name,
        "authorization_servers": [FRONTEND],
        "scopes_supported": sorted(RESOURCES[server].base),
        "bearer_methods_supported": ["header"],
    }


@pytest.mark.parametrize("server", SERVERS)
def test_nothing_else_but_health_is_open(servers: ToolServers, server: str) -> None:
    with httpx.Client(base_url=servers.addresses[server]) as http:
        health = [http.get(path).status_code for path in ("/live", "/ready", "/metrics")]
        others = [
            http.request(method, path).status_code
            for method in ("GET", "PUT", "POST", "DELETE", "OPTIONS")
            for path in ("/", "/mcp", "/mcp/", "/v1/documents", "/sse", "/live/..", "/nothing")
        ]
    assert health == [200, 200, 200]
    assert set(others) == {401}
