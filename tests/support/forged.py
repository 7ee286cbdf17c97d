"""Tokens as somebody makes them who has no key that counts, put together without the library that verifies them."""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from typing import Any

from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256

SECRET = b"a secret that everybody knows, of 32+ bytes"
RSA_KEY = rsa.generate_private_key(65_537, 2_048)
Sign = Callable[[bytes], bytes]


def encoded(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def compact(header: Mapping[str, Any], claims: Mapping[str, Any], sign: Sign) -> str:
    """A JWS in its compact form (RFC 7515 section 7.1)."""
    signed = ".".join(encoded(json.dumps(part).encode()) for part in (header, claims))
    return f"{signed}.{encoded(sign(signed.encode()))}"


def by_secret(secret: bytes) -> Sign:
    """HS256."""
    return lambda signed: hmac.digest(secret, signed, hashlib.sha256)


def by_rsa(signed: bytes) -> bytes:
    """RS256 with RSA_KEY."""
    return RSA_KEY.sign(signed, padding.PKCS1v15(), SHA256())


def by_nobody(_: bytes) -> bytes:
    return b""


def _number(value: int) -> str:
    return encoded(value.to_bytes((value.bit_length() + 7) // 8, "big"))


_RSA = RSA_KEY.public_key().public_numbers()
FOREIGN_KEYS: list[dict[str, Any]] = [
    {"kty": "oct", "kid": "known-secret", "k": encoded(SECRET)},
    {"kty": "RSA", "kid": "rsa", "n": _number(_RSA.n), "e": _number(_RSA.e)},
]
"""Keys of other algorithms that stand in an issuer's key set."""
