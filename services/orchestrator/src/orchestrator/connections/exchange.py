"""Small questions to sign-in services: no redirects, bounded in time and size, nothing of a person but what is sent."""

import asyncio
import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, cast
from urllib.parse import quote, urlencode

import httpx2

from shared.errors import ExpectedError, Unavailable, UpstreamFailed

TIMEOUT_S = 10.0
"""For each step: to connect, to send, to wait for the next piece."""
ANSWER_WITHIN_S = 12.0
"""For all steps together: whoever sends a byte at a time would else hold a question open for ever. Shorter than the
frontend waits (15 s), so that people are told whose silence it is."""
MAX_BYTES = 256 * 1024

PASSING_ERRORS = frozenset({"temporarily_unavailable", "server_error", "slow_down"})
"""Errors that say nothing of what was sent."""
CLIENT_ERRORS = frozenset({"invalid_client", "unauthorized_client"})

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"


class IssuerUnavailable(Unavailable):
    """A sign-in service cannot be reached, or not now."""

    code: ClassVar[str] = "sign_in_service_unavailable"


class BadIssuer(UpstreamFailed):
    """A sign-in service, or a server's word about its own, is not as the protocol wants it."""

    code: ClassVar[str] = "sign_in_service_refused"
    retryable: ClassVar[bool] = False


class IssuerRefused(ExpectedError):
    """The service answered with an error of OAuth (RFC 6749, section 5.2). `error` is its code."""

    code: ClassVar[str] = "sign_in_refused"
    status: ClassVar[int] = 502

    def __init__(self, error: str) -> None:
        super().__init__("The sign-in service said no. Try again, or ask an administrator.")
        self.error = error

    @property
    def is_about_us(self) -> bool:
        """It does not know us as a client, or not with this secret; the person's consent may stand."""
        return self.error in CLIENT_ERRORS


@dataclass(frozen=True, slots=True)
class Client:
    """As whom we speak to an issuer (RFC 6749, section 2.3)."""

    client_id: str
    secret: str | None = None
    auth_method: str = "none"


class Exchange:
    """One request, one answer."""

    def __init__(self, transport: httpx2.AsyncBaseTransport) -> None:
        """`transport` guards the addresses; closing it is its maker's business."""
        self._transport = transport

    async def find(self, url: str) -> bytes | None:
        """The document, None when there is none.

        Raises:
            IssuerUnavailable: no answer, or an error that may pass.
            AddressRefused.
        """
        status, body = await self._ask("GET", url, {"Accept": JSON}, None)
        if status == 200:
            return body
        if status >= 500 or status == 429:
            raise IssuerUnavailable(
                "The sign-in service cannot be asked right now. Try again later."
            )
        return None

    async def post(self, url: str, body: Mapping[str, Any]) -> tuple[int, bytes]:
        """Send JSON. Raises IssuerUnavailable, AddressRefused."""
        headers = {"Accept": JSON, "Content-Type": JSON}
        return await self._ask("POST", url, headers, json.dumps(body).encode())

    async def submit(self, url: str, client: Client, fields: Mapping[str, str]) -> dict[str, Any]:
        """Send a form as a client; the answer's JSON object, empty when there is none.

        Raises:
            IssuerRefused: it said no.
            IssuerUnavailable, BadIssuer, AddressRefused.
        """
        headers = {"Accept": JSON, "Content-Type": FORM}
        sent = {**fields, "client_id": client.client_id}
        if client.auth_method == "client_secret_basic":
            headers["Authorization"] = _basic(client)
        elif client.auth_method == "client_secret_post":
            sent["client_secret"] = client.secret or ""
        status, body = await self._ask("POST", url, headers, urlencode(sent).encode())
        answer = _object(body)
        error = str((answer or {}).get("error") or "")
        is_refusal = status in {400, 401} or (status in {200, 403} and error)
        if is_refusal and error not in PASSING_ERRORS:
            # Some say no with 200. A 403 without an error of OAuth is a gateway's, which knows nothing of tokens.
            raise IssuerRefused(error)
        if status not in {200, 201} or error:
            raise IssuerUnavailable(
                "The sign-in service cannot be asked right now. Try again later."
            )
        if body.strip() and answer is None:
            raise BadIssuer("The sign-in service answered with what is no JSON.")
        return answer or {}

    async def _ask(
        self, method: str, url: str, headers: Mapping[str, str], content: bytes | None
    ) -> tuple[int, bytes]:
        timeout = httpx2.Timeout(TIMEOUT_S)
        # An AsyncClient around the shared transport costs next to nothing; closing it would close the transport.
        http = httpx2.AsyncClient(transport=self._transport, timeout=timeout, trust_env=False)
        try:
            sent = {"Accept-Encoding": "identity", **headers}
            async with (
                asyncio.timeout(ANSWER_WITHIN_S),
                http.stream(method, url, headers=sent, content=content) as response,
            ):
                body = b""
                async for piece in response.aiter_bytes():
                    body += piece
                    if len(body) > MAX_BYTES:
                        raise BadIssuer("The sign-in service's answer is too large.")
                return response.status_code, body
        except httpx2.InvalidURL:
            raise BadIssuer("A sign-in service names an address that is none.") from None
        except (httpx2.HTTPError, TimeoutError):
            raise IssuerUnavailable(
                "The sign-in service cannot be reached. Try again later."
            ) from None


def _basic(client: Client) -> str:
    """RFC 6749, section 2.3.1: both parts are form-encoded first."""
    parts = f"{quote(client.client_id, safe='')}:{quote(client.secret or '', safe='')}"
    return f"Basic {base64.b64encode(parts.encode()).decode()}"


def _object(body: bytes) -> dict[str, Any] | None:
    try:
        answer = json.loads(body)
    except ValueError:
        return None
    return cast("dict[str, Any]", answer) if isinstance(answer, dict) else None
