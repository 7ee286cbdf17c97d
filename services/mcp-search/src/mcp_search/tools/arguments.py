"""What tools of several kinds share: their arguments, annotations and the metadata that hosts know."""

from typing import Annotated

from mcp.types import ToolAnnotations
from pydantic import Field

HIDDEN_META = "io.steward/hidden"
PREVIEW_META = "io.steward/preview"
CITATIONS_META = "io.steward/citations"
QUESTION_META = "io.steward/question"
"""See docs/tool-conventions.md."""

READS_WEB = ToolAnnotations(
    read_only_hint=True, destructive_hint=False, idempotent_hint=True, open_world_hint=True
)
KNOWS = ToolAnnotations(
    read_only_hint=True, destructive_hint=False, idempotent_hint=True, open_world_hint=False
)
ADDS = ToolAnnotations(
    read_only_hint=False, destructive_hint=False, idempotent_hint=True, open_world_hint=True
)
"""The same document twice is one document."""
CHANGES = ToolAnnotations(
    read_only_hint=False, destructive_hint=False, idempotent_hint=True, open_world_hint=False
)
DELETES = ToolAnnotations(
    read_only_hint=False, destructive_hint=True, idempotent_hint=True, open_world_hint=False
)

MAX_URL = 2_000

NONE: list[str] = []
NO_METADATA: dict[str, str] = {}
"""Defaults of arguments. Never changed."""

Url = Annotated[
    str,
    Field(description="A public http or https address.", min_length=1, max_length=MAX_URL),
]
Identity = Annotated[str, Field(min_length=1, max_length=100)]
DocumentId = Annotated[
    str,
    Field(
        description="A document's id, as kb_search or kb_list_documents gives it.",
        min_length=1,
        max_length=100,
    ),
]
CollectionName = Annotated[
    str,
    Field(description="A collection's name or id, from kb_list_collections.", max_length=200),
]
