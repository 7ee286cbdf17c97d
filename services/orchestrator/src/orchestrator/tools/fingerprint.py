"""What a tool's definition comes down to: a hash that changes when anything the model or a person relies on does."""

import hashlib
import re
from collections.abc import Mapping
from typing import Any, cast

from mcp.types import Tool
from pydantic import JsonValue

from orchestrator.audit.canonical import digest
from shared.scopes import SCOPES_META

MAX_MODEL_NAME = 64
"""What model providers allow in a function name; MCP allows 128 characters and dots."""


def definition(tool: Tool) -> dict[str, JsonValue]:
    """Name, texts, schemas, annotations and metadata, as JSON.

    What a token must allow is left out: it changes nothing that a model or a person relies on, and the tokens are good
    for that server alone. A server that begins to say so keeps its accepted tools.
    """
    meta = {name: part for name, part in (tool.meta or {}).items() if name != SCOPES_META}
    parts: dict[str, Any] = {
        "name": tool.name,
        "title": tool.title,
        "description": tool.description,
        "input_schema": tool.input_schema,
        "output_schema": tool.output_schema,
        "annotations": tool.annotations.model_dump(mode="json", exclude_none=True)
        if tool.annotations
        else None,
        "meta": meta or None,
    }
    return cast(
        dict[str, JsonValue], {name: part for name, part in parts.items() if part is not None}
    )


def tool_of(value: Mapping[str, JsonValue]) -> Tool:
    """The tool that has this definition."""
    return Tool.model_validate(value, by_name=True)


def canonical_hash(value: JsonValue) -> str:
    """As the audit hashes (`audit.canonical`), so that its rows name definitions and arguments alike."""
    return digest(value)


def name_for_model(server: str, tool: str) -> str:
    """`server__tool`, made to fit what model providers accept. The prefix is our name for the server."""
    plain = f"{server}__{tool}"
    safe = re.sub(r"[^A-Za-z0-9_-]", "_", plain)
    if safe == plain and len(safe) <= MAX_MODEL_NAME:
        return safe
    return f"{safe[: MAX_MODEL_NAME - 9]}_{hashlib.sha256(plain.encode()).hexdigest()[:8]}"
