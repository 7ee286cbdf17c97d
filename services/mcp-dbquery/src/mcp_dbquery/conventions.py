"""Metadata of our tools that hosts of ours understand and others ignore (docs/tool-conventions.md)."""

from mcp.types import ToolAnnotations

IDEMPOTENCY_META = "io.steward/idempotency-key"
PREVIEW_META = "io.steward/preview"
HIDDEN_META = "io.steward/hidden"
STATUS_META = "io.steward/status"
KEEP_META = "io.steward/keep"
STATUS_TOOL = "action_status"
SAVE_TOOL = "save_query"

READS = ToolAnnotations(
    read_only_hint=True, destructive_hint=False, idempotent_hint=True, open_world_hint=False
)
