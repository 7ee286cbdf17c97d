"""Replies that a test puts down beforehand, with the habits and faults of real servers.

`PUT /v1/scripts/NAME` with `{"replies": [...]}`, then use the model `script:NAME`. Requests take the replies in
turn; the last one stays. A reply is an object; all fields are optional:

- `text`: list of strings, one chunk each; `null` sends `content: null`
- `calls`: list of `{"name", "arguments"}` (arguments: object, or a string sent as it is)
- `fragment`: characters of arguments in one chunk (default: whole); `call_ids`, `call_index`: false leaves them out
- `usage`: `{"prompt_tokens", "completion_tokens"}`; absent: no usage chunk
- `comments`: true puts comments and blank lines between chunks; `crlf`: true ends lines with CRLF
- `space`: false writes `data:` without a space; `done`: false leaves `[DONE]` out
- `finish`: finish reason (default stop or tool_calls; null: none)
- `status`, `headers`, `error`: answer with this HTTP status and error message instead
- `error_after`: number of chunks after which an error object comes; `cut_after`: after which the connection breaks
- `hold_before`: number of chunks before which the reply waits for `POST /v1/scripts/NAME/release`
"""

import asyncio
import json
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from typing import Any

from demo_model.errors import error_body
from demo_model.sse import chunk

PREFIX = "script:"
_ID = "chatcmpl-script"


class CutConnection(Exception):
    """The connection is to break here."""


@dataclass(slots=True)
class Script:
    """The replies of one name, and what was asked for them."""

    replies: list[dict[str, Any]]
    requests: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    _released: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(0))

    def next_reply(self, request: dict[str, Any]) -> dict[str, Any]:
        self.requests.append(request)
        return self.replies[min(len(self.requests), len(self.replies)) - 1]

    def release(self) -> None:
        """Let one held reply go on."""
        self._released.release()

    async def held(self) -> None:
        await self._released.acquire()


async def play(script: Script, reply: dict[str, Any]) -> AsyncGenerator[bytes]:
    """The reply as bytes on the wire. Raises CutConnection where it says so."""
    chunks = [*_text_chunks(reply), *_call_chunks(reply), *_last_chunks(reply)]
    for number, body in enumerate(chunks):
        if reply.get("hold_before") == number:
            await script.held()
        if reply.get("error_after") == number:
            yield _line(reply, json.dumps(error_body(str(reply.get("error", "It broke.")))))
            return
        if reply.get("cut_after") == number:
            raise CutConnection
        if reply.get("comments"):
            yield b": keep-alive\n\n\n"
        yield _line(reply, json.dumps(body))
        await asyncio.sleep(0)
    if reply.get("cut_after") == len(chunks):
        raise CutConnection
    if reply.get("done", True):
        yield _line(reply, "[DONE]")


def _text_chunks(reply: dict[str, Any]) -> list[dict[str, Any]]:
    return [chunk(_ID, "script", {"content": text}) for text in reply.get("text", [])]


def _call_chunks(reply: dict[str, Any]) -> list[dict[str, Any]]:
    chunks: list[dict[str, Any]] = []
    for index, call in enumerate(reply.get("calls", [])):
        where = {"index": index} if reply.get("call_index", True) else {}
        identity = {"id": f"call_{index}"} if reply.get("call_ids", True) else {}
        arguments = call.get("arguments", {})
        text = arguments if isinstance(arguments, str) else json.dumps(arguments)
        size = int(reply.get("fragment") or max(1, len(text)))
        parts = [text[start : start + size] for start in range(0, len(text), size)] or [""]
        for number, part in enumerate(parts):
            function: dict[str, Any] = {"arguments": part}
            head: dict[str, Any] = {}
            if number == 0:
                function["name"] = call["name"]
                head = {**identity, "type": "function"}
            delta = {"tool_calls": [{**where, **head, "function": function}]}
            chunks.append(chunk(_ID, "script", delta))
    return chunks


def _last_chunks(reply: dict[str, Any]) -> list[dict[str, Any]]:
    default = "tool_calls" if reply.get("calls") else "stop"
    chunks: list[dict[str, Any]] = []
    if (finish := reply.get("finish", default)) is not None:
        chunks.append(chunk(_ID, "script", {}, finish))
    if usage := reply.get("usage"):
        chunks.append({**chunk(_ID, "script", {}), "choices": [], "usage": usage})
    return chunks


def _line(reply: dict[str, Any], data: str) -> bytes:
    end = "\r\n" if reply.get("crlf") else "\n"
    space = " " if reply.get("space", True) else ""
    return f"data:{space}{data}{end}{end}".encode()
