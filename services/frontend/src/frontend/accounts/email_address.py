"""What can be an e-mail address, when two of them are the same, and what somebody can be called."""

import re
import unicodedata

MAX_CHARACTERS = 254
"""RFC 5321, section 4.5.3.1.3, as corrected by erratum 1690."""

MAX_NAME_CHARACTERS = 100
NO_ADDRESS = "That is not an e-mail address."

# ASCII only, an international domain in its xn-- form: in any other alphabet an address can be written that looks like
# somebody else's and is not. RFC 5321's dot-atoms without its quoted strings, which nobody has. Only a message that
# arrives shows that an address exists.
_ATOM = r"[a-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_ADDRESS = re.compile(rf"(?=.{{1,64}}@){_ATOM}(?:\.{_ATOM})*@{_LABEL}(?:\.{_LABEL})*", re.ASCII)


def normalised(typed: str) -> str:
    """The form that is stored and compared: composed, lower case, without spaces around."""
    return unicodedata.normalize("NFKC", typed).strip().lower()


def is_email_address(address: str) -> bool:
    """Whether a normalised address could be one."""
    return len(address) <= MAX_CHARACTERS and _ADDRESS.fullmatch(address) is not None


def domain_of(address: str) -> str:
    return address.rpartition("@")[2]


def problem_with_account(address: str, name: str) -> str | None:
    """What is wrong with a normalised address and a name without spaces around; None when nothing is."""
    if not is_email_address(address):
        if not address.isascii():
            return f"{NO_ADDRESS} It can have plain Latin letters only; write other domains in their xn-- form."
        return NO_ADDRESS
    return problem_with_name(name)


def problem_with_name(name: str) -> str | None:
    """What is wrong with a name without spaces around; None when nothing is."""
    if not name or not name.isprintable():
        return "Please say what you are called."
    if len(name) > MAX_NAME_CHARACTERS:
        return f"The name can have at most {MAX_NAME_CHARACTERS} characters."
    return None
