"""The file with a service's signing keys: one signs, others are published, and changing it needs no restart.

It holds one private JWK (RFC 7517), or a set of them in which each says from when on it signs (`signs_from`, seconds
since 1970). A new key is published before it signs, so that whoever caches the key set knows it by then; the one before
stays published until everything that it signed has expired.
"""

import json
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import structlog
from joserfc.errors import JoseError
from joserfc.jwk import KeySet, OKPKey

from shared.service_tokens import SigningKey

PUBLISHED_BEFORE_S = 3_600
"""How long a new key is published before it signs."""
KEPT_S = 90_000
"""How long a replaced key stays published: longer than any token lives (a day)."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class _DatedKey:
    key: SigningKey
    signs_from_s: float


class KeyFile:
    """Signs with the key whose time it is, and publishes all. Reads the file again when it has changed."""

    def __init__(self, path: Path, now: Callable[[], float] = time.time) -> None:
        """Raises OSError, and ValueError when the file holds no private Ed25519 keys; never its content."""
        self._path = path
        self._now = now
        self._version = _version_of(path)
        self._keys = _read(path)

    @property
    def key_id(self) -> str:
        """Of the key that signs now."""
        return self._signing().key_id

    def sign(self, claims: Mapping[str, Any], *, token_type: str | None = None) -> str:
        return self._signing().sign(claims, token_type=token_type)

    def public_jwks(self) -> dict[str, Any]:
        """The key set to publish: what signs, what will, and what signed until lately."""
        published = _still_needed(self._current(), self._now())
        return {"keys": [key for one in published for key in one.key.public_jwks()["keys"]]}

    def public_keys(self) -> KeySet:
        """The same, to verify with."""
        return KeySet.import_key_set(cast(Any, self.public_jwks()))

    def _signing(self) -> SigningKey:
        now_s = self._now()
        keys = self._current()
        due = [one for one in keys if one.signs_from_s <= now_s]
        return (due[-1] if due else keys[0]).key

    def _current(self) -> Sequence[_DatedKey]:
        """A file that cannot be read is logged and changes nothing: half of a write must not end every sign-in."""
        try:
            version = _version_of(self._path)
            if version != self._version:
                self._version = version
                self._keys = _read(self._path)
                log.info("keys_reloaded", keys=len(self._keys))
        except (OSError, ValueError) as error:
            log.warning("keys_not_reloaded", error=type(error).__name__)
        return self._keys


def ensure_keys(path: Path) -> None:
    """Make a key file when there is none yet (first start on a laptop). Raises like `KeyFile`."""
    if path.exists():
        _read(path)
    else:
        SigningKey.load_or_create(path)


def rotate(path: Path, *, now_s: float, published_before_s: float = PUBLISHED_BEFORE_S) -> str:
    """Add a key that signs after `published_before_s`, and leave out keys that nobody needs any more. Gives its id.

    Raises OSError, and ValueError when the file holds no private Ed25519 keys.
    """
    added = _DatedKey(SigningKey.generate(), now_s + published_before_s)
    keys = [*_still_needed(_read(path), now_s), added]
    body = {
        "keys": [
            {**one.key.private_jwk(), "signs_from": int(one.signs_from_s)}
            for one in sorted(keys, key=_by_time)
        ]
    }
    beside = path.with_name(f"{path.name}.new")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(json.dumps(body))
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
    return added.key.key_id


def rotate_by_command(path: Path, published_before_s: int) -> str:
    """Rotate now, and say so in a sentence. Raises like `rotate`; ValueError: a negative time."""
    if published_before_s < 0:
        raise ValueError("--published-before-s is a number of seconds from 0 on.")
    now = datetime.now(UTC)
    key_id = rotate(path, now_s=now.timestamp(), published_before_s=published_before_s)
    signs_from = now + timedelta(seconds=published_before_s)
    return f"The key {key_id} is published now, and signs from {signs_from:%Y-%m-%d %H:%M:%S} UTC."


def _read(path: Path) -> list[_DatedKey]:
    try:
        content: Any = json.loads(path.read_text())
        found = cast("list[dict[str, Any]]", content.get("keys", [content]))
        keys = [_dated(OKPKey.import_key(cast(Any, _without_date(one))), one) for one in found]
    except (JoseError, ValueError, TypeError, KeyError, AttributeError):
        raise ValueError(f"{path} does not hold private Ed25519 keys in JWK form.") from None
    if not keys:
        raise ValueError(f"{path} holds no key.")
    return sorted(keys, key=_by_time)


def _dated(key: OKPKey, given: Mapping[str, Any]) -> _DatedKey:
    if not key.is_private:
        raise ValueError("a public key")
    return _DatedKey(SigningKey(key), float(given.get("signs_from", 0)))


def _without_date(given: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in given.items() if name != "signs_from"}


def _by_time(one: _DatedKey) -> float:
    return one.signs_from_s


def _still_needed(keys: Sequence[_DatedKey], now_s: float) -> list[_DatedKey]:
    """All but those that were replaced so long ago that nothing they signed is valid."""
    successors = [*(one.signs_from_s for one in keys[1:]), float("inf")]
    return [one for one, until_s in zip(keys, successors, strict=True) if until_s + KEPT_S > now_s]


def _version_of(path: Path) -> tuple[int, int, int]:
    status = path.stat()
    return status.st_mtime_ns, status.st_size, status.st_ino
