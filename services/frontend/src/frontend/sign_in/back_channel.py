"""A provider says that somebody's session there is over (OpenID Connect Back-Channel Logout 1.0)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from flask import jsonify, request
from flask.typing import ResponseReturnValue
from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet

from frontend.accounts.security_events import SecurityEvent, record
from frontend.parts import parts
from frontend.rights import ANYBODY, Routes
from frontend.sign_in.attempts import client_network
from frontend.sign_in.identities import is_name
from frontend.sign_in.providers import ALGORITHMS, OidcUpstream
from frontend.sign_in.sessions import end_provider_sessions
from shared.errors import ExpectedError, NotFound

EVENT = "http://schemas.openid.net/event/backchannel-logout"
MAX_TOKEN_CHARACTERS = 16_384
MAX_AGE_S = 300
LEEWAY_S = 60
_TYPES = frozenset({"", "jwt", "logout+jwt"})

routes = Routes("back_channel", rule=ANYBODY)
"""No form of ours leads here: the token itself says who calls, so there is no CSRF token to ask for."""


class BadLogoutToken(Exception):
    """Which of the rules it breaks (section 2.6)."""


@dataclass(frozen=True, slots=True)
class Ended:
    """Whose session is over there: that with the `sid`, or all of the subject."""

    subject: str | None
    sid: str | None


@routes.post("/sign-in/ended/<name>")
def ended(name: str) -> ResponseReturnValue:
    """Answered with 200 whether or not there was a session left to end (section 2.8)."""
    upstream = parts().providers.get(name)
    if not isinstance(upstream, OidcUpstream):
        raise NotFound("There is nothing here.")
    # By address, too, so that strangers with made-up tokens do not use up what the provider needs.
    parts().logout_limit.take(f"{name} {client_network()}")
    try:
        told = _checked(upstream, request.form.get("logout_token", ""))
    except (BadLogoutToken, ExpectedError) as error:
        why = str(error) if isinstance(error, BadLogoutToken) else "the keys cannot be fetched"
        record(SecurityEvent.LOGOUT_TOKEN_REFUSED, provider=name, why=why)
        body = {
            "error": "invalid_request",
            "error_description": f"The logout token is not good: {why}.",
        }
        return jsonify(body), 400
    number = end_provider_sessions(upstream.config.issuer_url, subject=told.subject, sid=told.sid)
    record(SecurityEvent.SESSIONS_ENDED, provider=name, number=str(number), reason="provider")
    return "", 200


def _checked(upstream: OidcUpstream, token: str) -> Ended:
    if not 0 < len(token) <= MAX_TOKEN_CHARACTERS:
        raise BadLogoutToken("its length")
    header, claims = _decoded(upstream, token)
    now_s = parts().now().timestamp()
    audience = claims.get("aud")
    audiences = cast("list[Any]", audience) if isinstance(audience, list) else [audience]
    events = claims.get("events")
    rules: dict[str, bool] = {
        "typ": str(header.get("typ", "")).lower() in _TYPES,
        "iss": claims.get("iss") == upstream.config.issuer_url,
        "aud": upstream.config.client_id in audiences,
        "iat": _is_between(claims.get("iat"), now_s - MAX_AGE_S, now_s + LEEWAY_S),
        "exp": _is_between(claims.get("exp", now_s), now_s - LEEWAY_S, float("inf")),
        "events": isinstance(events, dict)
        and isinstance(cast("dict[str, Any]", events).get(EVENT), dict),
        "nonce": "nonce" not in claims,
        "sub and sid": is_name(claims.get("sub", "x")) and is_name(claims.get("sid", "x")),
        "neither sub nor sid": "sub" in claims or "sid" in claims,
        "jti": is_name(claims.get("jti")),
    }
    for rule, holds in rules.items():
        if not holds:
            raise BadLogoutToken(rule)
    # Last, so that only a token that would count is remembered.
    if not _is_new(upstream.name, claims["jti"]):
        raise BadLogoutToken("used before")
    return Ended(claims.get("sub"), claims.get("sid"))


def _decoded(upstream: OidcUpstream, token: str) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """Header and claims. The signature is good then."""
    try:
        try:
            decoded = jwt.decode(
                token, KeySet.import_key_set(cast(Any, upstream.keys())), list(ALGORITHMS)
            )
        except InvalidKeyIdError:
            keys = KeySet.import_key_set(cast(Any, upstream.keys(again=True)))
            decoded = jwt.decode(token, keys, list(ALGORITHMS))
    except (JoseError, ValueError, TypeError, KeyError):
        raise BadLogoutToken("its signature") from None
    return decoded.header, decoded.claims


def _is_new(provider: str, jti: str) -> bool:
    name = f"logout-token:{provider}:{jti}"
    return bool(parts().redis.set(name, 1, nx=True, ex=MAX_AGE_S + 2 * LEEWAY_S))


def _is_between(value: object, earliest: float, latest: float) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return earliest <= value <= latest
