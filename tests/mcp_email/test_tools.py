"""The tools over the real protocol: what is read, written, sent, and what is not."""

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
from support.dbquery import in_one_task
from support.mail import ADA, Desk, a_mail, mail_desk, of_host, says


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncGenerator[Desk]:
    """Of a person whose host asks."""
    async with in_one_task(mail_desk(tmp_path, person=of_host(ADA))) as opened:
        yield opened


MAIL = {"to": ["Bob <bob@example.com>"], "subject": "Lunch", "body": "At noon?"}


async def test_a_mail_is_sent_and_a_copy_kept(desk: Desk) -> None:
    sent = await desk.ask("send_email", **MAIL, idempotency_key="one")
    assert sent["status"] == "sent"
    assert sent["accepted"] == ["bob@example.com"]
    assert [mail["To"] for mail in await desk.left()] == ["Bob <bob@example.com>"]
    assert len(await desk.in_folder("Sent")) == 1


async def test_after_a_yes_the_mail_is_sent(tmp_path: Path) -> None:
    async with mail_desk(tmp_path, person_says=says(send=True)) as desk:
        sent = await desk.ask("send_email", **MAIL)
        assert sent["status"] == "sent"
        assert len(desk.questions) == 1
        assert "To: Bob <bob@example.com>" in desk.questions[0]
        assert len(await desk.left()) == 1


async def test_reading(desk: Desk) -> None:
    mail = await desk.receives(a_mail())
    found = await desk.ask("search_email", subject="lunch")
    assert [one["id"] for one in found["mails"]] == [mail]
    read = await desk.ask("read_email", id=mail)
    assert read["text"].strip() == "At noon?"
    assert read["from"]["spec"] == "bob@example.com"
