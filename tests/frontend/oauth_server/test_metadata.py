"""What the server says about itself (RFC 8414, RFC 9207)."""

from pathlib import Path
from typing import Any, cast

import pytest
from authlib.oauth2 import rfc8414, rfc9207
from mcp.shared.auth import OAuthMetadata
from pydantic import ValidationError
from support.agents import RESOURCES, Agent, MakeApplication
from support.frontend_site import ORIGIN, Browser, json_of, settings_for

from frontend.app import Application

PLACES = ("/.well-known/oauth-authorization-server", "/.well-known/openid-configuration")


@pytest.mark.parametrize("place", PLACES)
def test_the_metadata_has_what_the_rfc_requires(agent: Agent, place: str) -> None:
    told = json_of(agent.http.get(place))
    # The types of Authlib that checkers know are those of an older release.
    issuer_too = cast(Any, rfc9207).AuthorizationServerMetadata
    cast(Any, rfc8414).AuthorizationServerMetadata(told).validate(metadata_classes=[issuer_too])
    OAuthMetadata.model_validate(told)
    assert told["issuer"] == ORIGIN
    assert told["code_challenge_methods_supported"] == ["S256"]
    assert told["response_types_supported"] == ["code"]
    assert told["authorization_response_iss_parameter_supported"] is True
    assert told["client_id_metadata_document_supported"] is True
    assert "mail:send" in told["scopes_supported"]
    assert "registration_endpoint" not in told


def test_every_endpoint_that_is_named_answers(application: Application, agent: Agent) -> None:
    told = json_of(agent.http.get(PLACES[0]))
    at = application.flask.url_map.bind("127.0.0.1")
    for name in ("authorization", "token", "revocation", "introspection"):
        path = told[f"{name}_endpoint"].removeprefix(ORIGIN)
        assert at.test(path, "GET" if name == "authorization" else "POST"), path
    assert json_of(agent.http.get(told["jwks_uri"].removeprefix(ORIGIN)))["keys"]


def test_agents_in_a_browser_may_read_answers_from_any_origin(agent: Agent) -> None:
    for path, method in ((PLACES[0], "GET"), ("/oauth/token", "OPTIONS"), ("/oauth/token", "POST")):
        answer = agent.http.open(path, method=method)
        assert answer.headers["Access-Control-Allow-Origin"] == "*", path
        assert "Access-Control-Allow-Credentials" not in answer.headers
    asked = agent.http.open(agent.question(), method="OPTIONS")
    assert "Access-Control-Allow-Origin" not in asked.headers


@pytest.mark.parametrize("path", [*PLACES, "/oauth/authorize"])
def test_without_tool_servers_there_is_no_authorization_server(
    make_application: MakeApplication, path: str
) -> None:
    application = make_application(resources={})
    assert Browser(application.flask.test_client()).get(path).status_code in {302, 404}
    assert application.flask.test_client().post("/oauth/token").status_code == 404


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"issuer": "http://frontend:8000"}, "FRONTEND_PUBLIC_URL without a slash"),
        ({"issuer": f"{ORIGIN}/"}, "FRONTEND_PUBLIC_URL without a slash"),
        (
            {"issuer": "http://chat.example", "public_url": "http://chat.example"},
            "FRONTEND_PUBLIC_URL to be https",
        ),
    ],
)
def test_settings_with_which_no_agent_would_find_us_are_refused(
    tmp_path: Path, changes: dict[str, str], words: str
) -> None:
    with pytest.raises(ValidationError, match=words):
        settings_for(tmp_path, "redis://r", "http://o", resources=RESOURCES, **changes)
