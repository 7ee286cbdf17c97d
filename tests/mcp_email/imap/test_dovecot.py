"""The mailbox on a real Dovecot: reading, searching, drafts, flags and trash, and what it leaves alone."""

import asyncio
import base64
import imaplib
import os
import re
import subprocess
import sys
import tempfile
import tracemalloc
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path

import pytest
from support.dovecot import PASSWORD, Dovecot
from support.proc import command_of, descendants_of, wait_until

from mcp_email.config import Account, Limits
from mcp_email.errors import BadContent, NoSuchMail
from mcp_email.imap.mailbox import ImapMailbox
from mcp_email.mail import Search
from shared.config_file import Secret
from shared.errors import BadSetup

STARTER = """
import signal
from support.dovecot import dovecot
with dovecot():
    print("started", flush=True)
    signal.pause()
"""


def mail(
    number: int | str = 1, *, subject: str = "Lunch", body: str = "At noon?", **headers: str
) -> bytes:
    message = EmailMessage()
    message["Message-ID"] = f"<{number}@example.org>"
    message["From"] = "Ada Lovelace <ada@example.org>"
    message["To"] = "Bob <bob@example.com>"
    message["Subject"] = subject
    for name, value in headers.items():
        message[name.replace("_", "-")] = value
    message.set_content(body)
    return message.as_bytes().replace(b"\n", b"\r\n")


@contextmanager
def other_program(server: Dovecot, user: str) -> Generator[imaplib.IMAP4]:
    """What somebody else does to the same mailbox."""
    client = imaplib.IMAP4("127.0.0.1", server.port)
    client.login(user, PASSWORD)
    yield client
    client.logout()


def put(server: Dovecot, user: str, folder: str, *mails: bytes, flags: str = "") -> None:
    with other_program(server, user) as client:
        for one in mails:
            client.append(folder, flags, "", one)


def fingerprint(server: Dovecot, user: str, *folders: str) -> list[str]:
    """Every mail with its UID, size and flags; \\Recent comes and goes by itself."""
    told: list[str] = []
    with other_program(server, user) as client:
        for folder in folders:
            client.select(folder, readonly=True)
            told.append(repr(client.uid("FETCH", "1:*", "(FLAGS RFC822.SIZE)")))
    return [re.sub(r" ?\\\\Recent", "", one) for one in told]


async def ids(mailbox: ImapMailbox, **search: object) -> list[str]:
    page = await mailbox.search(Search(**search), 100, None)  # pyright: ignore[reportArgumentType]
    return [one.message_id.removesuffix("@example.org") for one in page.mails]


async def only(mailbox: ImapMailbox, **search: object) -> str:
    (found,) = (await mailbox.search(Search(**search), 2, None)).mails  # pyright: ignore[reportArgumentType]
    return found.id


@pytest.mark.parametrize("security", ["plain", "starttls", "tls"])
async def test_one_signs_in_over_a_verified_line(server: Dovecot, user: str, security: str) -> None:
    mailbox = ImapMailbox("mail", server.account(user, security=security), Limits())
    await mailbox.start()
    assert await mailbox.problem() is None
    await mailbox.close()


async def test_a_certificate_nobody_vouches_for_gets_no_password(
    server: Dovecot, user: str
) -> None:
    for security in ("tls", "starttls"):
        config = server.account(user, security=security)
        assert config.imap is not None
        strange = config.model_copy(
            update={"imap": config.imap.model_copy(update={"ca_file": None})}
        )
        mailbox = ImapMailbox("mail", strange, Limits())
        with pytest.raises(
            BadSetup, match=r"certificate of 127\.0\.0\.1, port .* cannot be trusted"
        ):
            await mailbox.start()
        assert "cannot be trusted" in (await mailbox.problem() or "")
        await mailbox.close()
    assert f"user=<{user}>" not in server.log()


async def test_a_wrong_password_is_told_without_it(
    server: Dovecot, user: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAIL_PASSWORD", "s3cret-and-wrong")
    config = server.account(user).model_dump()
    config["imap"] |= {"password": Secret(env="MAIL_PASSWORD")}
    mailbox = ImapMailbox("mail", Account.model_validate(config), Limits())
    with pytest.raises(BadSetup, match="refused the user or the password") as told:
        await mailbox.start()
    assert "s3cret" not in str(told.value)
    await mailbox.close()


async def test_folders_have_their_roles_and_any_name(
    server: Dovecot, user: str, mailbox: ImapMailbox
) -> None:
    names = ["Pr&APw-fung/&ZeU- &- Co", '"Odd \\"quoted\\" {3}"', "Plain"]
    with other_program(server, user) as client:
        for name in names:
            client.create(f'"{name}"' if not name.startswith('"') else name)
    put(server, user, '"Pr&APw-fung/&ZeU- &- Co"', mail("odd"))
    folders = await mailbox.folders()
    roles = {folder.role: folder.name for folder in folders if folder.role}
    assert folders[0].name == "INBOX"
    assert roles == {"inbox": "INBOX", "sent": "Sent", "drafts": "Drafts", "trash": "Trash", "junk": "Junk",
                     "archive": "Archive"}  # fmt: skip
    by_name = {folder.name: folder for folder in folders}
    assert {"Prüfung/日 & Co", 'Odd "quoted" {3}', "Plain"} <= set(by_name)
    assert (by_name["Prüfung/日 & Co"].total, by_name["Prüfung/日 & Co"].unread) == (1, 1)
    assert await ids(mailbox, folder="Prüfung/日 & Co") == ["odd"]
    assert await ids(mailbox, folder='Odd "quoted" {3}') == []


async def test_a_search_finds_by_every_field_in_any_script_and_not_in_trash_and_junk(
    server: Dovecot, user: str, mailbox: ImapMailbox
) -> None:
    put(server, user, "INBOX",
        mail("plain", subject="Quarterly figures", body="Revenue grew."),
        mail("german", subject="Grüße aus Köln", body="Schöne Straße"),
        mail("japanese", subject="会議の予定", body="明日の十時です"),
        mail("copied", Cc="Zoë Ångström <zoe@example.net>", Bcc="hidden@example.net"))  # fmt: skip
    put(server, user, "INBOX", mail("read", subject="Old news"), flags="\\Seen")
    put(server, user, "Trash", mail("thrown", subject="Quarterly"))
    put(server, user, "Junk", mail("junk", subject="Quarterly"))
    put(server, user, "Sent", mail("sent", subject="Quarterly answer"))
    assert set(await ids(mailbox, text="quarterly")) == {"plain", "sent"}
    assert await ids(mailbox, text="revenue GREW") == ["plain"]
    assert await ids(mailbox, text='"revenue GREW"') == ["plain"]
    assert await ids(mailbox, text='"grew revenue"') == []
    assert await ids(mailbox, subject="grüsse".replace("ss", "ß")) == ["german"]
    assert await ids(mailbox, text="straße") == ["german"]
    assert await ids(mailbox, text="十時") == ["japanese"]
    assert await ids(mailbox, to="ångström") == ["copied"]
    assert await ids(mailbox, to="hidden@") == ["copied"]
    assert await ids(mailbox, unread=False) == ["read"]
    assert await ids(mailbox, folder="Trash") == ["thrown"]
    assert await ids(mailbox, sender="lovelace ada", subject="old") == ["read"]
    today = datetime.now(UTC).date()
    assert await ids(mailbox, text="grew", since=today - timedelta(days=2)) == ["plain"]
    assert await ids(mailbox, text="grew", before=today - timedelta(days=2)) == []
    with pytest.raises(NoSuchMail):
        await ids(mailbox, folder="Nowhere")


async def test_attachments_are_found_and_told(
    server: Dovecot, user: str, mailbox: ImapMailbox
) -> None:
    message = EmailMessage()
    message["Message-ID"] = "<file@example.org>"
    message["Subject"] = "Invoice"
    message.set_content("See the file.")
    message.add_alternative("<p>See the file.</p>", subtype="html")
    message.add_attachment(b"%PDF-1.4\0", "application", "pdf", filename="Rechnung Müller.pdf")
    put(server, user, "INBOX", message.as_bytes(), mail("none"))
    assert await ids(mailbox, has_attachment=True) == ["file"]
    assert await ids(mailbox, has_attachment=False) == ["none"]
    outline = await mailbox.outline(await only(mailbox, subject="Invoice"))
    assert outline.summary.has_attachments
    assert [(p.number, p.media_type, p.name, p.is_attachment) for p in outline.parts] == [
        ("1.1", "text/plain", "", False),
        ("1.2", "text/html", "", False),
        ("2", "application/pdf", "Rechnung Müller.pdf", True),
    ]
    assert await mailbox.part(outline.summary.id, "2", 100) == (b"%PDF-1.4\0", False)
    assert await mailbox.part(outline.summary.id, "2", 4) == (b"%PDF", True)
    assert (await mailbox.part(outline.summary.id, "1.1", 100))[0].strip() == b"See the file."
    for number in ("3", "1", "", "2<0.9>", "2]", "HEADER", "1.1 (FLAGS"):
        with pytest.raises(NoSuchMail):
            await mailbox.part(outline.summary.id, number, 100)


async def test_pages_hold_every_mail_once_while_new_ones_come(
    server: Dovecot, user: str, mailbox: ImapMailbox
) -> None:
    server.deliver(user, [mail(number) for number in range(900)])
    put(server, user, "Archive", *(mail(f"old{number}") for number in range(5)))
    first = await mailbox.search(Search(), 100, None)
    put(server, user, "INBOX", mail("new"))
    found, cursor = list(first.mails), first.next_cursor
    while cursor is not None:
        page = await mailbox.search(Search(), 100, cursor)
        found += page.mails
        cursor = page.next_cursor
    numbers = [one.message_id.removesuffix("@example.org") for one in found]
    assert numbers == [*sorted(numbers[:5], reverse=True), *map(str, range(899, -1, -1))]
    assert numbers[:5] == [f"old{number}" for number in range(4, -1, -1)]
    assert first.mails[5].snippet == "At noon?"
    assert "new" in (await ids(mailbox))[:6]  # Of the same second as the five.
    for cursor in ("", "x", "e30=", "W10=", str(first.next_cursor)[:-4]):
        with pytest.raises(NoSuchMail):
            await mailbox.search(Search(), 5, cursor)
    with pytest.raises(NoSuchMail):
        await mailbox.search(Search(subject="Lunch"), 5, first.next_cursor)


async def test_a_conversation_is_found_over_folders(
    server: Dovecot, user: str, mailbox: ImapMailbox
) -> None:
    put(server, user, "INBOX", mail("a"), mail("other"))
    put(
        server, user, "Sent", mail("b", In_Reply_To="<a@example.org>", References="<a@example.org>")
    )
    put(server, user, "Archive",
        mail("c", In_Reply_To="<b@example.org>", References="<a@example.org> <b@example.org>"))  # fmt: skip
    put(server, user, "INBOX", mail("d", In_Reply_To="<c@example.org>"))
    put(server, user, "Trash", mail("e", In_Reply_To="<c@example.org>"))
    for member in "abcd":
        (start,) = await mailbox.find(f"{member}@example.org")
        thread = await mailbox.thread(start.id, 10)
        assert sorted(one.message_id[0] for one in thread) == list("abcd"), member
        assert len(await mailbox.thread(start.id, 2)) == 2
    assert [one.folder for one in await mailbox.find("e@example.org")] == ["Trash"]
    assert await mailbox.find("example.org") == []


async def test_reading_changes_nothing(server: Dovecot, user: str, mailbox: ImapMailbox) -> None:
    put(server, user, "INBOX", mail(1, subject="Grüße"), mail(2, In_Reply_To="<1@example.org>"))
    put(server, user, "Sent", mail(3))
    before = fingerprint(server, user, "INBOX", "Sent")
    await mailbox.folders()
    for search in (
        Search(),
        Search(text="noon grüße"),
        Search(has_attachment=False),
        Search(unread=True),
    ):
        await mailbox.search(search, 10, None)
    (found,) = await mailbox.find("1@example.org")
    await mailbox.outline(found.id)
    await mailbox.part(found.id, "1", 100)
    await mailbox.thread(found.id, 10)
    await mailbox.written_to(["bob@example.com"])
    assert fingerprint(server, user, "INBOX", "Sent") == before
    assert "Seen" not in repr(before)


HOSTILE = [
    "x\r\na1 LOGOUT",
    "x\r\na2 UID STORE 1:* +FLAGS (\\Deleted)",
    '" ALL',
    '\\" OR ALL',
    "{5}",
    "{5+}\r\nhello",
    ") (ALL",
    "* BYE",
    "\\Seen",
    "]<0.99>",
    "%*",
    "\x01\x7f",
    "\u2028qqq",
]


@pytest.mark.parametrize("hostile", HOSTILE)
async def test_no_text_becomes_a_command(
    server: Dovecot, user: str, mailbox: ImapMailbox, hostile: str
) -> None:
    put(server, user, "INBOX", mail(1), mail(2))
    word = hostile.split(maxsplit=1)[0]
    if word.isprintable():
        put(server, user, "INBOX", mail("it", subject=f"Odd {word} end"))
    before = fingerprint(server, user, "INBOX", "Sent", "Trash")
    for field in ("text", "sender", "to", "subject"):
        found = await ids(mailbox, **{field: hostile})
        assert set(found) <= {"it"}, field
    if word.isprintable():
        assert await ids(mailbox, subject=word) == ["it"]
    assert await mailbox.find(hostile) == []
    assert await mailbox.written_to([hostile]) == frozenset()
    for call in (mailbox.outline(hostile), mailbox.discard_draft(hostile), mailbox.thread(hostile, 5),
                 mailbox.move_to_trash([hostile]), mailbox.set_flags([hostile], add=["seen"], remove=[]),
                 mailbox.search(Search(folder=hostile), 5, None)):  # fmt: skip
        with pytest.raises(NoSuchMail):
            await call
    assert fingerprint(server, user, "INBOX", "Sent", "Trash") == before
    assert len(await ids(mailbox)) == 2 + word.isprintable()


@pytest.mark.usefixtures("server")
async def test_a_nul_is_refused_by_name(mailbox: ImapMailbox) -> None:
    for field in ("text", "sender", "to", "subject"):
        with pytest.raises(BadContent, match=f"{field} contains a NUL"):
            await ids(mailbox, **{field: "a\0b"})
    with pytest.raises(NoSuchMail):
        await ids(mailbox, folder="INBOX\0")
    assert await mailbox.find("a\0b") == []


async def test_a_received_message_id_with_line_breaks_is_none(
    server: Dovecot, user: str, mailbox: ImapMailbox
) -> None:
    evil = b"Message-ID: <x@y>\r\n\ta1 UID STORE 1:* +FLAGS (\\Deleted)\r\nReferences: <a\r\n b@c> <{9+}@z>\r\n"
    put(server, user, "INBOX", evil + b"Subject: Evil\r\n\r\nHello\r\n", mail(1))
    before = fingerprint(server, user, "INBOX")
    found = await only(mailbox, subject="Evil")
    assert [one.subject for one in await mailbox.thread(found, 10)] == ["Evil"]
    assert fingerprint(server, user, "INBOX") == before


async def test_ids_are_of_this_folder_as_it_is_now(
    server: Dovecot, user: str, mailbox: ImapMailbox
) -> None:
    with other_program(server, user) as client:
        client.create("Short")
    put(server, user, "Short", mail(1))
    found = await only(mailbox, folder="Short")
    key, validity, uid = found.split("-")
    for wrong in (f"{key}-{int(validity) + 1}-{uid}", f"{key}-{validity}-99", f"{'0' * 16}-{validity}-{uid}",
                  f"{key}-{validity}-0", f"{key}-{validity}-1,2", f"{key}-{validity}-1:*", f"{key}-{validity}-*",
                  f"{key}-{validity}-4294967296", f"{found}\n", "", "INBOX-1-1"):  # fmt: skip
        with pytest.raises(NoSuchMail):
            await mailbox.outline(wrong)
        with pytest.raises(NoSuchMail):
            await mailbox.move_to_trash([wrong])
    with other_program(server, user) as client:
        client.delete("Short")
        client.create("Short")
    put(server, user, "Short", mail(2))
    with pytest.raises(NoSuchMail):
        await mailbox.outline(found)


async def test_somebody_elses_mails_are_not_there(
    server: Dovecot, user: str, mailbox: ImapMailbox
) -> None:
    put(server, user, "INBOX", mail(1))
    found = await only(mailbox)
    other = ImapMailbox("mail", server.account(f"{user}-other"), Limits())
    with pytest.raises(NoSuchMail):
        await other.outline(found)
    assert await ids(other) == []
    await other.close()


async def test_a_draft_is_kept_replaced_and_discarded_and_no_other_mail_goes(
    server: Dovecot, user: str, mailbox: ImapMailbox
) -> None:
    put(server, user, "Drafts", mail("mine"), mail("marked"))
    put(server, user, "INBOX", mail("inbox"))
    with other_program(server, user) as client:
        client.select("Drafts")
        client.store("2", "+FLAGS", "\\Deleted")
    first = await mailbox.save_draft(mail("v1", subject="Version 1"), None)
    second = await mailbox.save_draft(mail("v2", subject="Version 2"), first)
    with pytest.raises(NoSuchMail):
        await mailbox.outline(first)
    with pytest.raises(NoSuchMail):
        await mailbox.save_draft(mail("v3"), first)
    with pytest.raises(NoSuchMail):
        await mailbox.save_draft(mail("v3"), await only(mailbox, folder="INBOX"))
    with pytest.raises(NoSuchMail):
        await mailbox.discard_draft(await only(mailbox, folder="INBOX"))
    assert set(await ids(mailbox, folder="Drafts")) == {"mine", "v2"}
    assert (await mailbox.outline(second)).summary.subject == "Version 2"
    await mailbox.discard_draft(second)
    with pytest.raises(NoSuchMail):
        await mailbox.discard_draft(second)
    told = repr(fingerprint(server, user, "Drafts", "INBOX"))
    assert told.count("UID") == 3
    assert told.count("Deleted") == 1  # Somebody else marked it and has not expunged it yet.


async def test_what_was_sent_is_kept_once(server: Dovecot, user: str, mailbox: ImapMailbox) -> None:
    await asyncio.gather(*(mailbox.keep_sent(mail("s")) for _ in range(5)))
    await mailbox.keep_sent(mail("s2"))
    put(server, user, "Sent", mail("by-the-server"))
    await mailbox.keep_sent(mail("by-the-server"))
    assert sorted(await ids(mailbox, folder="Sent")) == ["by-the-server", "s", "s2"]
    assert repr(fingerprint(server, user, "Sent")).count("Seen") == 2


async def test_who_was_written_to_is_known_exactly(
    server: Dovecot, user: str, mailbox: ImapMailbox
) -> None:
    put(server, user, "Sent", mail(1, Cc="Carol@Example.net", Bcc="dan@example.net"))
    put(server, user, "INBOX", mail(2, Cc="inbox@example.net"))
    known = frozenset({"bob@example.com", "carol@example.net", "dan@example.net"})
    asked = ["ob@example.com", "inbox@example.net", *known]
    assert await mailbox.written_to(asked) == known
    assert await mailbox.written_to(["bob@example.com"]) == {"bob@example.com"}


async def test_flags_and_trash_reach_exactly_the_mails_named(
    server: Dovecot, user: str, mailbox: ImapMailbox
) -> None:
    put(server, user, "INBOX", mail(1), mail(2), mail(3))
    put(server, user, "Archive", mail(4), mail(5))
    by_number = {
        one.message_id[0]: one.id for one in (await mailbox.search(Search(), 10, None)).mails
    }
    await mailbox.set_flags([by_number["1"], by_number["4"]], add=["seen", "flagged"], remove=[])
    await mailbox.set_flags([by_number["4"]], add=[], remove=["flagged"])
    flags = {
        one.message_id[0]: set(one.flags)
        for one in (await mailbox.search(Search(), 10, None)).mails
    }
    assert flags == {"1": {"seen", "flagged"}, "2": set(), "3": set(), "4": {"seen"}, "5": set()}
    before = fingerprint(server, user, "INBOX", "Archive", "Trash")
    gone = by_number["1"].rpartition("-")[0] + "-77"
    for call in (mailbox.move_to_trash([by_number["1"], gone]),
                 mailbox.set_flags([by_number["2"], gone], add=["seen"], remove=[])):  # fmt: skip
        with pytest.raises(NoSuchMail):
            await call
    assert fingerprint(server, user, "INBOX", "Archive", "Trash") == before
    await mailbox.move_to_trash([by_number["1"], by_number["5"]])
    assert sorted(await ids(mailbox)) == ["2", "3", "4"]
    assert sorted(await ids(mailbox, folder="Trash")) == ["1", "5"]
    (thrown,) = await mailbox.find("1@example.org")
    await mailbox.move_to_trash([thrown.id])
    assert sorted(await ids(mailbox, folder="Trash")) == ["1", "5"]


async def test_a_mail_that_one_connection_found_is_there_for_the_other(
    server: Dovecot, user: str, mailbox: ImapMailbox
) -> None:
    put(server, user, "INBOX", mail(1))
    await asyncio.gather(*(mailbox.search(Search(folder="INBOX"), 10, None) for _ in range(2)))
    put(server, user, "INBOX", mail(2, subject="New"))
    found = await only(mailbox, subject="New")
    outlines = await asyncio.gather(*(mailbox.outline(found) for _ in range(2)))
    assert {one.summary.subject for one in outlines} == {"New"}
    put(server, user, "INBOX", mail(3, subject="Newer"))
    found = await only(mailbox, subject="Newer")
    await asyncio.gather(*(mailbox.set_flags([found], add=["seen"], remove=[]) for _ in range(2)))


async def test_a_mail_that_was_met_elsewhere_has_a_snippet_in_a_search(
    server: Dovecot, user: str, mailbox: ImapMailbox
) -> None:
    put(server, user, "INBOX", mail(1), mail(2))
    await mailbox.find("1@example.org")
    for search in (Search(), Search(has_attachment=False)):
        page = await mailbox.search(search, 10, None)
        assert [one.snippet for one in page.mails] == ["At noon?", "At noon?"]


async def test_changes_by_others_are_seen(server: Dovecot, user: str, mailbox: ImapMailbox) -> None:
    put(server, user, "INBOX", mail(1), mail(2))
    assert len(await ids(mailbox)) == 2
    with other_program(server, user) as client:
        client.select("INBOX")
        client.store("1", "+FLAGS", "\\Seen")
        client.store("2", "+FLAGS", "\\Deleted")
        client.expunge()
    (left,) = (await mailbox.search(Search(), 10, None)).mails
    assert (left.message_id, left.flags) == ("1@example.org", {"seen"})


async def test_a_25_mb_mail_is_read_in_bounded_memory(
    server: Dovecot, user: str, mailbox: ImapMailbox
) -> None:
    head = (b"Message-ID: <big@example.org>\r\nSubject: Big\r\nMIME-Version: 1.0\r\n"
            b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nHi\r\n--b\r\n"
            b"Content-Type: application/octet-stream; name=x.bin\r\n"
            b"Content-Transfer-Encoding: base64\r\n\r\n")  # fmt: skip
    content = bytes(range(256)) * 256 * 4 * 70
    server.deliver(
        user, [head + base64.encodebytes(content).replace(b"\n", b"\r\n") + b"--b--\r\n"]
    )
    found = await only(mailbox)
    tracemalloc.start()
    outline = await mailbox.outline(found)
    assert [part.size > 24_000_000 for part in outline.parts] == [False, True]
    text, _ = await mailbox.part(found, "1", 10_000)
    first = await mailbox.part(found, "2", 1024 * 1024)
    small_peak = tracemalloc.get_traced_memory()[1]
    assert (text.strip(), first) == (b"Hi", (content[: 1024 * 1024], True))
    whole, is_more = await mailbox.part(found, "2", 25 * 1024 * 1024)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (whole == content, is_more) == (True, False)
    assert small_peak < 8 * 1024 * 1024
    assert peak < 3 * len(content)


async def test_a_cancelled_call_leaves_nothing_behind(
    server: Dovecot, user: str, mailbox: ImapMailbox
) -> None:
    server.deliver(user, [mail(number) for number in range(200)])
    await mailbox.start()
    for steps in range(0, 60, 3):
        call = asyncio.create_task(mailbox.search(Search(text="noon"), 50, None))
        for _ in range(steps):
            await asyncio.sleep(0)
        call.cancel()
        await asyncio.gather(call, return_exceptions=True)
    answers = await asyncio.gather(*(mailbox.search(Search(), 10, None) for _ in range(6)))
    assert {answer.mails[0].message_id for answer in answers} == {"199@example.org"}


@pytest.mark.usefixtures("server")
async def test_the_server_ends_with_the_process_that_started_it() -> None:
    with tempfile.TemporaryDirectory(prefix="t-") as folder:
        Path(folder).chmod(0o755)
        tests = await asyncio.create_subprocess_exec(
            sys.executable, "-c", STARTER, stdout=subprocess.PIPE,
            cwd=Path(__file__).parents[2], env={**os.environ, "TMPDIR": folder},
        )  # fmt: skip
        assert tests.stdout is not None
        assert await tests.stdout.readline() == b"started\n"
        started = descendants_of(tests.pid)
        assert any("dovecot" in command_of(pid) for pid in started)
        tests.kill()
        await tests.wait()
        wait_until(lambda: not any(map(command_of, started)), "nothing of Dovecot runs")
