"""A request of an agent: its parameters, each once and none too long."""

from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from frontend.oauth_server.framework import InvalidRequest, OAuth2Request, Payload

MAX_FIELD = 4_000
"""Characters of one parameter; some states and verifiers of clients are long."""
LIMITS: Mapping[str, int] = {
    "client_id": 500,
    "redirect_uri": 1_000,
    "resource": 500,
    "scope": 1_000,
    "state": 2_000,
    "code_challenge": 128,
    "code_verifier": 128,
    "client_secret": 200,
    "code": 200,
    "refresh_token": 200,
}
MAX_FIELDS = 40


class Given(Protocol):
    """A query or a form, as Werkzeug reads it."""

    def lists(self) -> Iterable[tuple[str, list[str]]]: ...


class Asked(OAuth2Request):
    """A request with its parameters from the one place where they belong, each once (RFC 6749 sections 3.1 and 3.2)."""

    def __init__(
        self, method: str, uri: str, headers: Mapping[str, str], fields: Mapping[str, str]
    ) -> None:
        # `uri` has our public address: the request's own has the scheme of the last hop, behind a proxy that ends TLS.
        untyped: Any = super()
        untyped.__init__(method, uri, headers=headers)
        self.fields = fields
        self.payload = Payload(dict(fields))

    @property
    def form(self) -> Mapping[str, str]:
        return self.fields


def fields_of(given: Given) -> dict[str, str]:
    """The parameters of a request; those without a value count as left out.

    Raises:
        InvalidRequest: one is there twice, or longer than any that is right.
    """
    fields: dict[str, str] = {}
    for name, values in given.lists():
        if len(values) > 1:
            raise InvalidRequest("Each parameter can be given once.")
        if len(values[0]) > LIMITS.get(name, MAX_FIELD) or len(name) > 100:
            raise InvalidRequest("A parameter is too long.")
        if values[0]:
            fields[name] = values[0]
    if len(fields) > MAX_FIELDS:
        raise InvalidRequest("There are too many parameters.")
    return fields
