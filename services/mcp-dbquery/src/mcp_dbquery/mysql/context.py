"""Who asks, as the views of the safe database can verify it: signed, for one connection, for a short time.

A statement could set the variable it stands in, so what counts is its signature, with a key that the login cannot
read. Names and values are hexadecimal, so that nothing in them can be taken for the format's own signs, and so that
comparing is exact on every server: `SIGNATURE;|CONNECTION;|EXPIRY;|role ROLE=;claim NAME=VALUE;…`.
"""

import hashlib
import hmac
import os
import secrets
from collections.abc import Iterable
from pathlib import Path

from mcp_dbquery.callers import values_of
from mcp_dbquery.config import DatabaseConfig
from shared.config_file import Secret
from shared.errors import BadSetup
from shared.service_tokens import Principal

KEY_BYTES = 32
SHORTEST_KEY = 32
EXPIRY_DIGITS = 12
"""So that the servers can compare it as text."""
BLOCK_BYTES = 64
"""Of SHA-256, over which RFC 2104 pads the key."""


def read_key(name: str, config: DatabaseConfig) -> bytes:
    """The key that contexts are signed with. Raises BadSetup when it is not there or too short."""
    if config.context_key is None:
        raise BadSetup(
            f"The database {name} needs context_key: a file (or variable) for the key that signs who asks. "
            "`mcp-dbquery init` makes the file."
        )
    key = config.context_key.read(f"The context key of the database {name}").encode()
    if len(key) < SHORTEST_KEY:
        raise BadSetup(
            f"The context key of the database {name} has less than {SHORTEST_KEY} characters."
        )
    return key


def make_key(secret: Secret) -> None:
    """Write a new key into the file, readable by its owner only. A key that is there stays."""
    if secret.file is None or secret.file.exists():
        return
    _write_new(secret.file, secrets.token_hex(KEY_BYTES))


def _write_new(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(text + "\n")
    except FileExistsError:
        return
    except OSError as error:
        raise BadSetup(f"The context key cannot be written to {path}: {error.strerror}.") from None


def derived_key(key: bytes, purpose: str) -> bytes:
    """A key of its own for each purpose, so that what is signed for one means nothing for the other."""
    return hmac.digest(key, purpose.encode(), "sha256")


def pads(key: bytes) -> tuple[bytes, bytes]:
    """The inner and outer block of HMAC-SHA-256 with this key, from which SQL can make the rest (RFC 2104)."""
    block = (
        key.ljust(BLOCK_BYTES, b"\0")
        if len(key) <= BLOCK_BYTES
        else hashlib.sha256(key).digest().ljust(64, b"\0")
    )
    return bytes(byte ^ 0x36 for byte in block), bytes(byte ^ 0x5C for byte in block)


def signed_context(
    key: bytes, caller: Principal, claims: Iterable[str], connection: int, expires_at_s: int
) -> str:
    """The context of a caller for one connection. A claim that the token does not make is not in it.

    Texts that end in a space are left out too: most collations take them for the same text without it.
    """
    values = {name: value for name, value in values_of(caller, claims).items() if value is not None}
    entries = [f"r{_hex(role)}=" for role in sorted(caller.roles)]
    entries += [
        f"c{_hex(name)}={_hex(value)}"
        for name, value in sorted(values.items())
        if not value.endswith(" ")
    ]
    body = f"{connection};{expires_at_s:0{EXPIRY_DIGITS}};" + "".join(
        f"{entry};" for entry in entries
    )
    return f"{hmac.new(key, body.encode(), 'sha256').hexdigest()};{body}"


def _hex(text: str) -> str:
    return text.encode("utf-8", "replace").hex().upper()
