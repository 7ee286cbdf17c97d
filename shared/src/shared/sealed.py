"""Secrets that must be kept and read again (sign-ins elsewhere, second factors), encrypted where they are stored.

AES-256-GCM (NIST SP 800-38D) under a key derived from a secret file (HKDF, RFC 5869). What a secret is for is part of
the seal: one that is copied to another row cannot be opened there.
"""

import base64
import secrets
from collections.abc import Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

MIN_SECRET_CHARACTERS = 32
_NONCE_BYTES = 12


class CannotOpen(Exception):
    """Sealed for something else, under a secret that is gone, or tampered with."""


class Sealer:
    """Seals under the first secret and opens under any, so that a secret can be changed."""

    def __init__(self, secrets_: Sequence[str], purpose: str) -> None:
        """`purpose` keeps the keys of two features apart that share a secret file.

        Raises:
            ValueError: no secret, or one too short to keep anything.
        """
        if not secrets_ or any(len(secret) < MIN_SECRET_CHARACTERS for secret in secrets_):
            raise ValueError(f"A secret needs at least {MIN_SECRET_CHARACTERS} random characters.")
        self._ciphers = [AESGCM(_derived(secret, purpose)) for secret in secrets_]

    def seal(self, text: str, owner: str) -> str:
        """`owner` names the one place that the text is for, such as a row's id. Base64, URL-safe."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        sealed = self._ciphers[0].encrypt(nonce, text.encode(), owner.encode())
        return base64.urlsafe_b64encode(nonce + sealed).decode()

    def open(self, sealed: str, owner: str) -> str:
        """Raises CannotOpen."""
        try:
            octets = base64.urlsafe_b64decode(sealed)
        except ValueError:
            raise CannotOpen from None
        nonce, rest = octets[:_NONCE_BYTES], octets[_NONCE_BYTES:]
        for cipher in self._ciphers:
            try:
                return cipher.decrypt(nonce, rest, owner.encode()).decode()
            except (InvalidTag, ValueError):
                continue
        raise CannotOpen


def _derived(secret: str, purpose: str) -> bytes:
    return HKDF(SHA256(), 32, salt=None, info=purpose.encode()).derive(secret.encode())
