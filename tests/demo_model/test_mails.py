"""Mail in natural sentences: what is understood, and what is said of it."""

from collections.abc import Mapping
from datetime import date

import pytest

from demo_model.demo.intents import CannotDo, FindMail, Intent, ReadMail, SendMail
from demo_model.demo.replies import reply
from demo_model.demo.results import CallResult
from demo_model.demo.toolbox import OfferedTool, Toolbox
from demo_model.demo.understanding import understand

TODAY = date(2026, 11, 21)
TOOLS = Toolbox.of(
    [OfferedTool(f"email__{name}") for name in ("search_email", "read_email", "send_email")]
)
BOB = "bob@example.com"


@pytest.mark.parametrize(
    ("text", "intent"),
    [
        (f'Send an e-mail to {BOB} with subject "Lunch" saying At noon?', SendMail(BOB, "Lunch", "At noon?")),
        (f"Please send an email to {BOB}, subject: Release, saying It is out.", SendMail(BOB, "Release", "It is out.")),
        (f"Email {BOB}: are you there?", SendMail(BOB, "are you there?", "are you there?")),
        (f"Send {BOB} a message with subject Lunch saying hi", SendMail(BOB, "Lunch", "hi")),
        ("Show my latest mails", FindMail()),
        ("Do I have any unread mail?", FindMail(unread=True)),
        ("Find mails about the invoice", FindMail("invoice")),
        ("Search my e-mail for “release notes”", FindMail("release notes")),
        ("List emails from Anna", FindMail(sender="Anna")),
        ("Read the newest mail from Anna", ReadMail(sender="Anna")),
        ("Open my last e-mail about the invoice", ReadMail("invoice")),
    ],
)  # fmt: skip
def test_a_request_about_mail_is_understood(text: str, intent: Intent) -> None:
    assert understand(text) == (intent,)


def test_a_mail_without_a_text_is_asked_about() -> None:
    (intent,) = understand(f"Send an e-mail to {BOB}")
    assert isinstance(intent, CannotDo)
    assert "What should the mail say" in intent.why


@pytest.mark.parametrize(
    "text", ["Mail", "Send a pigeon to Bob saying hi", f"e-mail {'x' * 5_000}"]
)
def test_other_things_are_no_mail(text: str) -> None:
    assert not any(isinstance(one, SendMail | FindMail | ReadMail) for one in understand(text))


def test_reading_finds_the_mail_first() -> None:
    question = ["Read the newest mail from Anna"]
    [call] = reply(question, [], TOOLS, TODAY).calls
    assert (call.name, call.arguments) == ("email__search_email", {"limit": 1, "sender": "Anna"})
    found = _told("search_email", {"mails": [{"id": "7", "subject": "Hi"}], "row_count": 1})
    [call] = reply(question, [found], TOOLS, TODAY).calls
    assert (call.name, call.arguments) == ("email__read_email", {"id": "7"})
    read = {
        "subject": "Hi",
        "from": {"name": "Anna"},
        "text": "# One\n<b>two</b>",
        "warnings": ["remote_images"],
    }
    said = reply(question, [found, _told("read_email", read)], TOOLS, TODAY).text
    assert "from Anna" in said
    assert "> # One\n> \\<b>two\\</b>" in said
    assert "Be careful: remote\\_images." in said


def test_a_mail_that_was_sent_and_one_that_was_not() -> None:
    question = [f'Send an e-mail to {BOB} with subject "Lunch" saying At noon?']
    [call] = reply(question, [], TOOLS, TODAY).calls
    assert call.arguments == {"to": [BOB], "subject": "Lunch", "body": "At noon?"}
    sent = _told("send_email", {"status": "sent", "summary": f"Sent to {BOB}."})
    assert reply(question, [sent], TOOLS, TODAY).text == f"Sent to {BOB}."
    no = CallResult("send_email", call.arguments, {"status": "rejected"})
    assert reply(question, [no], TOOLS, TODAY).text == f"All right, I sent nothing to {BOB}."


def _told(tool: str, result: Mapping[str, object]) -> CallResult:
    return CallResult(tool, {}, {"status": "succeeded", "result": dict(result)})
