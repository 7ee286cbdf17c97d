"""Splitting a stream of server-sent events, however it is cut into pieces."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frontend.chat.splitter import EventSplitter, RelayedEvent, StreamGarbled

json_texts = st.text().map(lambda text: f'{{"text":{text!a}}}') | st.just('{"text":"né 日本 🎉"}')
event_lists = st.lists(json_texts, max_size=20).map(
    lambda texts: [RelayedEvent(n, text) for n, text in enumerate(texts, start=1)]
)


def encoded(event: RelayedEvent, kind: str = "text_delta") -> bytes:
    return f"id: {event.n}\nevent: {kind}\ndata: {event.data}\n\n".encode()


@given(event_lists, st.lists(st.integers(0, 2_000)), st.sampled_from([b"", b": ping\n\n"]))
def test_events_come_out_as_they_went_in_wherever_the_bytes_are_cut(
    events: list[RelayedEvent], cuts: list[int], comment: bytes
) -> None:
    stream = b"".join(comment + encoded(event) for event in events) + comment
    borders = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]
    splitter = EventSplitter()

    split = [
        event for begin, end in pairwise(borders) for event in splitter.feed(stream[begin:end])
    ]

    assert split == events


def test_the_last_event_is_known_by_its_kind_and_not_by_its_words() -> None:
    quoting = RelayedEvent(1, '{"kind":"call_finished","result":{"kind":"turn_finished"}}')

    events = EventSplitter().feed(
        encoded(quoting) + encoded(RelayedEvent(2, "{}"), "turn_finished")
    )

    assert [event.is_last for event in events] == [False, True]


@pytest.mark.parametrize(
    "garbage",
    [b"data: {}\n\n", b"id: x\ndata: {}\n\n", b"id: -1\ndata: {}\n\n", b"id: 1\ndata: \xff\n\n"],
)
def test_what_is_no_numbered_event_is_not_passed_on(garbage: bytes) -> None:
    with pytest.raises(StreamGarbled):
        EventSplitter().feed(garbage)


def test_an_event_without_end_is_given_up() -> None:
    splitter = EventSplitter()
    for _ in range(8):
        assert splitter.feed(b"x" * 2**20) == []
    with pytest.raises(StreamGarbled):
        splitter.feed(b"x")
