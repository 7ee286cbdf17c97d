"""What no page of ours sends by a slip, and somebody sends all the same: refused by its form, and recorded here."""

from frontend.accounts import email_address, passwords
from frontend.accounts.security_events import SecurityEvent, record
from frontend.sign_in.attempts import count_address


def note_fields(*, email: str = "", name: str = "", password: str = "") -> None:
    """Record look-alike addresses, and fields that are longer than a form takes; nothing else.

    Raises:
        TooManyRequests: this address sent too many.
    """
    is_oversized = (
        len(email) > email_address.MAX_CHARACTERS
        or len(name) > email_address.MAX_NAME_CHARACTERS
        or len(password) > passwords.MAX_CHARACTERS
    )
    if is_oversized:
        _note("oversized_field", "")
    elif not email.isascii():
        _note("look_alike_address", email)


def note_redirect(target: str) -> None:
    """Record that a link of ours was made to lead away. Raises TooManyRequests."""
    _note("open_redirect", target)


def _note(why: str, sent: str) -> None:
    count_address()
    record(SecurityEvent.INPUT_REFUSED, why=why, sent=sent)
