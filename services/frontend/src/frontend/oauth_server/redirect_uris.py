"""Where a person may be sent back to after the consent page. Pure.

https, or http to the very computer that the browser runs on (MCP authorization, "Communication Security"); schemes of
apps are anybody's who installs one, and are not taken.
"""

import re
from collections.abc import Sequence
from urllib.parse import SplitResult, urlsplit

MAX_CHARACTERS = 1_000
MAX_URIS = 20
LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})

_PRINTABLE = re.compile(r"[!-~]+")


def problem_with(uri: str) -> str | None:
    """Why a client may not name this address; None: it may."""
    parts = _parts(uri)
    if parts is None:
        return "A redirect URI must be an address in plain ASCII of at most 1,000 characters."
    if parts.fragment or "#" in uri:
        return "A redirect URI must not have a fragment (RFC 6749 section 3.1.2)."
    if parts.username is not None or parts.password is not None:
        return "A redirect URI must not name a user."
    if parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK):
        return None
    return "A redirect URI must be https, or http to 127.0.0.1, [::1] or localhost."


def is_registered(uri: str, registered: Sequence[str]) -> bool:
    """The same text (RFC 9700 section 2.1), but for the port of a loopback address (RFC 8252 section 7.3)."""
    if problem_with(uri) is not None:
        return False
    return uri in registered or (
        is_loopback(uri) and _without_port(uri) in map(_without_port, registered)
    )


def is_loopback(uri: str) -> bool:
    """Whether it is answered by some program on the person's own computer: anyone's who runs there."""
    parts = _parts(uri)
    return parts is not None and parts.scheme == "http" and parts.hostname in LOOPBACK


def host_of(uri: str) -> str:
    """As a person should see it; empty when there is none."""
    parts = _parts(uri)
    return "" if parts is None else parts.hostname or ""


def form_targets(uri: str) -> str:
    """For the consent page's Content-Security-Policy: browsers hold `form-action` against every redirect after a form.

    Sites that a callback goes on to are https too, so all of those are let through.
    """
    parts = _parts(uri)
    if parts is None or parts.scheme == "https":
        return "'self' https:"
    return f"'self' https: http://{parts.netloc}"


def _without_port(uri: str) -> tuple[str, str, str, str] | None:
    parts = _parts(uri)
    if parts is None or parts.scheme != "http" or parts.hostname not in LOOPBACK:
        return None
    return parts.scheme, parts.hostname, parts.path, parts.query


def _parts(uri: str) -> SplitResult | None:
    if len(uri) > MAX_CHARACTERS or "\\" in uri or not _PRINTABLE.fullmatch(uri):
        return None
    try:
        parts = urlsplit(uri)
        has_port = parts.port is None or parts.port > 0
    except ValueError:
        return None
    return parts if parts.hostname and has_port else None
