"""Undoes a part's transfer encoding (RFC 2045 section 6) piece by piece, so that memory stays bounded. Pure."""

import binascii

_NOT_BASE64 = bytes(
    set(range(256)) - set(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=")
)


class TransferDecoder:
    """Takes octets as they were sent and gives those that were meant. Never raises: garbage is skipped."""

    def __init__(self, encoding: str) -> None:
        """`encoding` in lower case; one that is not known leaves the octets as they are."""
        self._decode = {"base64": self._base64, "quoted-printable": self._quoted}.get(encoding)
        self._held = b""
        self._is_ended = False

    def feed(self, octets: bytes, *, is_last: bool = False) -> bytes:
        """The next octets, decoded as far as they can be by now."""
        if self._decode is None:
            return octets
        return self._decode(octets, is_last)

    def _base64(self, octets: bytes, is_last: bool) -> bytes:
        if self._is_ended:
            return b""
        digits, padding, _ = octets.translate(None, _NOT_BASE64).partition(b"=")
        digits = self._held + digits
        self._is_ended = is_last or bool(padding)
        whole = len(digits) if self._is_ended else len(digits) // 4 * 4
        digits, self._held = digits[:whole], digits[whole:]
        if len(digits) % 4 == 1:
            digits = digits[:-1]
        return binascii.a2b_base64(digits + b"=" * (-len(digits) % 4))

    def _quoted(self, octets: bytes, is_last: bool) -> bytes:
        octets = self._held + octets
        cut = len(octets)
        if not is_last:
            # An escape has three octets; a soft line break may have spaces before its end.
            escape = octets.rfind(b"=", max(0, cut - 80))
            if (
                escape >= 0 and not octets[escape + 1 :].strip(b" \t\r\n")
            ) or escape >= cut - 2 >= 0:
                cut = escape
        octets, self._held = octets[:cut], octets[cut:]
        return binascii.a2b_qp(octets)


def decoded_whole(octets: bytes, encoding: str) -> bytes:
    """All at once."""
    return TransferDecoder(encoding).feed(octets, is_last=True)
