"""What can be an e-mail address, and when two of them are the same."""

import re
import unicodedata

MAX_CHARACTERS = 254
"""RFC 5321, section 4.5.3.1.3, as corrected by erratum 1690."""

# Deliberately loose: only a message that arrives shows that an address exists.
_ADDRESS = re.compile(r"[^\s@]+@[^\s@]+")


def normalised(typed: str) -> str:
    """The form that is stored and compared: composed, lower case, without spaces around."""
    return unicodedata.normalize("NFKC", typed).strip().lower()


def is_email_address(address: str) -> bool:
    """Whether a normalised address could be one."""
    return (
        len(address) <= MAX_CHARACTERS
        and address.isprintable()
        and _ADDRESS.fullmatch(address) is not None
    )
