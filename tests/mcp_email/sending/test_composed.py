"""Whatever a mail says, it is refused by name or arrives as it was, under the headers of the plan and no others."""

import asyncio
import hashlib
import tracemalloc
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP, Envelope, Session
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.ports import free_port
from support.sending import ADA_ADDRESS, GENEROUS, NOON, plan_of, wanted
from support.smtp_server import smtp_server

from mcp_email.config import Server
from mcp_email.errors import BadAddress, BadContent, MailTooLarge
from mcp_email.mail import Address, Attached, Plan, Wanted
from mcp_email.sending.compose import compose
from mcp_email.sending.html import safe_html, text_of
from mcp_email.sending.plan import planned
from mcp_email.sending.verify import ComposedDiffers, expected_names, header_names, verify_composed
from mcp_email.smtp import SmtpTransport
from mcp_email.smtp_data import stuffed

HEADERS = [
    "Date",
    "From",
    "To",
    "Subject",
    "Message-ID",
    "MIME-Version",
    "Content-Type",
    "Content-Transfer-Encoding",
]


def composed(mail: Wanted, contents: dict[str, bytes] | None = None) -> tuple[Plan, bytes]:
    plan = plan_of(mail)
    raw = compose(plan, contents or {})
    verify_composed(raw, plan)
    return plan, raw


def parsed(raw: bytes) -> EmailMessage:
    return BytesParser(EmailMessage, policy=policy.default).parsebytes(raw)


def text(message: EmailMessage, kind: str = "plain") -> str:
    part = message.get_body((kind,))
    assert part is not None
    return part.get_content().replace("\r\n", "\n")


def attached(content: bytes, name: str = "notes.txt", media_type: str = "text/plain") -> Attached:
    digest = hashlib.sha256(content).hexdigest()
    return Attached(f"att_{digest[:22]}", name, media_type, len(content), digest)


def test_a_mail_has_the_headers_of_its_plan_and_reads_as_it_was_meant() -> None:
    _, raw = composed(wanted())
    message = parsed(raw)
    assert header_names(raw) == message.keys() == HEADERS
    assert (message["From"], message["To"]) == (
        "Ada Lovelace <ada@example.org>", "Bob <bob@example.com>",
    )  # fmt: skip
    assert (message["Subject"], text(message)) == ("Lunch", "At noon?\n")
    assert message["Date"].datetime == NOON


def test_the_same_plan_gives_the_same_bytes() -> None:
    assert composed(wanted())[1] == composed(wanted())[1]


def test_a_blind_copy_is_in_the_envelope_and_nowhere_in_the_mail() -> None:
    plan, raw = composed(wanted(bcc=(Address("secret@example.net", "Secret"),)))
    assert plan.recipients == ("bob@example.com", "secret@example.net")
    assert b"secret" not in raw.lower()
    assert b"bcc" not in raw.lower()


ENDS = [
    "\r\n",
    "\n",
    "\r",
    "\x0b",
    "\x0c",
    "\x1c",
    "\x1d",
    "\x1e",
    "\x85",
    "\u2028",
    "\u2029",
    "\0",
    "\x7f",
    "\x9b",
]
WORDS = [
    "=?utf-8?q?Hi=0D=0ABcc:eve@example.net?=", "=?utf-8?q?Hi=0ABcc:eve@example.net?=", "=?utf-8?Q?=0D?=",
    "=?utf-8?b?SGkNCkJjYzogZXZlQGV4YW1wbGUubmV0?=", "=?UTF-8?B?SGk=?=", "=?utf-8?q?a?= =?utf-8?q?=0A?=",
    "=?utf-16?b?AA0ACg==?=", "=?unknown?q?=0D=0A?=", "=?utf-8*en?q?=0D=0A?=", "=?iso-8859-1?q?=85?=",
    "=?utf-8?q?=3D=3Futf-8=3Fq=3F=3D0A=3F=3D?=", "=?utf-8?q?\r\nBcc: eve@example.net?=", "=??q??=", "=?a?b??=",
    "=?utf-8?q?=E2=80=A8?=", "x=?utf-8?q?=0A?=x", "=?utf-8?q?=00?=",
]  # fmt: skip
TURNED = [
    "\u202e",
    "\u202a",
    "\u2066",
    "\u2069",
    "\u200e",
    "\u200f",
    "\u061c",
    "\u200b",
    "\ufeff",
    "\xad",
    "\U000e0042",
    "\ud800",
]
HOSTILE = [
    *(f"Hi{end}Bcc: eve@example.net" for end in ENDS),
    *(f"Hi{end}{end}<script>" for end in ENDS[:3]),
    *(f"{end}Hi" for end in ENDS[:4]),
    *(f"Hi{end}" for end in ENDS[:4]),
    "Hi\r\n Bcc: eve@example.net", "Hi\n\tfolded", "\r\n.\r\nMAIL FROM:<eve@example.net>",
    *WORDS,
    *(f"Hi{turn}there" for turn in TURNED),
    "x" * 999, "ž" * 500, "🎉" * 250,
]  # fmt: skip
FIELDS = ["subject", "name", "file name", "in_reply_to", "references"]


def placed(field: str, value: str) -> Wanted:
    match field:
        case "subject":
            return wanted(subject=value)
        case "name":
            return wanted(to=(Address("bob@example.com", value),))
        case "file name":
            return wanted(attachments=(attached(b"x", value),))
        case "in_reply_to":
            return wanted(in_reply_to=f"{value}@example.org")
        case _:
            return wanted(references=("1@example.org", f"{value}@example.org"))


def test_the_table_is_long_enough() -> None:
    assert len(HOSTILE) >= 60


@pytest.mark.parametrize("field", FIELDS)
def test_no_value_of_any_header_becomes_another_header(field: str) -> None:
    for value in HOSTILE:
        with pytest.raises((BadContent, BadAddress)) as refused:
            plan_of(placed(field, value))
        assert str(refused.value).isprintable(), value


@pytest.mark.parametrize("field", FIELDS[:3])
def test_the_interpreter_s_own_holes_stay_shut_when_the_first_guard_is_gone(field: str) -> None:
    """The composer encodes what it is given, whatever that is: never a line of its own."""
    plan = plan_of(wanted(attachments=(attached(b"x"),) if field == "file name" else ()))
    for value in HOSTILE:
        if "\ud800" in value:
            continue
        hostile = replace(plan, wanted=placed(field, value))
        raw = compose(hostile, {one.handle: b"x" for one in hostile.wanted.attachments})
        assert header_names(raw) == expected_names(plan)
        assert b"\nBcc:" not in raw


def test_bytes_that_are_not_the_plan_s_are_never_let_out() -> None:
    plan, raw = composed(wanted(attachments=()))
    changes = {
        "a header more": raw.replace(b"Subject:", b"Bcc: eve@example.net\r\nSubject:"),
        "a header less": raw.replace(b"MIME-Version: 1.0\r\n", b""),
        "twice the same": raw.replace(b"Subject: Lunch", b"Subject: Lunch\r\nSubject: Lunch"),
        "another order": raw.replace(b"MIME-Version: 1.0\r\n", b"").replace(b"Date:", b"MIME-Version: 1.0\r\nDate:"),
        "another subject": raw.replace(b"Lunch", b"Launch"),
        "another recipient": raw.replace(b"bob@", b"eve@"),
        "a recipient more": raw.replace(b"<bob@example.com>", b"<bob@example.com>, eve@example.net"),
        "a group": raw.replace(b"Bob <bob@example.com>", b"x: Bob <bob@example.com>;"),
        "another name": raw.replace(b"Bob <", b"Eve <"),
        "another sender": raw.replace(b"ada@example.org", b"eve@example.net"),
        "another day": raw.replace(b"Nov 2026", b"Nov 2025"),
        "no day": raw.replace(b"Sat, 21 Nov 2026", b"never"),
        "another id": raw.replace(b"<1@", b"<2@"),
        "another text": raw.replace(b"noon", b"nine"),
        "half a line break": raw.replace(b"noon?\r\n", b"noon?\n"),
        "the other half": raw.replace(b"noon?", b"no\ron?"),
        "no ASCII": raw.replace(b"noon", b"n\xc3\xb8n"),
        "a NUL": raw.replace(b"noon", b"no\0n"),
        "a long line": raw.replace(b"noon", b"n" * 1000),
        "a line that is no header": raw.replace(b"MIME", b"no header\r\nMIME"),
        "another kind": raw.replace(b"text/plain", b"text/html"),
    }  # fmt: skip
    for change, changed in changes.items():
        assert changed != raw, change
        with pytest.raises(ComposedDiffers):
            verify_composed(changed, plan)


def test_words_around_the_parts_are_never_let_out() -> None:
    plan, raw = composed(wanted(html="<p>x</p>"))
    head, _, parts = raw.partition(b"\r\n\r\n")
    for changed in (head + b"\r\n\r\nRead this\r\n" + parts, raw + b"\r\nRead this\r\n"):
        with pytest.raises(ComposedDiffers, match="around"):
            verify_composed(changed, plan)


def test_an_attachment_that_is_not_the_planned_one_is_never_let_out() -> None:
    file = attached(b"report")
    plan = plan_of(wanted(attachments=(file,)))
    with pytest.raises(ComposedDiffers, match="attachment"):
        verify_composed(compose(plan, {file.handle: b"repork"}), plan)


ANY = st.text(st.characters(), max_size=200) | st.text("=?utf-8bq \r\n.\t<>,;:@\"\\'", max_size=80)
READABLE = st.text(st.characters(exclude_categories=["C", "Zl", "Zp"]), max_size=80)


@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(subject=ANY, name=ANY, body=ANY, file_name=READABLE, html=st.none() | READABLE)
def test_any_text_is_refused_by_name_or_arrives_as_it_was(
    subject: str, name: str, body: str, file_name: str, html: str | None
) -> None:
    file = attached(body.encode("utf-8", "replace"), file_name or "x")
    mail = wanted(
        subject=subject, body=body, html=html, to=(Address("bob@example.com", name),), attachments=(file,)
    )  # fmt: skip
    try:
        plan, raw = composed(mail, {file.handle: body.encode("utf-8", "replace")})
    except (BadContent, MailTooLarge):
        return
    message = parsed(raw)
    assert header_names(raw) == expected_names(plan)
    assert message["Subject"] == subject
    assert plan.wanted.to[0].name == " ".join(name.split())
    assert text(message).rstrip("\n") == body.replace("\r\n", "\n").replace("\r", "\n").rstrip("\n")
    assert [one.get_filename() for one in message.iter_attachments()] == [file.name]


@settings(max_examples=60, deadline=None)
@given(READABLE, READABLE, READABLE)
def test_readable_text_is_never_refused(subject: str, name: str, body: str) -> None:
    composed(
        wanted(
            subject=subject.replace("=?", ""),
            body=body,
            to=(Address("bob@example.com", name.replace("=?", "")),),
        )
    )


def test_html_is_an_alternative_and_files_follow() -> None:
    files = (attached(b"\0\1\2" * 1000, "data.bin", "application/octet-stream"), attached(b"x"))
    contents = {files[0].handle: b"\0\1\2" * 1000, files[1].handle: b"x"}
    _, raw = composed(
        wanted(body="Héllo\n", html="<p>Héllo</p>", attachments=files, in_reply_to="0@example.org",
               references=("a@example.org", "0@example.org"), cc=(Address("c@example.org", "Ćć, C"),)),
        contents,
    )  # fmt: skip
    message = parsed(raw)
    assert (text(message), text(message, "html")) == ("Héllo", "<p>Héllo</p>")
    assert [part.get_content_type() for part in message.walk()] == [
        "multipart/mixed", "multipart/alternative", "text/plain", "text/html", "application/octet-stream", "text/plain",
    ]  # fmt: skip
    assert message["References"] == "<a@example.org> <0@example.org>"
    assert all(len(line) <= 76 for line in raw.split(b"\r\n"))


def test_two_wishes_for_the_same_mail_have_one_digest_and_others_another() -> None:
    def digest(mail: Wanted) -> str:
        return planned(mail, ADA_ADDRESS, None, GENEROUS).digest

    carol = Address("carol@example.net")
    same = wanted(to=(Address("bob@example.com", "Bob"), carol), subject="Z\u00fcrich")
    assert digest(same) == digest(
        replace(same, to=(carol, Address("BOB@example.com", "Bob")), subject="Zu\u0308rich")
    )
    assert digest(same) == digest(replace(same, cc=(carol,), body="At noon?\r\n"))
    for change in (
        {"subject": "Dinner"}, {"body": "At one?"}, {"to": (carol,)}, {"bcc": (Address("x@example.org"),)},
        {"html": "<p>x</p>"}, {"account": "home"}, {"in_reply_to": "0@example.org"},
        {"to": (Address("bob@example.com", "Robert"), carol)},
        {"attachments": (attached(b"x"),)}, {"to": (), "cc": (carol, Address("bob@example.com", "Bob"))},
    ):  # fmt: skip
        assert digest(replace(same, **change)) != digest(same), change


@pytest.mark.parametrize(
    ("change", "limit"),
    [
        ({"to": tuple(Address(f"{n}@example.com") for n in range(21))}, "recipients"),
        ({"body": "x" * 1024 * 1024}, "body_bytes"),
        ({"attachments": tuple(attached(bytes([n]), f"{n}.txt") for n in range(11))}, "attachments"),
        ({"attachments": (replace(attached(b"x"), size=5 * 1024 * 1024 + 1),)}, "attachment_bytes"),
        ({"attachments": (replace(attached(b"x"), size=5 * 1024 * 1024),) * 2}, "mail_bytes"),
    ],
)  # fmt: skip
def test_a_mail_beyond_a_limit_is_refused_with_the_limit(
    change: dict[str, Any], limit: str
) -> None:
    with pytest.raises(MailTooLarge) as refused:
        plan_of(wanted(**change))
    data = refused.value.as_result().structured_content
    assert data is not None
    assert data["details"]["limit"] == limit


def test_a_mail_to_nobody_is_refused() -> None:
    with pytest.raises(BadAddress):
        plan_of(wanted(to=()))


SMUGGLED = [
    f"Hi{end}MAIL FROM:<eve@example.net>{end}RCPT TO:<bob@example.com>{end}DATA{end}Smuggled{end}"
    for end in (
        "\r\n.\r\n", "\n.\n", "\r.\r", "\n.\r\n", "\r\n.\n", "\r.\n", "\n.\r", "\r\n.\r", "\r\n\r\n.\r\n\r\n",
    )
] + [
    ".", ".\n", "..", "\n.", ".\n.\n.\n", "\r\n.\r", "a\n.", "From me\n.From me\n", ".leading\n..two\n", " .\n",
]  # fmt: skip


def lines(body: str) -> str:
    return body.replace("\r\n", "\n").replace("\r", "\n").rstrip("\n")


class Kept:
    """What aiosmtpd took."""

    def __init__(self) -> None:
        self.mails: list[bytes] = []

    async def handle_DATA(self, _: SMTP, __: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's name
        assert isinstance(envelope.content, bytes)
        self.mails.append(envelope.content)
        return "250 Ok"


@asynccontextmanager
async def aiosmtpd_server() -> AsyncGenerator[tuple[int, list[bytes]]]:
    kept, port = Kept(), free_port()
    server = await asyncio.get_running_loop().create_server(
        lambda: SMTP(kept, hostname="localhost"), "127.0.0.1", port
    )
    yield port, kept.mails
    server.close()
    await server.wait_closed()


async def handed_over(raw: bytes, port: int) -> None:
    async def nothing() -> None:
        pass

    transport = SmtpTransport(Server(host="127.0.0.1", port=port, security="plain"))
    delivery = await transport.send("ada@example.org", ["bob@example.com"], raw, nothing)
    assert delivery.state == "sent", delivery


@pytest.mark.parametrize("is_lax", [False, True])
async def test_a_body_that_ends_the_mail_early_arrives_whole_as_one_mail(is_lax: bool) -> None:
    async with smtp_server() as server, aiosmtpd_server() as (port, taken):
        server.is_lax = is_lax
        for body in SMUGGLED:
            _, raw = composed(wanted(body=body))
            await handed_over(raw, server.port)
            await handed_over(raw, port)
            for arrived in (server.mails.pop().data, taken.pop()):
                assert lines(text(parsed(arrived))) == lines(body)
            assert (server.mails, taken) == ([], [])
    assert not any(one.startswith("smuggled") for one in server.commands)


async def test_the_transport_lets_no_bytes_end_the_mail_early() -> None:
    """Even those that no composer of ours wrote."""
    async with smtp_server() as server, aiosmtpd_server() as (port, taken):
        for body in SMUGGLED:
            raw = b"Subject: x\r\n\r\n" + body.encode()
            await handed_over(raw, server.port)
            await handed_over(raw, port)
            for arrived in (server.mails.pop().data, taken.pop()):
                assert lines(arrived.decode()) == lines(raw.decode())
            assert (server.mails, taken) == ([], [])


def test_a_nul_in_a_body_is_refused() -> None:
    for character in ("\0", "\x1a", "\x1b", "\x85", "\ud800"):
        with pytest.raises(BadContent, match="body"):
            plan_of(wanted(body=f"Hi{character}there"))


@pytest.mark.parametrize(
    ("html", "safe"),
    [
        ("<p>Hi <b>Bob</b></p>", "<p>Hi <b>Bob</b></p>"),
        ("a < b & c", "a &lt; b &amp; c"),
        ("<script>alert(1)</script>Hi", "Hi"),
        ("<img src=x onerror=alert(1)>Hi", "Hi"),
        ("<p onclick='x()' style='display:none' class=a id=b>Hi</p>", "<p>Hi</p>"),
        ("<a href='https://example.org/?a=1&b=2' target=_blank>x</a>", '<a href="https://example.org/?a=1&amp;b=2">x</a>'),
        ("<a href='javascript:alert(1)'>x</a>", "<a>x</a>"),
        ("<a href=' JaVaScRiPt:alert(1)'>x</a>", "<a>x</a>"),
        ("<a href='java\nscript:alert(1)'>x</a>", "<a>x</a>"),
        ("<a href='data:text/html,x'>x</a>", "<a>x</a>"),
        ("<a href='//example.org'>x</a>", "<a>x</a>"),
        ("<a href='mailto:ada@example.org'>x</a>", '<a href="mailto:ada@example.org">x</a>'),
        ("<a href='https://e.org/\"><img src=x>'>x</a>", '<a href="https://e.org/&quot;&gt;&lt;img src=x&gt;">x</a>'),
        ("<style>p{}</style><link rel=stylesheet href=x><p>Hi", "<p>Hi</p>"),
        ("<iframe src=x>no</iframe><object data=x>no</object>Hi", "Hi"),
        ("<svg><a href='javascript:1'>x</a><script>1</script></svg>Hi", "Hi"),
        ("<math><mtext><img src=x onerror=1></mtext></math>Hi", "Hi"),
        ("<template><b>x</b></template>Hi", "Hi"),
        ("<!-- x --><![CDATA[y]]>Hi<!doctype html>", "Hi"),
        ("<form action=x><input value=y><button>z</button></form>Hi", "Hi"),
        ("<center><font color=red>Hi</font></center>", "Hi"),
        ("<table><tr><td background=x>1</table>", "<table><tbody><tr><td>1</td></tr></tbody></table>"),
        ("<noscript><p title='</noscript><img src=x>'></noscript>Hi", "<p>Hi</p>"),
        ("<base href='https://example.net/'><meta http-equiv=refresh content=0>Hi", "Hi"),
        ("&lt;script&gt;", "&lt;script&gt;"),
        ("<br/><hr>", "<br><hr>"),
    ],
)  # fmt: skip
def test_html_that_goes_out_only_has_what_is_allowed(html: str, safe: str) -> None:
    assert safe_html(html) == safe
    assert safe_html(safe) == safe


def test_html_nested_beyond_reason_is_refused_before_it_is_parsed() -> None:
    for html in ("<div>" * 2000, "<b></x>" * 2000, "<div><b></div>" * 2000, "<B ><i/>" * 1000):
        with pytest.raises(BadContent, match="inside one another"):
            safe_html(html)
    rows = "<tr><td>1<td>2" * 5000 + "<p>x" * 5000 + "<div><b>x</b></div>" * 5000
    assert safe_html(f"<table>{rows}").count("<tr>") == 5000
    assert len(safe_html("<div>" * 500 + "x")) < 5_000


def test_the_words_of_html_are_its_words() -> None:
    assert text_of("<p>Hi <b>Bob</b></p><p>there</p><script>x</script>") == "Hi Bob there"


def test_a_large_mail_is_written_read_again_and_stuffed_in_a_few_times_its_size() -> None:
    contents = [hashlib.sha256(bytes([n])).digest() * 30_000 for n in range(3)]
    files = tuple(attached(content, f"{n}.bin") for n, content in enumerate(contents))
    plan = plan_of(wanted(body="At noon?\n" * 50_000, attachments=files))
    by_handle = {one.handle: content for one, content in zip(files, contents, strict=True)}
    tracemalloc.start()
    raw = compose(plan, by_handle)
    verify_composed(raw, plan)
    stuffed(raw)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(raw) > 4_000_000
    assert peak < 3.5 * len(raw)
