"""What can be an e-mail address, when two of them are the same, and what somebody can be called."""

import re
import unicodedata

MAX_CHARACTERS = 254
"""RFC 5321, section 4.5.3.1.3, as corrected by erratum 1690."""

MAX_NAME_CHARACTERS = 100

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


def problem_with_account(address: str, name: str) -> str | None:
    """What is wrong with a normalised address and a name without spaces around; None when nothing is."""
    if not is_email_address(address):
        return "That is not an e-mail address."
    if not name or not name.isprintable():
        return "Please say what you are called."
    if len(name) > MAX_NAME_CHARACTERS:
        return f"The name can have at most {MAX_NAME_CHARACTERS} characters."
    return None
