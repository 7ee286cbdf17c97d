"""The mails that a new mailbox begins with: those of somebody at a small software agency. The same every time."""

import base64
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import format_datetime

from mcp_email.embedded.seed_letters import (
    HOURS_CSV,
    LETTERS,
    NEWSLETTER_HTML,
    OTHERS,
    PHISHING_HTML,
    TEAM,
    Letter,
)
from mcp_email.mail import Address, Flag, Role

_BY_KEY = {letter.key: letter for letter in LETTERS}


@dataclass(frozen=True, slots=True)
class Seeded:
    """A mail to begin with."""

    role: Role
    received: datetime
    raw: bytes
    flags: frozenset[Flag] = frozenset()


def seed(owner: Address, now: datetime) -> Sequence[Seeded]:
    """The mails in the order in which they arrived, dated back from `now`."""
    now = now.replace(microsecond=0)
    return [
        Seeded(letter.role, at, _Writer(letter, owner, at).mail(), letter.flags)
        for letter in sorted(LETTERS, key=lambda one: -one.hours_ago)
        for at in [now - timedelta(hours=letter.hours_ago)]
    ]


@dataclass(frozen=True, slots=True)
class _Writer:
    """Writes one letter as a mail."""

    letter: Letter
    owner: Address
    at: datetime

    def mail(self) -> bytes:
        return "\r\n".join([*self._headers(), *self._content(), ""]).encode("ascii")

    def _headers(self) -> Iterator[str]:
        letter = self.letter
        yield f"Date: {format_datetime(self.at)}"
        yield f"From: {self._person(letter.sender)}"
        yield f"To: {', '.join(self._person(one) for one in letter.to)}"
        if letter.cc:
            yield f"Cc: {', '.join(self._person(one) for one in letter.cc)}"
        yield f"Subject: {_word(letter.subject)}"
        yield f"Message-ID: {self._message_id(letter.key)}"
        if chain := _chain(letter):
            yield f"In-Reply-To: {self._message_id(chain[-1])}"
            yield "References: " + "\r\n ".join(self._message_id(one) for one in chain)
        if letter.kind == "phishing":
            yield "Reply-To: payments@northwlnd-pay.example"
        if letter.kind == "newsletter":
            yield "List-Id: <build-weekly.buildweekly.example>"
            yield "List-Unsubscribe: <https://buildweekly.example/leave>"
        yield "MIME-Version: 1.0"

    def _content(self) -> Iterator[str]:
        letter = self.letter
        text = _text("plain", self._body(), letter.charset)
        if letter.kind == "phishing":
            yield from _text("html", PHISHING_HTML)
        elif letter.kind == "newsletter":
            title = letter.subject.partition(": ")[2]
            plain = f"The Build Weekly: {title}\n\nRead it at https://buildweekly.example/\n"
            html = _text("html", NEWSLETTER_HTML.replace("{title}", title))
            yield from self._multipart("alternative", [_text("plain", plain), html])
        elif letter.kind == "invoice":
            name = letter.subject.replace("Invoice ", "invoice-") + ".pdf"
            pdf = _pdf(f"Quayside Hosting - {letter.subject}")
            yield from self._multipart("mixed", [text, _file("application/pdf", name, pdf)])
        elif letter.kind == "hours":
            csv = _file("text/csv; charset=utf-8", "hours-october.csv", HOURS_CSV.encode())
            yield from self._multipart("mixed", [text, csv])
        elif letter.kind == "invite":
            invitation = _text("calendar; method=REQUEST", self._invitation())
            yield from self._multipart("alternative", [text, invitation])
        else:
            yield from text

    def _body(self) -> str:
        body = self.letter.body.replace("{me}", self._first_name)
        answered = _BY_KEY.get(self.letter.answers)
        if answered is None:
            return body + "\n"
        at = self.at + timedelta(hours=self.letter.hours_ago - answered.hours_ago)
        who = answered.sender or self.owner.name or self.owner.spec
        told = answered.body.replace("{me}", self._first_name).splitlines()
        quote = "\n".join(f"> {line}".rstrip() for line in told)
        return f"{body}\n\nOn {at:%d %B %Y at %H:%M}, {who} wrote:\n{quote}\n"

    @property
    def _first_name(self) -> str:
        return self.owner.name.split(" ")[0] or self.owner.spec.partition("@")[0]

    def _person(self, name: str) -> str:
        if not name:
            shown, spec = self.owner.name, self.owner.spec
        else:
            spec = OTHERS.get(name) or f"{name.lower().replace(' ', '.')}@{TEAM}"
            shown = name
        if not shown:
            return spec
        is_plain = shown.isascii() and all(c.isalnum() or c == " " for c in shown)
        return f"{shown if is_plain else _encoded(shown)} <{spec}>"

    def _message_id(self, key: str) -> str:
        letter = _BY_KEY[key]
        told = hashlib.sha256(f"{self.owner.spec} {key}".encode()).hexdigest()[:24]
        domain = (OTHERS.get(letter.sender) or f"@{TEAM}").rpartition("@")[2]
        return f"<{told}@{domain}>"

    def _multipart(self, kind: str, parts: Sequence[Sequence[str]]) -> Iterator[str]:
        boundary = f"=_{kind}_{self.letter.key}"
        yield f'Content-Type: multipart/{kind}; boundary="{boundary}"'
        yield ""
        for part in parts:
            yield f"--{boundary}"
            yield from part
        yield f"--{boundary}--"

    def _invitation(self) -> str:
        start = (self.at + timedelta(days=9)).replace(hour=13, minute=0, second=0)
        lines = [
            "BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Tidewater//Calendar//EN", "METHOD:REQUEST", "BEGIN:VEVENT",
            f"UID:harbor-review@{TEAM}", f"DTSTAMP:{self.at:%Y%m%dT%H%M%SZ}", f"DTSTART:{start:%Y%m%dT%H%M%SZ}",
            f"DTEND:{start + timedelta(hours=1):%Y%m%dT%H%M%SZ}", "SUMMARY:Harbor release review",
            "LOCATION:Large meeting room", f"ORGANIZER;CN=Anna Keller:mailto:anna.keller@{TEAM}",
            f"ATTENDEE:mailto:{self.owner.spec}", f"ATTENDEE:mailto:priya.nair@{TEAM}",
            f"ATTENDEE:mailto:{OTHERS['Pieter de Vries']}", "END:VEVENT", "END:VCALENDAR",
        ]  # fmt: skip
        return "\n".join(lines) + "\n"


def _chain(letter: Letter) -> list[str]:
    """The keys of the mails before it in its thread, the oldest first."""
    chain: list[str] = []
    while letter.answers:
        chain.insert(0, letter.answers)
        letter = _BY_KEY[letter.answers]
    return chain


def _text(subtype: str, text: str, charset: str = "utf-8") -> list[str]:
    octets = text.replace("\n", "\r\n").encode(charset)
    return [
        f"Content-Type: text/{subtype}; charset={charset}",
        "Content-Transfer-Encoding: base64",
        "",
        *base64.encodebytes(octets).decode().splitlines(),
    ]


def _file(media_type: str, name: str, content: bytes) -> list[str]:
    return [
        f"Content-Type: {media_type}",
        f'Content-Disposition: attachment; filename="{name}"',
        "Content-Transfer-Encoding: base64",
        "",
        *base64.encodebytes(content).decode().splitlines(),
    ]


def _word(text: str) -> str:
    return text if text.isascii() else _encoded(text)


def _encoded(text: str) -> str:
    return f"=?utf-8?b?{base64.b64encode(text.encode()).decode()}?="


def _pdf(line: str) -> bytes:
    """One page with one line (ISO 32000-1 section 7.5)."""
    drawing = f"BT /F1 14 Tf 60 760 Td ({line}) Tj ET".encode("ascii")
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R"
        b" /Resources << /Font << /F1 5 0 R >> >> >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(drawing), drawing),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    written = b"%PDF-1.4\n"
    places: list[int] = []
    for number, content in enumerate(objects, start=1):
        places.append(len(written))
        written += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    return written + (
        b"xref\n0 6\n0000000000 65535 f \n%strailer\n<< /Size 6 /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n"
        % (table, len(written))
    )
