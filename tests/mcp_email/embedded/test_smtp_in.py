"""Mail between people over the embedded server's real SMTP, and what it refuses."""

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from mcp_email.embedded.mailbox import EmbeddedMailbox
from mcp_email.embedded.store import EmbeddedStore
from mcp_email.mail import Delivery, Search
from mcp_email.opening import MAILBOXES, system_mailbox
from mcp_email.outbox import outbox
from mcp_email.settings import Settings
from shared.errors import BadSetup, Unavailable

ADA, BOB, OUT = "ada@tidewater.example", "bob@tidewater.example", "pieter@northwind.example"
SYSTEM = "steward@localhost"
MAIL = b"From: ada@tidewater.example\r\nMessage-ID: <1@x.example>\r\nSubject: Lunch\r\n\r\nAt noon?\r\n.dot\r\n"


@pytest.fixture
async def store(tmp_path: Path) -> AsyncGenerator[EmbeddedStore]:
    opened = EmbeddedStore(tmp_path / MAILBOXES, seeded=lambda _owner, _now: [])
    opened.start()
    async with opened.listen():
        yield opened
    opened.close()


async def mailbox_of(store: EmbeddedStore, address: str) -> EmbeddedMailbox:
    return await store.mailbox("t", address, "mailbox", address, "")


async def sent(
    store: EmbeddedStore, sender: str, recipients: list[str], raw: bytes = MAIL
) -> Delivery:
    async def nothing() -> None:
        pass

    return await store.transport().send(sender, recipients, raw, nothing)


async def subjects(mailbox: EmbeddedMailbox) -> list[str]:
    return [one.subject for one in (await mailbox.search(Search(), 10, None)).mails]


async def test_a_mail_reaches_the_inbox_of_everybody_who_is_here(store: EmbeddedStore) -> None:
    ada, bob = await mailbox_of(store, ADA), await mailbox_of(store, BOB)
    delivery = await sent(store, ADA, [ADA, "Bob@TIDEWATER.example"])
    assert delivery.state == "sent"
    assert await subjects(ada) == ["Lunch"]
    (got,) = (await bob.search(Search(unread=True, folder="Inbox"), 10, None)).mails
    assert await bob.part(got.id, "1", 100) == (b"At noon?\r\n.dot\r\n", False)
    assert (await bob.outline(got.id)).headers.startswith(
        b"Return-Path: <ada@tidewater.example>\r\n"
    )


async def test_mail_to_others_is_kept_for_its_sender_and_goes_nowhere(store: EmbeddedStore) -> None:
    ada, bob = await mailbox_of(store, ADA), await mailbox_of(store, BOB)
    assert (await sent(store, ADA, [OUT, BOB])).state == "sent"
    (outside,) = await store.sent_outside(ada, 10)
    assert outside.recipients == (OUT,)
    assert outside.raw.endswith(MAIL)
    assert await store.sent_outside(bob, 10) == []
    assert await subjects(bob) == ["Lunch"]


async def test_strangers_cannot_send_to_strangers_through_it(store: EmbeddedStore) -> None:
    bob = await mailbox_of(store, BOB)
    assert (await sent(store, "eve@evil.example", [OUT])).state == "failed"
    refused = await sent(store, "eve@evil.example", [BOB, OUT])
    assert [(one.address, one.code) for one in refused.rejected] == [(OUT, 550)]
    assert await subjects(bob) == []
    assert (await sent(store, "eve@evil.example", [BOB])).state == "sent"


async def test_a_mail_that_is_too_large_or_for_a_full_mailbox_is_refused(
    store: EmbeddedStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    bob = await mailbox_of(store, BOB)
    large = await sent(store, ADA, [BOB], b"x" * (25 * 1024 * 1024 + 1))
    assert large.state == "failed"
    monkeypatch.setattr("mcp_email.embedded.rows.MAX_MAILBOX", 10)
    full = await sent(store, ADA, [BOB])
    assert (full.state, full.smtp_code) == ("failed", 452)
    assert await subjects(bob) == []


async def test_it_listens_on_this_machine_only_and_while_it_is_asked_to(tmp_path: Path) -> None:
    store = EmbeddedStore(tmp_path / "other.db")
    with pytest.raises(Unavailable):
        store.transport()
    with pytest.raises(BadSetup):
        async with store.listen("0.0.0.0"):
            pass
    async with store.listen():
        transport = store.transport()
        assert await transport.problem() is None
    assert await transport.problem() is not None


async def test_what_the_product_itself_writes_is_taken_for_anybody(
    store: EmbeddedStore, tmp_path: Path
) -> None:
    settings = Settings(data_dir=tmp_path, system_sender=SYSTEM)
    await system_mailbox(store, SYSTEM)
    bob = await mailbox_of(store, BOB)

    assert (await sent(store, SYSTEM, [OUT, BOB])).state == "sent"

    assert await subjects(bob) == ["Lunch"]
    kept = await outbox(settings)
    assert f"to {OUT}: Lunch" in kept
    assert "At noon?" in kept


async def test_without_a_sender_of_its_own_nothing_is_kept_for_the_operator(tmp_path: Path) -> None:
    with pytest.raises(BadSetup, match="MCP_EMAIL_SYSTEM_SENDER"):
        await outbox(Settings(data_dir=tmp_path))
