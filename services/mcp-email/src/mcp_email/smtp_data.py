"""Hands over the octets of one mail after DATA (RFC 5321 section 4.1.1.4).

A server takes a mail once it has the line with a single dot, and not before (section 4.1.1.10: else it must forget it).
So that line leaves last, when the rest has left and the server is still silent: what breaks off before it is certain.
"""

import asyncio
import re

import aiosmtplib
from aiosmtplib.errors import SMTPException
from aiosmtplib.protocol import SMTPProtocol

BLOCK_OCTETS = 64 * 1024
END = b".\r\n"

Reading = asyncio.Future[aiosmtplib.SMTPResponse]


class Unfinished(Exception):
    """It broke off before the end of the mail had left: nobody got it."""

    def __init__(self, *, is_late: bool) -> None:
        super().__init__()
        self.is_late = is_late
        """The server was there and took nothing more; else the connection is gone."""


async def hand_over(
    client: aiosmtplib.SMTP, data: bytes, *, block_s: float, answer_s: float
) -> aiosmtplib.SMTPResponse | None:
    """The answer to the mail; None when the server claimed to have it before it had.

    `block_s` seconds for each 64 KB to leave, `answer_s` for the answer to the end. Holds the mail twice.

    Raises:
        Unfinished: for certain, nobody got it.
        SMTPException, TimeoutError: no answer came after the end of the mail, so nobody knows.
    """
    octets = await asyncio.to_thread(stuffed, data)
    protocol, transport = client.protocol, client.transport
    if protocol is None or not isinstance(transport, asyncio.WriteTransport):
        raise Unfinished(is_late=False)
    transport.set_write_buffer_limits(high=1, low=0)  # A block is waited for until it has left.
    reading: Reading = asyncio.ensure_future(protocol.read_response())
    try:
        await asyncio.sleep(0)  # It listens from now on: a refusal may come while we write.
        await _write(protocol, octets, reading, block_s)
        if not reading.done():
            _put(protocol, END)
            async with asyncio.timeout(answer_s):
                return await reading
        transport.abort()  # A close would still send what it holds.
        answer = _early(reading)
        return answer if 400 <= answer.code < 600 else None
    finally:
        reading.cancel()
        if reading.done() and not reading.cancelled():
            reading.exception()  # Looked at, so that nobody is told that it was not.


async def _write(protocol: SMTPProtocol, octets: bytes, reading: Reading, block_s: float) -> None:
    """All but the end, or as much as the server takes before it answers. Raises Unfinished."""
    for start in range(0, len(octets), BLOCK_OCTETS):
        _put(protocol, octets[start : start + BLOCK_OCTETS])
        leaving = asyncio.ensure_future(protocol._drain_helper())  # noqa: SLF001  # pyright: ignore[reportPrivateUsage] - what StreamWriter.drain calls
        try:
            await asyncio.wait(
                {leaving, reading}, timeout=block_s, return_when=asyncio.FIRST_COMPLETED
            )
            if reading.done():
                return
            if not leaving.done():
                raise Unfinished(is_late=True)
            leaving.result()
        except OSError:
            raise Unfinished(is_late=False) from None
        finally:
            leaving.cancel()
            if leaving.done() and not leaving.cancelled():
                leaving.exception()


def _put(protocol: SMTPProtocol, octets: bytes) -> None:
    try:
        protocol.write(octets)
    except SMTPException:
        raise Unfinished(is_late=False) from None


def _early(reading: Reading) -> aiosmtplib.SMTPResponse:
    try:
        return reading.result()
    except (SMTPException, OSError):
        raise Unfinished(is_late=False) from None


def stuffed(data: bytes) -> bytes:
    """The octets but the end (RFC 5321 section 4.5.2): every line ends in CRLF, none is a single dot."""
    if not data.count(b"\r\n") == data.count(b"\r") == data.count(b"\n"):
        # Not so in mails of ours, and costs several times their size.
        data = re.sub(rb"\r\n|\r|\n", b"\r\n", data)
    if not data.endswith(b"\r\n"):
        data += b"\r\n"
    stuffed_after_breaks = data.replace(b"\r\n.", b"\r\n..")
    return b"." + stuffed_after_breaks if data.startswith(b".") else stuffed_after_breaks
