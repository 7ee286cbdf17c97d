"""Documents in the running product: a question is answered from the handbook, with the passage it stands in."""

import re
from pathlib import Path
from typing import Any

import pytest
from support.asked import Asked, asking, one
from support.system import launched

from shared.wire.knowledge import MARK


@pytest.mark.timeout(180)
def test_a_question_is_answered_from_the_handbook_and_cites_it(tmp_path: Path) -> None:
    with launched(tmp_path) as system, asking(system) as person:
        events = person.ask("How many days of holiday do I get?")
        assert not [event for event in events if event["kind"] == "approval_needed"]
        said = text_of(events)
        assert "28 days of holiday" in said
        [cited] = re.findall(MARK, said)
        assert cited in str(one(events, "call_finished"))
        [sentence] = one(events, "citations_checked")["sentences"]
        assert (sentence["support"], sentence["passages"]) == ("supported", [cited])
        opened = person.http.get(f"/v1/knowledge/passages/{cited}").raise_for_status().json()
        assert "28 days of holiday" in opened["text"]
        assert opened["document"]["name"] == "employee-handbook.md"
        assert "do not answer that" in text_of(
            person.ask("What does the handbook say about skiing?")
        )
        added_once(person)


def added_once(person: Asked) -> None:
    """A document is added only after a yes, shown with where it would go."""
    events = person.ask(
        'Use the kb_upload tool with {"name": "parking.md", "content_base64": "IyBQYXJraW5nCgpTcGFjZSA3Lgo="}'
    )
    shown = one(events, "approval_needed")
    assert shown["preview"]["summary"] == "Add parking.md (20 bytes) to My documents"
    assert one(events, "call_finished")["state"] == "succeeded"


def text_of(events: list[dict[str, Any]]) -> str:
    return "".join(event["text"] for event in events if event["kind"] == "text_delta")
