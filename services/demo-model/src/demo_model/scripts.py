"""Replies that a test puts down beforehand, with the habits and faults of real servers.

`PUT /v1/scripts/NAME` with `{"replies": [...]}`, then use the model `script:NAME`. Requests take the replies in
turn; the last one stays. `ScriptedReply` says what a reply can hold and which requests it is for.
"""

import asyncio
import json
from collections import Counter, deque
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from demo_model.errors import INVALID_REQUEST, SERVER_ERROR, BadRequest, error_body
from demo_model.sse import CutConnection, chunk

PREFIX = "script:"
KEPT_REQUESTS = 1_000
MAX_DELAY_MS = 600_000
_ID = "chatcmpl-script"
_MODEL = "script"
_ERROR_KINDS = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}

Position = Annotated[int, Field(ge=0)]
"""A number of chunks: text chunks come first, then those of the calls, the finish reason, usage."""


class ScriptedCall(BaseModel):
    """A tool call of a reply. Arguments that are a string are sent as they are, broken JSON too."""

    model_config = ConfigDict(extra="forbid")

    name: str
    arguments: dict[str, JsonValue] | str = {}


class ScriptedReply(BaseModel):
    """What the server is to answer to one request. All fields are optional."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    after_results: Annotated[int, Field(ge=0)] | None = None
    """Only for requests with so many tool results since their last question: replies with the same number are taken
    in turn. A test that does not know how often it is asked needs this. Null: for every other request."""
    text: list[str | None] = []
    """One chunk each; null sends `content: null`."""
    calls: list[ScriptedCall] = []
    fragment: Annotated[int, Field(ge=1)] | None = None
    """Characters of a call's arguments in one chunk; null: all at once."""
    call_ids: bool = True
    call_index: bool = True
    role: bool = False
    """Begin with a chunk that says only `role: assistant`; it counts as a chunk."""
    usage: dict[str, int] | None = None
    finish: str | None = ""
    """The finish reason; empty: `stop` or `tool_calls` as fits; null: no such chunk."""

    comments: bool = False
    """Comments and blank lines between the chunks."""
    crlf: bool = False
    space: bool = True
    """False writes `data:` without a space."""
    done: bool = True
    """False leaves `[DONE]` out."""

    status: Annotated[int, Field(ge=400, le=599)] | None = None
    """Answer with this HTTP status and `error` instead."""
    headers: dict[str, str] = {}
    """With `status` only."""
    error: str = "It broke."
    error_after: Position | None = None
    """An error object comes after so many chunks, and then nothing."""
    cut_after: Position | None = None
    """The connection breaks after so many chunks."""
    hold_before: Position | None = None
    """After so many chunks the reply waits for `POST /v1/scripts/NAME/release`; each release lets one reply go on."""
    first_delay_ms: Annotated[int, Field(ge=0, le=MAX_DELAY_MS)] = 0
    delay_ms: Annotated[int, Field(ge=0, le=MAX_DELAY_MS)] = 0
    """Before each chunk."""

    @property
    def finish_reason(self) -> str | None:
        return ("tool_calls" if self.calls else "stop") if self.finish == "" else self.finish

    def failure(self) -> dict[str, Any]:
        """The body of the HTTP error."""
        status = self.status or 500
        default = SERVER_ERROR if status >= 500 else INVALID_REQUEST
        return error_body(self.error, _ERROR_KINDS.get(status, default))


class ScriptBody(BaseModel):
    """The body of `PUT /v1/scripts/NAME`."""

    model_config = ConfigDict(extra="forbid")

    replies: Annotated[list[ScriptedReply], Field(min_length=1, max_length=1_000)]


@dataclass(slots=True)
class Script:
    """The replies of one name, and the last requests that were made for them."""

    replies: list[ScriptedReply]
    requests: deque[dict[str, Any]] = field(
        default_factory=lambda: deque[dict[str, Any]](maxlen=KEPT_REQUESTS)
    )
    _asked: Counter[int | None] = field(default_factory=Counter[int | None])
    """How often the replies for each number of results were asked for."""
    _releases: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(0))

    def next_reply(self, request: dict[str, Any]) -> ScriptedReply:
        """The reply whose turn it is."""
        self.requests.append(request)
        results = _results_since_question(request["body"]["messages"])
        fitting = [reply for reply in self.replies if reply.after_results == results]
        if not fitting:
            results = None
            fitting = [reply for reply in self.replies if reply.after_results is None]
        if not fitting:
            raise BadRequest("The script has no reply for so many tool results.", param="messages")
        self._asked[results] += 1
        return fitting[min(self._asked[results], len(fitting)) - 1]

    def release(self) -> None:
        """Let one held reply go on, or the next that would wait."""
        self._releases.release()

    async def released(self) -> None:
        await self._releases.acquire()


def _results_since_question(messages: list[dict[str, Any]]) -> int:
    roles = [message["role"] for message in messages]
    since = len(roles) - roles[::-1].index("user") if "user" in roles else 0
    return roles[since:].count("tool")


async def play(script: Script, reply: ScriptedReply) -> AsyncGenerator[bytes]:
    """The reply as bytes on the wire.

    Raises:
        CutConnection: where the reply says that the connection breaks.
    """
    chunks = _chunks(reply)
    await asyncio.sleep(reply.first_delay_ms / 1_000)
    for number in range(len(chunks) + 1):
        if reply.hold_before == number:
            await script.released()
        if reply.error_after == number:
            yield _line(reply, json.dumps(error_body(reply.error, SERVER_ERROR)))
            return
        if reply.cut_after == number:
            raise CutConnection
        if number == len(chunks):
            break
        if reply.comments:
            yield b": keep-alive\r\n\r\n\r\n" if reply.crlf else b": keep-alive\n\n\n"
        await asyncio.sleep(reply.delay_ms / 1_000)
        yield _line(reply, json.dumps(chunks[number]))
    if reply.done:
        yield _line(reply, "[DONE]")


async def play_whole(script: Script, reply: ScriptedReply) -> dict[str, Any]:
    """The reply for a request that does not stream; what concerns chunks only is left out."""
    await asyncio.sleep(reply.first_delay_ms / 1_000)
    if reply.hold_before is not None:
        await script.released()
    message: dict[str, Any] = {
        "role": "assistant",
        "content": "".join(filter(None, reply.text)) or None,
    }
    if reply.calls:
        message["tool_calls"] = [
            {
                **({"id": f"call_{index}"} if reply.call_ids else {}),
                "type": "function",
                "function": {"name": call.name, "arguments": _arguments(call)},
            }
            for index, call in enumerate(reply.calls)
        ]
    choice = {"index": 0, "message": message, "finish_reason": reply.finish_reason}
    body = {"id": _ID, "object": "chat.completion", "created": 0, "model": _MODEL}
    return {**body, "choices": [choice], **({"usage": reply.usage} if reply.usage else {})}


def _chunks(reply: ScriptedReply) -> list[dict[str, Any]]:
    chunks: list[dict[str, Any]] = []
    if reply.role:
        chunks.append(chunk(_ID, _MODEL, {"role": "assistant"}))
    chunks += [chunk(_ID, _MODEL, {"content": text}) for text in reply.text]
    for index, call in enumerate(reply.calls):
        chunks += _call_chunks(reply, index, call)
    if reply.finish_reason is not None:
        chunks.append(chunk(_ID, _MODEL, {}, reply.finish_reason))
    if reply.usage is not None:
        chunks.append({**chunk(_ID, _MODEL, {}), "choices": [], "usage": reply.usage})
    return chunks


def _call_chunks(reply: ScriptedReply, index: int, call: ScriptedCall) -> list[dict[str, Any]]:
    where = {"index": index} if reply.call_index else {}
    identity = {"id": f"call_{index}"} if reply.call_ids else {}
    text = _arguments(call)
    size = reply.fragment or max(1, len(text))
    chunks: list[dict[str, Any]] = []
    for number, start in enumerate(range(0, max(1, len(text)), size)):
        function = {"arguments": text[start : start + size]}
        head: dict[str, Any] = {}
        if number == 0:
            function["name"] = call.name
            head = {**identity, "type": "function"}
        delta = {"tool_calls": [{**where, **head, "function": function}]}
        chunks.append(chunk(_ID, _MODEL, delta))
    return chunks


def _arguments(call: ScriptedCall) -> str:
    return call.arguments if isinstance(call.arguments, str) else json.dumps(call.arguments)


def _line(reply: ScriptedReply, data: str) -> bytes:
    end = "\r\n" if reply.crlf else "\n"
    space = " " if reply.space else ""
    return f"data:{space}{data}{end}{end}".encode()
