"""The links of a page or mail as data: where they say they lead, and where they lead. Nothing is ever loaded. Pure."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

from shared.untrusted.characters import clean_line

MAX_LINKS = 200
MAX_URL = 2_000
MAX_LINK_TEXT = 200

_SCHEMES = frozenset({"http", "https", "mailto", "tel"})
_URL = re.compile(r"""\b(?:https?://|www\.)[^\s<>"'`{}|\\^\[\]]{3,2000}""", re.IGNORECASE)
_WITH_SCHEME = re.compile(r"(?:https?://|\bwww\.)([^\s/?#:]+)", re.IGNORECASE)
_BARE_HOST = re.compile(r"(?:[\w-]{1,63}\.)+([^\W\d_]{2,24})(?=[/?#:]|$)")
_ADDRESS = re.compile(r"[^\s<>@]{1,64}@((?:[\w-]{1,63}\.)+[\w-]{2,63})")
_FILES = frozenset(
    """
    csv doc docx exe gif htm html ics jpeg jpg js json md pdf png ppt pptx txt xls xlsx xml zip
    """.split()  # noqa: SIM905 - read as lines of words
)


@dataclass(frozen=True, slots=True)
class Link:
    """One link."""

    text: str
    url: str
    host_mismatch: bool
    """The text names a host or address, and the link leads to another one."""

    @property
    def host(self) -> str:
        """Where it leads; empty when that is no host."""
        return host_of(self.url)


def link_to(target: str, text: str) -> Link | None:
    """The link, when it leads anywhere that people open from mails or pages."""
    url = "".join(clean_line(target, MAX_URL + 1).split())
    scheme, colon, _ = url.partition(":")
    if not colon or scheme.lower() not in _SCHEMES or len(url) > MAX_URL:
        return None
    text = clean_line(text, MAX_LINK_TEXT)
    return Link(text, url, _is_mismatch(text, url))


def links_in(text: str) -> Iterator[Link]:
    """Those of a plain text."""
    for found in _URL.finditer(text):
        url = found.group().rstrip(".,;:!?)*_")
        link = link_to(url if "://" in url else f"http://{url}", url)
        if link is not None:
            yield link


def host_of(url: str) -> str:
    """Its host in lower case, or the domain of a mailto; empty when there is none."""
    try:
        parts = urlsplit(url)
        if parts.scheme.lower() == "mailto":
            return parts.path.rpartition("@")[2].lower()
        return (parts.hostname or "").rstrip(".")
    except ValueError:
        return ""


def _is_mismatch(text: str, url: str) -> bool:
    host = host_of(url)
    if not host:
        return False
    if _has_false_front(url):
        return True
    told = _host_told(text)
    return bool(told) and _own(told) != _own(host)


def _has_false_front(url: str) -> bool:
    """https://bank.example@elsewhere.example leads to the second one."""
    try:
        return "." in (urlsplit(url).username or "")
    except ValueError:
        return False


def _host_told(text: str) -> str:
    lowered = text.lower()
    if found := _WITH_SCHEME.search(lowered) or _ADDRESS.search(lowered):
        return found[1].rpartition("@")[2].rstrip(".,;!)")
    bare = _BARE_HOST.match(lowered)
    return bare.group() if bare and bare[1] not in _FILES else ""


def _own(host: str) -> str:
    """The part of a host's name that somebody registered, as far as its shape tells."""
    labels = host.strip(".").split(".")
    is_below_country = len(labels) > 2 and len(labels[-1]) == 2 and len(labels[-2]) <= 3
    return ".".join(labels[-3:] if is_below_country else labels[-2:])
