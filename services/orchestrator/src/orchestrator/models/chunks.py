"""Reads a chat completions stream: bytes in, text and calls out. Pure, and the hottest code of the service.

Takes what servers really send: comments, blank lines, CRLF, `data:` with or without a space, `content: null`,
calls in fragments, several at once, without ids or without an index, no usage, an error object in the middle,
no `[DONE]`.
"""

from dataclasses import dataclass, field
from typing import Any, cast

import orjson

from orchestrator.models.port import ModelFailed, ProposedCall, ReplyEnd

Json = dict[str, Any]
MAX_LINE_BYTES = 4 * 1024 * 1024
MAX_ARGUMENT_CHARACTERS = 400_000
MAX_CALLS = 64


@dataclass(slots=True)
class _PartialCall:
    call_id: str = ""
    name: str = ""
    arguments: list[str] = field(default_factory=list[str])


class ChunkReader:
    """Collects one reply. Feed it bytes as they come; ask for the end when `is_complete`."""

    def __init__(self) -> None:
        self._rest = b""
        self._calls: list[_PartialCall] = []
        self._by_index: dict[int, _PartialCall] = {}
        self._input_tokens: int | None = None
        self._output_tokens: int | None = None
        self._finish_reason: str | None = None
        self._done = False
        self._argument_characters = 0

    @property
    def is_complete(self) -> bool:
        """The server said that the reply is whole. A stream that ends earlier was cut."""
        return self._done or self._finish_reason is not None

    @property
    def is_done(self) -> bool:
        """`[DONE]` was read: nothing follows, not even usage."""
        return self._done

    def feed(self, data: bytes) -> str:
        """Text that these bytes complete.

        Raises:
            ModelFailed: the stream carries an error object, something that is no JSON, or outgrows its bounds.
        """
        lines = (self._rest + data).split(b"\n")
        self._rest = lines.pop()
        if len(self._rest) > MAX_LINE_BYTES:
            raise ModelFailed("The model sent a line that is far too long.")
        texts: list[str] = []
        for line in lines:
            if line.startswith(b"data:"):
                text = self._read(line[5:].strip())
                if text:
                    texts.append(text)
        return "".join(texts)

    def end(self) -> ReplyEnd:
        """What the reply came to, beside its text."""
        return ReplyEnd(
            calls=tuple(
                ProposedCall(call.name, "".join(call.arguments))
                for call in self._calls
                if call.name
            ),
            input_tokens=self._input_tokens,
            output_tokens=self._output_tokens,
            cut_by_length=self._finish_reason == "length",
        )

    def _read(self, data: bytes) -> str | None:
        if data == b"[DONE]":
            self._done = True
            return None
        if not data:
            return None
        try:
            chunk = orjson.loads(data)
        except orjson.JSONDecodeError:
            raise ModelFailed("The model sent something that is not JSON.") from None
        if not isinstance(chunk, dict):
            raise ModelFailed("The model sent something that is no chunk of a reply.")
        return self._read_chunk(cast(Json, chunk))

    def _read_chunk(self, chunk: Json) -> str | None:
        if chunk.get("error"):
            raise ModelFailed(
                f"The model provider reported an error: {_error_text(chunk['error'])}"
            )
        if usage := _mapping(chunk.get("usage")):
            self._input_tokens = _count(usage, "prompt_tokens")
            self._output_tokens = _count(usage, "completion_tokens")
        choices = cast("list[object] | None", chunk.get("choices"))
        if not choices or not isinstance(choices, list):  # pyright: ignore[reportUnnecessaryIsInstance]
            return None
        choice = _mapping(choices[0])
        self._finish_reason = choice.get("finish_reason") or self._finish_reason
        delta = _mapping(choice.get("delta") or choice.get("message"))
        for fragment in delta.get("tool_calls") or ():
            self._add_fragment(_mapping(fragment))
        content = delta.get("content")
        return content if isinstance(content, str) else None

    def _add_fragment(self, fragment: Json) -> None:
        function = _mapping(fragment.get("function"))
        call = self._call_of(fragment, starts_call=bool(function.get("name")))
        call.name = call.name or function.get("name") or ""
        arguments = function.get("arguments")
        if isinstance(arguments, dict):
            arguments = orjson.dumps(arguments).decode()  # some servers send the object itself
        if isinstance(arguments, str) and arguments:
            self._argument_characters += len(arguments)
            if self._argument_characters > MAX_ARGUMENT_CHARACTERS:
                raise ModelFailed("The model's tool arguments are far too long.")
            call.arguments.append(arguments)

    def _call_of(self, fragment: Json, *, starts_call: bool) -> _PartialCall:
        """The call a fragment belongs to: by index; without one by id, or by a name that starts a new call."""
        index, call_id = fragment.get("index"), fragment.get("id")
        if isinstance(index, int):
            known = self._by_index.get(index)
            # Some servers give every parallel call index 0; another id with a name starts another call.
            if known is None or (
                starts_call and call_id and known.call_id and call_id != known.call_id
            ):
                self._by_index[index] = known = self._new_call(call_id)
            return known
        if call_id:
            known = next((call for call in self._calls if call.call_id == call_id), None)
            return known or self._new_call(call_id)
        if starts_call or not self._calls:
            return self._new_call(None)
        return self._calls[-1]

    def _new_call(self, call_id: str | None) -> _PartialCall:
        if len(self._calls) >= MAX_CALLS:
            raise ModelFailed("The model proposed far too many tool calls at once.")
        call = _PartialCall(call_id=call_id or "")
        self._calls.append(call)
        return call


def _mapping(value: object) -> Json:
    """The value if it is an object; else an empty one, for servers that send null or worse."""
    return cast(Json, value) if isinstance(value, dict) else {}


def _count(usage: Json, name: str) -> int | None:
    value = usage.get(name)
    return value if isinstance(value, int) else None


def _error_text(error: object) -> str:
    return str(_mapping(error).get("message") or error)[:300]
