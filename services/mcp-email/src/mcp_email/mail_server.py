"""What IMAP and SMTP have in common towards a mail server: whom to trust, and its words without our secrets."""

import base64
import ssl
from collections.abc import Collection

from mcp_email.header_text import unsafe_character

MAX_SERVER_TEXT = 200
LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


def trusting(ca_file: str | None) -> ssl.SSLContext:
    """Verifies certificate and name, by the system's authorities and those of the file."""
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if ca_file is not None:
        context.load_verify_locations(cafile=ca_file)
    return context


def as_sent(*secrets: str) -> set[str]:
    """In every form in which a server could repeat them."""
    return {*secrets, *(base64.b64encode(one.encode()).decode() for one in secrets)}


def shown(text: str, secrets: Collection[str]) -> str:
    """The server's own words: one line, nothing invisible, no secret of ours, cut to 200 characters."""
    for secret in secrets:
        text = text.replace(secret, "***")
    kept = (" " if unsafe_character(c) else c for c in text[: 4 * MAX_SERVER_TEXT])
    return " ".join("".join(kept).split())[:MAX_SERVER_TEXT]
