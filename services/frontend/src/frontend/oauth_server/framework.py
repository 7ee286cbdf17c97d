"""What we use of Authlib's server side.

The types that checkers know of it are those of an older release: each name is `Any` here, and typed where it is used.
"""

from typing import Any

from authlib.integrations import flask_oauth2
from authlib.oauth2 import OAuth2Error, rfc6749, rfc7009, rfc7636, rfc7662, rfc9207
from authlib.oauth2.rfc6749 import requests

AuthorizationServer: Any = flask_oauth2.AuthorizationServer
AuthorizationCodeGrant: Any = rfc6749.AuthorizationCodeGrant
ClientMixin: Any = rfc6749.ClientMixin
CodeChallenge: Any = rfc7636.CodeChallenge
IntrospectionEndpoint: Any = rfc7662.IntrospectionEndpoint
IssuerParameter: Any = rfc9207.IssuerParameter
OAuth2Request: Any = rfc6749.OAuth2Request
Payload: Any = requests.BasicOAuth2Payload
RefreshTokenGrant: Any = rfc6749.RefreshTokenGrant
RevocationEndpoint: Any = rfc7009.RevocationEndpoint

Refused = OAuth2Error


class InvalidRequest(Refused):
    """RFC 6749 section 4.1.2.1."""

    error = "invalid_request"


class InvalidGrant(Refused):
    """RFC 6749 section 5.2."""

    error = "invalid_grant"


class InvalidScope(Refused):
    """RFC 6749 section 4.1.2.1."""

    error = "invalid_scope"


class InvalidTarget(Refused):
    """The resource is missing, unknown or another one (RFC 8707 section 2)."""

    error = "invalid_target"


class UnknownClient(Refused):
    """RFC 6749 section 5.2. Its text is shown to a person."""

    error = "invalid_client"
