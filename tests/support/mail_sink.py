"""A mail server that takes everything and keeps it."""

import re
import threading
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any
from urllib.parse import urlsplit

from aiosmtpd.controller import Controller
from support.ports import free_port

WAIT_S = 20


@dataclass
class MailSink:
    """What came in."""

    port: int = 0
    mails: list[EmailMessage] = field(default_factory=list[EmailMessage])
    _came: threading.Condition = field(default_factory=threading.Condition)

    async def handle_DATA(self, _server: object, _session: object, envelope: Any) -> str:  # noqa: N802
        """As aiosmtpd calls it."""
        mail = message_from_bytes(envelope.content, policy=policy.default)
        with self._came:
            self.mails.append(mail)
            self._came.notify_all()
        return "250 OK"

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.port}"

    def wait_for(self, number: int, to: str) -> None:
        """Until so many came to an address: a running frontend sends them beside the request."""

        def have_come() -> bool:
            return [mail["To"] for mail in self.mails].count(to) >= number

        with self._came:
            assert self._came.wait_for(have_come, WAIT_S)

    def last(self) -> EmailMessage:
        assert self.mails, "no mail came"
        return self.mails[-1]

    def text(self) -> str:
        """Of the last mail."""
        return str(self.last().get_content())

    def link(self) -> str:
        """The path of the last mail's link."""
        found = re.search(r"https?://\S+/sign-in/mail/\S+", self.text())
        assert found is not None, self.text()
        return urlsplit(found[0]).path


@contextmanager
def mail_sink() -> Generator[MailSink]:
    sink = MailSink(free_port())
    controller = Controller(sink, hostname="127.0.0.1", port=sink.port)
    controller.start()
    try:
        yield sink
    finally:
        controller.stop()
