"""What came back of the calls that the demo model made."""

import json
import re
from dataclasses import dataclass
from typing import Any, cast


@dataclass(frozen=True, slots=True)
class CallResult:
    """One call: the tool's short name, its arguments, and what the host told of it."""

    tool: str
    arguments: dict[str, Any]
    told: dict[str, Any]

    @property
    def status(self) -> str:
        return str(self.told.get("status", ""))

    @property
    def succeeded(self) -> bool:
        return self.status == "succeeded"

    @property
    def result(self) -> dict[str, Any]:
        return _object(self.told.get("result"))

    @property
    def message(self) -> str:
        return str(self.told.get("message") or "").strip()

    @property
    def is_table(self) -> bool:
        return isinstance(self.result.get("columns"), list) and isinstance(
            self.result.get("rows"), list
        )

    @property
    def columns(self) -> list[str]:
        columns = cast("list[object]", self.result.get("columns")) if self.is_table else []
        return [str(_object(column).get("name", "")) for column in columns]

    @property
    def rows(self) -> list[list[Any]]:
        """Rows that have a value for each column; anything else is not a row."""
        rows = cast("list[object]", self.result.get("rows")) if self.is_table else []
        width = len(self.columns)
        found = [cast("list[Any]", row) for row in rows if isinstance(row, list)]
        return [row for row in found if len(row) == width]

    @property
    def was_cut(self) -> bool:
        """There are more rows than these."""
        return bool(self.result.get("truncated"))


def read_result(tool: str, arguments: str, content: str) -> CallResult:
    """A call and the content of its `tool` message, which need not be what we expect."""
    return CallResult(tool.rsplit("__", 1)[-1], _parsed(arguments), _told(content))


def _told(content: str) -> dict[str, Any]:
    told = _parsed(content)
    if told:
        return told if "status" in told else {"status": "succeeded", "result": told}
    cut = re.match(r'\{"status": ?"(\w+)"', content)
    if cut is None:
        return {"status": "failed", "message": content.strip()[:300]}
    if cut[1] == "succeeded":
        return {"status": "too_long"}
    return {"status": cut[1], "message": ""}


def _parsed(text: str) -> dict[str, Any]:
    try:
        return _object(json.loads(text))
    except (ValueError, RecursionError):
        return {}


def _object(value: object) -> dict[str, Any]:
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}
