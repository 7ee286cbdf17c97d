"""One request and its response, within bounds of time and size."""

import asyncio
import ssl
from dataclasses import dataclass

import httpx

from mcp_search.errors import FetchFailed, TooMuch
from mcp_search.web.guard import Target
from mcp_search.web.unpacking import CODINGS, NotUnpackable, TooLarge, Unpacker

MAX_HEADERS = 64 * 1024
"""Bytes of a response's header fields. httpcore itself gives up at 100 KB."""
_ACCEPT = "text/html,application/xhtml+xml,application/pdf;q=0.9,text/*;q=0.8,*/*;q=0.5"


@dataclass(frozen=True, slots=True)
class Bounds:
    """Of one response."""

    wire_bytes: int
    page_bytes: int
    """Decoded."""
    within_s: float


@dataclass(frozen=True, slots=True)
class Reply:
    """A response. Its body was read only where the status is one of success."""

    status: int
    headers: httpx.Headers
    body: bytes = b""

    @property
    def location(self) -> str | None:
        """Where the server sends us on."""
        return self.headers.get("location") if self.status in {301, 302, 303, 307, 308} else None


class Exchange:
    """Asks without cookies, sign-ins or anything of whoever asks.

    The transport is used as it is: httpx's client would keep cookies for the next person, follow redirects, and unpack
    without a bound.
    """

    def __init__(self, transport: httpx.AsyncBaseTransport, user_agent: str) -> None:
        self._transport = transport
        self._headers = {
            "User-Agent": user_agent,
            "Accept": _ACCEPT,
            "Accept-Encoding": CODINGS,
            "Connection": "close",
        }

    async def get(self, target: Target, bounds: Bounds) -> Reply:
        """What the server answers.

        Raises:
            AddressRefused: the name stands for an address that is not public.
            FetchFailed: no answer, or none that can be understood.
            TooMuch: `details`: `limit` (wire_bytes, page_bytes) and `value`.
        """
        request = httpx.Request(
            "GET",
            target.url,
            headers=self._headers,
            extensions={"timeout": httpx.Timeout(bounds.within_s).as_dict()},
        )
        try:
            async with asyncio.timeout(bounds.within_s):
                response = await self._transport.handle_async_request(request)
                try:
                    return await _read(response, bounds)
                finally:
                    await response.aclose()
        except (TimeoutError, httpx.TimeoutException):
            raise FetchFailed("The site does not answer in time.") from None
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise _failed(error) from None
        except NotUnpackable:
            raise FetchFailed("The site answers in an encoding that cannot be read.") from None

    async def close(self) -> None:
        await self._transport.aclose()


async def _read(response: httpx.Response, bounds: Bounds) -> Reply:
    if sum(len(name) + len(value) for name, value in response.headers.raw) > MAX_HEADERS:
        raise FetchFailed("The site's answer cannot be understood.")
    if not response.is_success:
        return Reply(response.status_code, response.headers)
    told = response.headers.get("content-length", "")
    if told.isascii() and told.isdigit() and len(told) < 19 and int(told) > bounds.wire_bytes:
        raise _too_large("wire_bytes", bounds.wire_bytes)
    unpacker = Unpacker(response.headers.get("content-encoding", ""), bounds.page_bytes)
    body, left = bytearray(), bounds.wire_bytes
    async for octets in response.aiter_raw():
        left -= len(octets)
        if left < 0:
            raise _too_large("wire_bytes", bounds.wire_bytes)
        try:
            if unpacker.is_plain:
                body += unpacker.feed(octets)
            else:
                body += await asyncio.to_thread(unpacker.feed, octets)
        except TooLarge:
            raise _too_large("page_bytes", bounds.page_bytes) from None
    return Reply(response.status_code, response.headers, bytes(body))


def _too_large(limit: str, value: int) -> TooMuch:
    return TooMuch(
        f"The page is larger than {value / 1024 / 1024:g} MB.",
        hint="Look for another source, or for a smaller page of that site.",
        limit=limit,
        value=value,
    )


def _failed(error: Exception) -> FetchFailed:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return FetchFailed(
                "The site's certificate is not valid for that name.",
                hint="Look for another source.",
            )
        cause = cause.__cause__ or cause.__context__
    if isinstance(error, httpx.ConnectError):
        return FetchFailed("The site cannot be reached.")
    return FetchFailed("The site's answer cannot be understood.")
