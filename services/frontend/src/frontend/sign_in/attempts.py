"""How often somebody may guess: waits that double, for known and unknown accounts alike.

A browser that has signed in to an account before is told apart by a cookie, and has a count of its own. So whoever
guesses at an account from elsewhere makes others from elsewhere wait, and never its owner at their own browser.
"""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import timedelta
from ipaddress import IPv4Address, IPv6Network, ip_address
from typing import cast

from flask import Response, after_this_request, current_app, request
from itsdangerous import BadSignature, URLSafeSerializer
from redis import Redis

from frontend.accounts.security_events import SecurityEvent, record
from frontend.parts import parts
from shared.errors import TooManyRequests
from shared.rate_limit import RateLimit

DEVICE_COOKIE = "steward_device"
DEVICE_LIFETIME = timedelta(days=365)
MAX_ACCOUNTS_OF_DEVICE = 5
COUNT_KEPT = timedelta(days=1)
FIRST_WAIT_S = 30


@dataclass(frozen=True, slots=True)
class Backoff:
    """After `free` failures in a row each further one doubles the wait, up to `longest_s`."""

    redis: Redis
    name: str
    free: int
    longest_s: int

    def check(self, key: str) -> None:
        """Raises TooManyRequests while there is a wait."""
        left_ms = self.redis.pttl(self._key("wait", key))
        if left_ms > 0:
            wait_s = max(1, -(-left_ms // 1000))
            raise TooManyRequests(
                f"Too many attempts. Try again in {wait_s} s.", retry_after_s=wait_s
            )

    def failed(self, key: str) -> bool:
        """Count a failure. Whether there is a wait now."""
        counted = self._key("failed", key)
        failures = self.redis.incr(counted)
        self.redis.expire(counted, COUNT_KEPT)
        if failures < self.free:
            return False
        wait_s = min(FIRST_WAIT_S * 2 ** min(failures - self.free, 20), self.longest_s)
        self.redis.set(self._key("wait", key), 1, ex=wait_s)
        return True

    def succeeded(self, key: str) -> None:
        self.redis.delete(self._key("wait", key), self._key("failed", key))

    def _key(self, what: str, key: str) -> str:
        digest = hashlib.sha256(key.encode(errors="surrogatepass")).hexdigest()
        return f"attempts:{self.name}:{what}:{digest}"


@dataclass(frozen=True, slots=True)
class Attempts:
    """The limits on one kind of secret."""

    here: Backoff
    """From one place at one account."""
    elsewhere: Backoff
    """At one account from all places that it was not signed in from before."""
    limit: RateLimit
    """From one place at one account: how quickly at all."""

    def check(self, account: str) -> None:
        """Before the secret is looked at. Raises TooManyRequests; Unavailable: it cannot be counted."""
        is_known, here = _place(account)
        self.limit.take(here)
        self.here.check(here)
        if not is_known:
            self.elsewhere.check(account)

    def failed(self, account: str) -> None:
        is_known, here = _place(account)
        waits = self.here.failed(here)
        if not is_known:
            waits = self.elsewhere.failed(account) or waits
        if waits:
            record(SecurityEvent.LOCKED_OUT, account=account)

    def succeeded(self, account: str) -> None:
        """Forgets what failed from here. What failed elsewhere stays: it was somebody else."""
        self.here.succeeded(_place(account)[1])


def count_address() -> None:
    """Raises TooManyRequests when this address tries too often, at whatever account."""
    parts().address_limit.take(client_network())


def client_network() -> str:
    """Where a request comes from: its address; of IPv6 the network, of which everybody has all addresses (RFC 6177)."""
    told = request.remote_addr or "unknown"
    try:
        address = ip_address(told)
    except ValueError:
        return told
    if isinstance(address, IPv4Address):
        return told
    return str(address.ipv4_mapped or IPv6Network((address, 64), strict=False))


def remember_device(account: str) -> None:
    """Let this browser be known at the account from now on."""
    device, accounts = _device()
    mark = _mark(account)
    kept = [mark, *(other for other in accounts if other != mark)][:MAX_ACCOUNTS_OF_DEVICE]
    signed = _serializer().dumps([device or secrets.token_urlsafe(16), kept])

    @after_this_request
    def add_cookie(response: Response) -> Response:
        response.set_cookie(
            DEVICE_COOKIE,
            signed,
            max_age=DEVICE_LIFETIME,
            httponly=True,
            samesite="Lax",
            secure=parts().settings.is_https,
        )
        return response

    del add_cookie  # registered by its decorator


def _place(account: str) -> tuple[bool, str]:
    """Whether this browser is known at the account, and what to count its tries under."""
    device, accounts = _device()
    if device and _mark(account) in accounts:
        return True, f"{account}\n{device}"
    return False, f"{account}\n{client_network()}"


def _device() -> tuple[str, list[str]]:
    try:
        device, accounts = _serializer().loads(request.cookies.get(DEVICE_COOKIE, ""))
    except (BadSignature, ValueError, TypeError):
        return "", []
    return str(device), [str(mark) for mark in accounts]


def _mark(account: str) -> str:
    return hashlib.sha256(account.encode(errors="surrogatepass")).hexdigest()[:16]


def _serializer() -> URLSafeSerializer:
    key = cast(str, current_app.secret_key)
    return URLSafeSerializer(
        key, salt="steward-device", signer_kwargs={"digest_method": hashlib.sha256}
    )
