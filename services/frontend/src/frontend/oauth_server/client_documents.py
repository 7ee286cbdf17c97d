"""The document in which an agent says who it is, at the address that is its id.

Rules from draft-ietf-oauth-client-id-metadata-document sections 3 to 6 and MCP's "Client ID Metadata Documents".
"""

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from frontend.oauth_server import redirect_uris
from frontend.oauth_server.clients import Client, ClientKind
from frontend.oauth_server.outside import CannotRead, Outside, Reply
from shared.untrusted.characters import clean_line

MAX_NAME = 60
NO_SECRET = "none"  # noqa: S105 - the word for it (RFC 7591 section 2)
SHORTEST_KEPT = timedelta(minutes=5)
LONGEST_KEPT = timedelta(days=1)
USUALLY_KEPT = timedelta(hours=1)

_MAX_AGE = re.compile(r"(?:^|[\s,])max-age\s*=\s*\"?(\d{1,9})", re.IGNORECASE)
_NEVER_KEPT = re.compile(r"(?:^|[\s,])no-(?:store|cache)(?:$|[\s,=])", re.IGNORECASE)

RedirectUri = Annotated[str, Field(max_length=redirect_uris.MAX_CHARACTERS)]


class ClientMetadata(BaseModel):
    """What we read of it (RFC 7591 section 2); all else is ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)

    redirect_uris: Annotated[
        list[RedirectUri], Field(min_length=1, max_length=redirect_uris.MAX_URIS)
    ]
    client_name: Annotated[str, Field(max_length=1_000)] = ""
    token_endpoint_auth_method: Annotated[str, Field(max_length=100)] = NO_SECRET
    grant_types: Annotated[list[str], Field(max_length=20)] = ["authorization_code"]
    response_types: Annotated[list[str], Field(max_length=20)] = ["code"]

    @property
    def name(self) -> str:
        """On one line, with nothing invisible in it."""
        return clean_line(self.client_name, MAX_NAME)

    def problem(self) -> str | None:
        """Why we cannot serve such a client; None: we can."""
        if "authorization_code" not in self.grant_types or "code" not in self.response_types:
            return "This server gives out authorization codes only."
        return next(filter(None, map(redirect_uris.problem_with, self.redirect_uris)), None)


class _Document(ClientMetadata):
    client_id: str


@dataclass(frozen=True, slots=True)
class ReadDocument:
    """An agent, and for how long its document need not be read again."""

    client: Client
    kept: timedelta


def is_address(client_id: str) -> bool:
    """Whether the id names a document."""
    return client_id.startswith(("https://", "http://"))


def read(outside: Outside, url: str) -> ReadDocument:
    """The agent at an address. Raises CannotRead."""
    reply = outside.read(url)
    return ReadDocument(_client(url, reply), _kept(reply.cache_control))


def _client(url: str, reply: Reply) -> Client:
    if reply.media_type != "application/json" and not reply.media_type.endswith("+json"):
        raise CannotRead("is not a JSON document")
    try:
        document = _Document.model_validate_json(reply.body)
    except ValidationError as error:
        field = ".".join(map(str, error.errors()[0]["loc"][:1])) or "the whole"
        raise CannotRead(f"does not describe a client (see {field})") from None
    if document.client_id != url:
        raise CannotRead("says that it is about another client")
    if document.token_endpoint_auth_method != NO_SECRET:
        raise CannotRead("asks for a way to authenticate that is not offered here (only none)")
    if problem := document.problem():
        raise CannotRead(f"cannot be used. {problem}")
    name = document.name or redirect_uris.host_of(url)
    return Client(url, ClientKind.DOCUMENT, name, tuple(document.redirect_uris))


def _kept(cache_control: str) -> timedelta:
    """As the site says (RFC 9111 section 5.2.2), within bounds."""
    if _NEVER_KEPT.search(cache_control):
        return SHORTEST_KEPT
    told = _MAX_AGE.search(cache_control)
    kept = timedelta(seconds=int(told[1])) if told else USUALLY_KEPT
    return min(max(kept, SHORTEST_KEPT), LONGEST_KEPT)
