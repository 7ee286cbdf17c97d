"""What mail is to this server: values without I/O. Foreign text in them is data, bounded and cleaned where made."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Literal

Role = Literal["inbox", "sent", "drafts", "trash", "junk", "archive"]
"""What a folder is for (RFC 6154)."""
Flag = Literal["seen", "flagged", "answered"]

_WORD = re.compile(r'"([^"]+)"|(\S+)')


@dataclass(frozen=True, slots=True)
class Address:
    """One mailbox somebody can be written to at."""

    spec: str
    """local-part@domain; the domain in lower case A-labels (RFC 5890), the local part as given."""
    name: str = ""

    @property
    def domain(self) -> str:
        """The part after the @, in A-labels."""
        return self.spec.rpartition("@")[2]


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder of a mailbox."""

    name: str
    role: Role | None
    total: int | None = None
    unread: int | None = None


@dataclass(frozen=True, slots=True)
class Summary:
    """A mail in a list: enough to choose it, no body."""

    id: str
    """Opaque; of this mailbox only. Stays the same as long as the mail stays in its folder."""
    folder: str
    message_id: str
    """As in the header, without angle brackets. Empty when it has none that can be used."""
    sender: Address | None
    to: tuple[Address, ...]
    subject: str
    date: datetime | None
    """As the header says. None when it says nothing that is a date."""
    received: datetime
    size: int
    """Octets."""
    flags: frozenset[Flag]
    has_attachments: bool
    snippet: str = ""
    """At most 160 characters of the text, when the mailbox knows them without reading the mail."""
    in_reply_to: str = ""
    references: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Part:
    """A leaf of a mail's MIME tree."""

    number: str
    """As IMAP counts (RFC 3501 section 6.4.5): "1", "2.1"."""
    media_type: str
    """In lower case: "text/plain"."""
    charset: str
    encoding: str
    """Content-Transfer-Encoding in lower case."""
    size: int
    """Octets, as sent."""
    name: str = ""
    """File name as displayed; never a path."""
    is_attachment: bool = False
    content_id: str = ""
    alternative: str = ""
    """The number of the multipart/alternative it stands in ("0": the mail itself): such parts say the same thing."""


@dataclass(frozen=True, slots=True)
class Outline:
    """A mail without its bodies."""

    summary: Summary
    headers: bytes
    """The header block as sent, at most 64 KB."""
    parts: tuple[Part, ...]
    """At most 200, at most 50 deep; what is beyond is left out."""
    is_cut: bool = False
    """There were more parts."""


@dataclass(frozen=True, slots=True)
class Search:
    """What to look for; all of it must fit. Texts match parts of words, in any case of their letters."""

    text: str | None = None
    """In subject, addresses or body."""
    sender: str | None = None
    to: str | None = None
    """In To, Cc or Bcc."""
    subject: str | None = None
    since: date | None = None
    before: date | None = None
    folder: str | None = None
    """None: everywhere but in trash and junk."""
    unread: bool | None = None
    has_attachment: bool | None = None


def search_words(text: str) -> list[str]:
    """What is looked for, one by one: words, and phrases in double quotes."""
    return [phrase or word for phrase, word in _WORD.findall(text)]


@dataclass(frozen=True, slots=True)
class Page:
    """Mails found, the newest first."""

    mails: list[Summary]
    next_cursor: str | None = None
    """Opaque to callers, of the mailbox that made it."""
    notes: tuple[str, ...] = ()
    """What the mailbox could not look through, one sentence each."""


@dataclass(frozen=True, slots=True)
class Attached:
    """A file to send, already in our store."""

    handle: str
    name: str
    media_type: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Wanted:
    """A mail as the caller wants it, checked: addresses parsed, texts free of control characters."""

    account: str
    to: tuple[Address, ...]
    cc: tuple[Address, ...]
    bcc: tuple[Address, ...]
    subject: str
    body: str
    """Plain text; lines end in \\n."""
    html: str | None = None
    attachments: tuple[Attached, ...] = ()
    in_reply_to: str = ""
    """Message-ID without angle brackets."""
    references: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """Exactly what is sent: canonical, so that its digest says whether two mails are the same."""

    sender: Address
    reply_to: Address | None
    wanted: Wanted
    message_id: str
    """Fixed before anything is sent, without angle brackets."""
    date: datetime
    digest: str
    """SHA-256 over everything but message_id and date."""

    @property
    def recipients(self) -> tuple[str, ...]:
        """The envelope: every address once, sorted."""
        wanted = self.wanted
        return tuple(sorted({a.spec for a in (*wanted.to, *wanted.cc, *wanted.bcc)}))


@dataclass(frozen=True, slots=True)
class Rejection:
    """A recipient that the mail server refused."""

    address: str
    code: int
    reason: str
    """In our words: what the code means and what to do. At most 200 characters of the server's own text, cleaned."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """How a transport's try ended.

    `failed` is certain: nobody got it and a new try may be made. `unknown` is final: all of it had left and no answer
    came (RFC 1047), so some or all may have it.
    """

    state: Literal["sent", "partial", "failed", "unknown"]
    accepted: tuple[str, ...] = ()
    rejected: tuple[Rejection, ...] = ()
    stage: Literal["connect", "tls", "login", "mail", "rcpt", "data", "done"] = "done"
    """Where it ended."""
    smtp_code: int | None = None
    reason: str = ""
    is_transient: bool = False
    """A later try may work (4xx, greylisting, an unreachable server)."""


@dataclass(frozen=True, slots=True)
class Warnings:
    """What a person should look at before a yes."""

    external: tuple[str, ...] = ()
    """Recipients outside the account's own domains."""
    look_alike: tuple[str, ...] = ()
    """Domains that look like a known one: mixed scripts, or one letter off."""
    first_contact: tuple[str, ...] = ()
    """Nobody at this account wrote to them before."""
    others: Sequence[str] = field(default_factory=tuple)

    def sentences(self) -> list[str]:
        """One sentence per kind, for people."""
        told = [
            ("Outside your organisation", self.external),
            ("Looks like a known address but is another", self.look_alike),
            ("Never written to before", self.first_contact),
        ]
        return [f"{what}: {', '.join(who)}." for what, who in told if who] + list(self.others)
