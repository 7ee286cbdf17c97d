"""Mail in the running product: found, read, shown before it leaves, sent as approved, once."""

import json
from pathlib import Path

import pytest
from support.asked import asking, one
from support.system import launched


@pytest.mark.timeout(180)
def test_a_mail_is_shown_before_it_leaves_and_sent_as_approved(tmp_path: Path) -> None:
    with launched(tmp_path) as system, asking(system) as person:
        events = person.ask(
            'Send an e-mail to bob@example.com with subject "Lunch" saying At noon?',
            {"subject": "Dinner"},
        )
        shown = one(events, "approval_needed")
        assert shown["preview"]["summary"] == "Send to bob@example.com: Lunch"
        assert "idempotency_key" not in shown["arguments"]
        assert one(events, "call_finished")["state"] == "succeeded"
        found = person.ask("Find mails about Dinner")
        assert '"folder": "Sent"' in json.dumps(one(found, "call_finished"))
        inbox = person.ask("Show my latest mails")
        assert not [event for event in inbox if event["kind"] == "approval_needed"]
        assert '"folder": "Inbox"' in json.dumps(one(inbox, "call_finished"))
