"""The chunk reader on any split of any stream."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.models.chunks import ChunkReader
from orchestrator.models.port import ModelFailed


def stream(*deltas: dict[str, Any]) -> bytes:
    chunks = [{"choices": [{"index": 0, "delta": delta}]} for delta in deltas]
    lines = [f"data: {json.dumps(chunk)}\n\n" for chunk in chunks]
    return "".join([*lines, "data: [DONE]\n\n"]).encode()


@given(
    texts=st.lists(st.text(), max_size=8),
    cuts=st.lists(st.integers(min_value=1, max_value=60), min_size=1, max_size=20),
)
def test_where_the_network_cuts_does_not_matter(texts: list[str], cuts: list[int]) -> None:
    data, reader, got, position = stream(*({"content": t} for t in texts)), ChunkReader(), "", 0
    for index in range(len(data)):
        size = cuts[index % len(cuts)]
        got += reader.feed(data[position : position + size])
        position += size
        if position >= len(data):
            break
    assert got == "".join(texts)
    assert reader.is_complete


@pytest.mark.parametrize(
    "line",
    [
        b"data: not json\n",
        b"data: [1, 2]\n",
        b'data: {"error": {"message": "boom"}}\n',
        b'data: {"error": "boom"}\n',
    ],
)
def test_what_is_no_chunk_is_named(line: bytes) -> None:
    with pytest.raises(ModelFailed):
        ChunkReader().feed(line)


@pytest.mark.parametrize(
    "chunk",
    [
        {},
        {"choices": []},
        {"choices": None},
        {"choices": [None]},
        {"choices": [{"delta": None}]},
        {"choices": [{"delta": {"content": None, "tool_calls": None}}]},
        {"choices": [{"delta": {"tool_calls": [None]}}]},
        {"choices": [{"delta": {"content": 7}}]},
        {"usage": None, "choices": "odd"},
    ],
)
def test_odd_chunks_say_nothing_and_break_nothing(chunk: dict[str, Any]) -> None:
    reader = ChunkReader()
    assert reader.feed(f"data: {json.dumps(chunk)}\n".encode()) == ""
    assert [call for call in reader.end().calls if call.name] == []


def test_a_line_without_end_is_refused() -> None:
    with pytest.raises(ModelFailed, match="far too long"):
        ChunkReader().feed(b"x" * (5 * 2**20))
