"""What tools of several kinds share: their arguments, annotations and the metadata that hosts know."""

from typing import Annotated

from mcp.types import ToolAnnotations
from pydantic import Field

from mcp_email.config import NAME

IDEMPOTENCY_META = "io.steward/idempotency-key"
IDEMPOTENCY_ARGUMENT_META = "io.steward/idempotency-argument"
PREVIEW_META = "io.steward/preview"
HIDDEN_META = "io.steward/hidden"
STATUS_META = "io.steward/status"
"""See docs/tool-conventions.md."""

KNOWS = ToolAnnotations(
    read_only_hint=True, destructive_hint=False, idempotent_hint=True, open_world_hint=False
)
READS = ToolAnnotations(
    read_only_hint=True, destructive_hint=False, idempotent_hint=True, open_world_hint=True
)
KEEPS = ToolAnnotations(
    read_only_hint=False, destructive_hint=False, idempotent_hint=True, open_world_hint=True
)
"""Changes the mailbox, and nothing that could not be undone."""
SENDS = ToolAnnotations(
    read_only_hint=False, destructive_hint=True, idempotent_hint=True, open_world_hint=True
)
"""Cannot be undone, so hosts ask."""

NONE: list[str] = []
NO_VARIABLES: dict[str, str] = {}
"""Defaults of arguments. Never changed."""
MAX_ADDRESSES = 100
"""Of one field. How many may be written to is a limit of the account, and less."""

AccountName = Annotated[
    str | None,
    Field(description="From list_accounts; may be left out when you have only one.", pattern=NAME),
]
MailId = Annotated[
    str, Field(description="A mail's id, as search_email gives it.", min_length=1, max_length=500)
]
MailIds = Annotated[
    list[Annotated[str, Field(min_length=1, max_length=500)]],
    Field(description="Ids of mails, as search_email gives them.", min_length=1, max_length=100),
]
DraftId = Annotated[
    str, Field(description="A draft's id, as create_draft gives it.", min_length=1, max_length=500)
]
AttachmentId = Annotated[
    str,
    Field(
        description="attachment_id, as read_email gives it.",
        pattern=r"^[0-9]{1,4}(\.[0-9]{1,4}){0,60}$",
    ),
]
_AddressText = Annotated[str, Field(max_length=600)]
To = Annotated[
    list[_AddressText],
    Field(
        description="Addresses, one each: ada@example.org or Ada Lovelace <ada@example.org>.",
        max_length=MAX_ADDRESSES,
    ),
]
Cc = Annotated[
    list[_AddressText],
    Field(description="Who gets a copy, for all to see.", max_length=MAX_ADDRESSES),
]
Bcc = Annotated[
    list[_AddressText],
    Field(description="Who gets a copy without the others knowing.", max_length=MAX_ADDRESSES),
]
Subject = Annotated[str, Field(description="One line.", max_length=998)]
Body = Annotated[str, Field(description="Plain text.", max_length=1_048_576)]
Html = Annotated[
    str | None,
    Field(
        description="The same as formatted text. Styles, images, scripts and forms are taken out.",
        max_length=1_048_576,
    ),
]
Handles = Annotated[
    list[Annotated[str, Field(max_length=100)]],
    Field(
        description="Handles of files, as add_attachment or get_attachment gives them.",
        max_length=100,
    ),
]
Key = Annotated[
    str | None,
    Field(
        description="Any text of your own for this one mail. The same call with the same key sends nothing twice.",
        min_length=1,
        max_length=200,
    ),
]
