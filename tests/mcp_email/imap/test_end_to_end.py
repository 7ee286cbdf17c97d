"""A mail on its whole way over real servers: handed to Postfix, delivered to Dovecot, found and read there."""

import asyncio

import pytest
from support.dovecot import Dovecot
from support.postfix import postfix

from mcp_email.config import Limits
from mcp_email.imap.mailbox import ImapMailbox
from mcp_email.mail import Summary
from mcp_email.smtp import SmtpTransport

MAIL = (
    "Message-ID: <lunch@example.org>\r\nFrom: Ada <ada@example.org>\r\nTo: bob@example.org\r\n"
    "Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\nContent-Type: text/plain; charset=utf-8\r\n"
    "Content-Transfer-Encoding: 8bit\r\n\r\nUm zwölf?\r\n.\r\n..\r\nEnde\r\n"
).encode()


@pytest.mark.postfix
async def test_a_mail_sent_over_starttls_arrives_once_and_as_it_was(server: Dovecot) -> None:
    mailbox = ImapMailbox("mail", server.account("bob", security="starttls"), Limits())
    with postfix(server) as running:
        transport = SmtpTransport(running.server("ada"))
        assert await transport.problem() is None
        delivery = await transport.send("ada@example.org", ["bob@example.org"], MAIL, _nothing)
        assert (delivery.state, delivery.accepted) == ("sent", ("bob@example.org",))
        outside = await transport.send("ada@example.org", ["eve@example.com"], MAIL, _nothing)
        assert [refused.address for refused in outside.rejected] == ["eve@example.com"]
        (found,) = await _arrived(mailbox)
    assert (found.subject, found.sender and found.sender.spec) == ("Grüße", "ada@example.org")
    text, is_more = await mailbox.part(found.id, "1", 1_000)
    assert (text.decode(), is_more) == ("Um zwölf?\r\n.\r\n..\r\nEnde\r\n", False)
    await mailbox.close()


async def _nothing() -> None:
    pass


async def _arrived(mailbox: ImapMailbox) -> list[Summary]:
    async with asyncio.timeout(20):
        while not (found := await mailbox.find("lunch@example.org")):
            pass
    return found
