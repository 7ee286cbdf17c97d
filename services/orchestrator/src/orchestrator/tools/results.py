"""What becomes of a tool's answer: a bounded result for the page and the record, or an error in words."""

import re
from dataclasses import dataclass, replace
from typing import Any, cast

import orjson
from mcp.types import CallToolResult, TextContent
from pydantic import JsonValue

from shared.errors import ExpectedError
from shared.wire.events import CallError, Origin

MAX_RESULT_BYTES = 64 * 1024
"""What an event carries. A table is cut at a row, anything else at a character, and it is said."""
MAX_ERROR_CHARACTERS = 2_000
ROWS_IN = ("rows", "records")
"""Members that hold a table's rows: as lists of values, or as objects."""

_SDK_PREFIX = re.compile(r"^Error executing tool \S+: ")
"""What the Python SDK puts before every tool error; the page shows the tool's name anyway."""


@dataclass(frozen=True, slots=True)
class ToolOutcome:
    """A call that was answered."""

    result: JsonValue = None
    rows: int | None = None
    truncated: bool = False
    error: CallError | None = None
    whole: str | None = None
    """All of the result as JSON, when an event cannot hold it."""
    origin: Origin | None = None
    """Where its texts come from; None when the server said nothing."""


def outcome_of(answer: CallToolResult) -> ToolOutcome:
    """Read a tool's answer. Nothing in it is trusted: sizes are bounded, texts stay texts."""
    text = "\n".join(part.text for part in answer.content if isinstance(part, TextContent))
    if answer.is_error:
        message = (
            _SDK_PREFIX.sub("", text)[:MAX_ERROR_CHARACTERS]
            or "The tool reported an error without saying which."
        )
        return ToolOutcome(error=CallError(code="tool_error", message=message))
    structured = cast("dict[str, JsonValue] | None", answer.structured_content)
    if structured is None:
        return _bounded_text(text)
    for name in ROWS_IN:
        if isinstance(rows := structured.get(name), list) and rows:
            return _bounded_table(structured, name, rows)
    whole = orjson.dumps(structured)
    if len(whole) > MAX_RESULT_BYTES:
        return replace(_bounded_text(whole.decode()), whole=whole.decode())
    return ToolOutcome(
        result=structured,
        rows=_row_count(structured),
        truncated=structured.get("truncated") is True,
    )


def error_of(error: ExpectedError) -> CallError:
    return CallError(code=error.code, message=error.message)


def _bounded_text(text: str) -> ToolOutcome:
    cut = text.encode()[:MAX_RESULT_BYTES].decode(errors="ignore")
    if len(cut) == len(text):
        return ToolOutcome(result=text)
    return ToolOutcome(result=cut, truncated=True, whole=orjson.dumps(text).decode())


def _row_count(structured: dict[str, JsonValue]) -> int | None:
    """Of a table that is empty, or holds its rows as text."""
    count = structured.get("row_count")
    return count if "rows" in structured and isinstance(count, int) else None


def _bounded_table(table: dict[str, JsonValue], name: str, rows: list[JsonValue]) -> ToolOutcome:
    room = MAX_RESULT_BYTES - len(orjson.dumps({**table, name: []}))
    kept: list[JsonValue] = []
    for row in rows:
        room -= len(orjson.dumps(row)) + 1
        if room < 0:
            break
        kept.append(row)
    is_cut = len(kept) < len(rows)
    truncated = is_cut or bool(table.get("truncated"))
    result: dict[str, Any] = {**table, name: kept, "truncated": truncated}
    whole = orjson.dumps(table).decode() if is_cut else None
    return ToolOutcome(result=result, rows=len(rows), truncated=truncated, whole=whole)
