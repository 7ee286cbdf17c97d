"""Mail on the wire: one that waits for a yes, and a mailbox that a person looks into.

Tool servers say `from`; it is read as that and goes on as `sender`. Every text is somebody's and bounded here: a server
that says more is not understood.
"""

from datetime import datetime
from typing import Annotated

from pydantic import AliasChoices, BaseModel, ConfigDict, Field

MAX_BODY_CHARACTERS = 100_000

_Name = Annotated[str, Field(max_length=500)]
_Line = Annotated[str, Field(max_length=2_000)]
_From = AliasChoices("from", "sender")


class MailAddress(BaseModel):
    """Somebody who writes or is written to."""

    model_config = ConfigDict(frozen=True)

    name: _Name = ""
    """What they call themselves; it proves nothing."""
    spec: Annotated[str, Field(min_length=1, max_length=600)]
    """local-part@domain."""


class MailFile(BaseModel):
    """A file that goes with a mail."""

    model_config = ConfigDict(frozen=True)

    name: _Name
    media_type: _Name
    size: int = Field(ge=0)
    """Octets."""


_Addresses = Annotated[list[MailAddress], Field(max_length=500)]
_Files = Annotated[list[MailFile], Field(max_length=200)]


class MailShown(BaseModel):
    """A mail as its recipients will get it, for a person to read before the yes."""

    model_config = ConfigDict(frozen=True)

    sender: MailAddress = Field(validation_alias=_From)
    to: _Addresses
    cc: _Addresses = []
    bcc: _Addresses = []
    reply_to: MailAddress | None = None
    subject: _Line
    body: Annotated[str, Field(max_length=MAX_BODY_CHARACTERS)]
    """Plain text."""
    html: bool = False
    """It has a formatted text, too, which is not shown."""
    attachments: _Files = []
    warnings: Annotated[list[_Line], Field(max_length=50)] = []
    """What to look at closely, in sentences."""


class MailboxAccount(BaseModel):
    """A mailbox of the person's that lives on this machine."""

    name: Annotated[str, Field(max_length=200)]
    address: Annotated[str, Field(max_length=600)]


class MailboxList(BaseModel):
    """The person's mailboxes that can be looked into. None: there is no page for them."""

    accounts: list[MailboxAccount]


class MailFolder(BaseModel):
    """A folder of a mailbox."""

    name: Annotated[str, Field(max_length=500)]
    role: Annotated[str, Field(max_length=50)] | None = None
    """What it is for: inbox, sent, drafts, trash, junk or archive."""
    total: int | None = None
    unread: int | None = None


class MailFolders(BaseModel):
    """The folders of a mailbox, the inbox first."""

    folders: Annotated[list[MailFolder], Field(max_length=500)]


_Flags = Annotated[list[Annotated[str, Field(max_length=50)]], Field(max_length=50)]


class MailEntry(BaseModel):
    """A mail in a list."""

    id: Annotated[str, Field(max_length=1_000)]
    """Opaque; of this mailbox only."""
    folder: Annotated[str, Field(max_length=500)]
    sender: MailAddress | None = Field(validation_alias=_From)
    to: _Addresses
    subject: _Line
    date: datetime | None = None
    """As the header says."""
    received: datetime
    flags: _Flags
    has_attachments: bool
    snippet: _Line = ""


class MailEntries(BaseModel):
    """Mails of a mailbox, the newest first."""

    mails: Annotated[list[MailEntry], Field(max_length=100)]
    next_cursor: Annotated[str, Field(max_length=2_000)] | None = None
    """Asks for the page after this one."""


class MailLink(BaseModel):
    """A link of a mail, as data: nothing was loaded."""

    text: _Line
    url: Annotated[str, Field(max_length=10_000)]
    host_mismatch: bool = False
    """Its text names another host than it leads to."""


class MailRead(BaseModel):
    """A mail to read: text only, whoever wrote it."""

    id: Annotated[str, Field(max_length=1_000)]
    folder: Annotated[str, Field(max_length=500)]
    sender: MailAddress | None = Field(validation_alias=_From)
    to: _Addresses
    cc: _Addresses = []
    reply_to: _Addresses = []
    subject: _Line
    date: datetime | None = None
    received: datetime
    flags: _Flags
    warnings: Annotated[list[_Line], Field(max_length=50)] = []
    """Signs that it should be read with care, by name: hidden_text_removed, reply_to_differs, …"""
    text: Annotated[str, Field(max_length=MAX_BODY_CHARACTERS)]
    next_offset: int | None = None
    """Where the text goes on, when this is not all of it."""
    links: Annotated[list[MailLink], Field(max_length=2_000)] = []
    attachments: _Files = []
