"""A password as the servers keep it, so that SQL for review does not hold the password itself."""

import hashlib
import secrets
import string

ROUNDS = 5_000
SALT_LETTERS = 20
_ALPHABET = "./0123456789" + string.ascii_uppercase + string.ascii_lowercase
_ORDER = [(0, 10, 20), (21, 1, 11), (12, 22, 2), (3, 13, 23), (24, 4, 14), (15, 25, 5), (6, 16, 26), (27, 7, 17),
          (18, 28, 8), (9, 19, 29)]  # fmt: skip


def native_hash(password: str) -> str:
    """As mysql_native_password keeps it: SHA-1 of SHA-1. What MariaDB has in every version without a plug-in."""
    once = hashlib.sha1(password.encode()).digest()  # noqa: S324 - the server's own format
    return "*" + hashlib.sha1(once).hexdigest().upper()  # noqa: S324


def caching_sha2_hash(password: str) -> str:
    """As caching_sha2_password keeps it, the plug-in that every MySQL from 8.0 has: `$A$005$`, salt, SHA-256 crypt."""
    salt = "".join(
        secrets.choice(string.ascii_letters + string.digits) for _ in range(SALT_LETTERS)
    )
    return f"$A${ROUNDS // 1000:03}${salt}{sha256_crypt(password, salt)}"


def sha256_crypt(password: str, salt: str) -> str:
    """SHA-256 crypt with 5,000 rounds (U. Drepper, Unix crypt using SHA-256 and SHA-512)."""
    secret, grain = password.encode(), salt.encode()
    other = hashlib.sha256(secret + grain + secret).digest()
    start = hashlib.sha256(secret + grain + _stretched(other, len(secret)))
    for bit in reversed(f"{len(secret):b}" if secret else ""):
        start.update(other if bit == "1" else secret)
    digest = start.digest()
    long_secret = _stretched(hashlib.sha256(secret * len(secret)).digest(), len(secret))
    long_grain = _stretched(hashlib.sha256(grain * (16 + digest[0])).digest(), len(grain))
    for round_number in range(ROUNDS):
        is_odd = round_number % 2 == 1
        digest = hashlib.sha256(
            (long_secret if is_odd else digest)
            + (long_grain if round_number % 3 else b"")
            + (long_secret if round_number % 7 else b"")
            + (digest if is_odd else long_secret)
        ).digest()
    letters = "".join(
        _letters(digest[a] << 16 | digest[b] << 8 | digest[c], 4) for a, b, c in _ORDER
    )
    return letters + _letters(digest[31] << 8 | digest[30], 3)


def _stretched(block: bytes, length: int) -> bytes:
    return (block * (length // len(block) + 1))[:length]


def _letters(number: int, count: int) -> str:
    return "".join(_ALPHABET[number >> 6 * at & 63] for at in range(count))
