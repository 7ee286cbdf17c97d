"""The embedded mailbox: what the port promises, each person's apart, in one file that several processes use."""

import asyncio
import sqlite3
import subprocess
import sys
import tracemalloc
from collections.abc import AsyncGenerator, Awaitable, Callable
from datetime import date
from pathlib import Path

import pytest

from mcp_email.embedded.mailbox import EmbeddedMailbox
from mcp_email.embedded.store import EmbeddedStore
from mcp_email.errors import BadContent, MailboxAway, MailTooLarge, NoSuchMail
from mcp_email.mail import Search
from mcp_email.mailbox import Mailbox
from mcp_email.reading.text import text_of
from shared.errors import BadSetup

EVERYTHING = Search()
NOW_S = 1_790_000_000.0
"""On 21 September 2026."""


@pytest.fixture
async def store(tmp_path: Path) -> AsyncGenerator[EmbeddedStore]:
    opened = EmbeddedStore(tmp_path / "mail.db", lambda _owner, _now: [], lambda: NOW_S)
    opened.start()
    yield opened
    opened.close()


async def mailbox_of(store: EmbeddedStore, person: str, tenant: str = "t") -> EmbeddedMailbox:
    return await store.mailbox(
        tenant, person, "mailbox", f"{person}@tidewater.example", person.title()
    )


def mail(
    number: int | str, subject: str = "Lunch", body: str = "At noon?", **headers: str
) -> bytes:
    more = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    return (
        f"From: Eve <eve@example.org>\r\nTo: ada@tidewater.example\r\nSubject: {subject}\r\n"
        f"Message-ID: <{number}@example.org>\r\n{more}Content-Type: text/plain; charset=utf-8\r\n\r\n{body}\r\n"
    ).encode()


async def given(store: EmbeddedStore, *mails: bytes, to: str = "ada") -> list[str]:
    """Deliver them and give their ids in that order."""
    for one in mails:
        await store.deliver("eve@example.org", [f"{to}@tidewater.example"], one)
    found = await (await mailbox_of(store, to)).search(EVERYTHING, len(mails), None)
    return [one.id for one in reversed(found.mails)]


async def ids(mailbox: EmbeddedMailbox, search: Search) -> list[str]:
    return [
        one.message_id.partition("@")[0] for one in (await mailbox.search(search, 100, None)).mails
    ]


@pytest.mark.parametrize(
    ("search", "expected"),
    [
        (Search(text="harbor"), ["3", "1"]),
        (Search(text="HARB"), ["3", "1"]),
        (Search(text="arbo release"), ["3"]),
        (Search(text="release harbor"), ["3"]),
        (Search(text='"harbor release"'), []),
        (Search(text='"release of"'), ["3"]),
        (Search(text="strasse"), ["2"]),
        (Search(text="grusse"), ["2"]),
        (Search(text="会議"), ["2"]),
        (Search(text="会"), ["2"]),
        (Search(text="rb"), ["3", "1"]),
        (Search(text="an"), ["3", "1"]),
        (Search(text="et 議"), ["2"]),
        (Search(text="e", subject="n"), ["3"]),
        (Search(subject="an"), ["3"]),
        (Search(subject="et"), ["2"]),
        (Search(subject="t"), ["2"]),
        (Search(text="harbor qx"), []),
        (Search(text="qx"), []),
        (Search(text="q"), []),
        (Search(text="har\0bor"), []),
        (Search(text="zzz"), []),
        (Search(text='" OR body:harbor'), []),
        (Search(text="*"), []),
        (Search(text="%"), []),
        (Search(text="NEAR(harbor)"), []),
        (Search(sender="eve@"), ["3", "2", "1"]),
        (Search(sender="ada"), []),
        (Search(to="ada@tide"), ["3", "2", "1"]),
        (Search(subject="harbor"), ["1"]),
        (Search(subject="harbor", text="crane"), ["1"]),
        (Search(unread=False), []),
        (Search(unread=True), ["3", "2", "1"]),
        (Search(has_attachment=True), []),
        (Search(folder="Inbox"), ["3", "2", "1"]),
        (Search(folder="Sent"), []),
        (Search(since=date(2026, 9, 22)), []),
        (Search(before=date(2026, 9, 21)), []),
        (Search(since=date(2026, 9, 21), before=date(2026, 9, 22)), ["3", "2", "1"]),
    ],
)
async def test_a_search_finds_parts_of_words_in_any_case(
    store: EmbeddedStore, search: Search, expected: list[str]
) -> None:
    ada = await mailbox_of(store, "ada")
    await given(
        store,
        mail(1, "Harbor", "The crane."),
        mail(2, "Street", "Grüße aus der Straße, 会議"),
        mail(3, "Plan", "Release of Harbor."),
    )
    assert await ids(ada, search) == expected


async def test_what_a_replaced_draft_said_is_not_in_the_index_any_more(
    store: EmbeddedStore, tmp_path: Path
) -> None:
    ada = await mailbox_of(store, "ada")
    first = await ada.save_draft(mail(1, body="An early word."), None)
    await ada.save_draft(mail(2, body="A late word."), first)
    assert await ids(ada, Search(text="early")) == []
    assert await ids(ada, Search(text="late")) == ["2"]
    with sqlite3.connect(tmp_path / "mail.db") as connection:
        terms = {term for (term,) in connection.execute("SELECT term FROM letters")}
    assert "lat" in terms
    assert "ear" not in terms


async def test_pages_stay_where_they_were_while_mail_arrives(store: EmbeddedStore) -> None:
    ada = await mailbox_of(store, "ada")
    await given(store, *(mail(number) for number in range(10)))
    first = await ada.search(Search(text="noon"), 4, None)
    await given(store, mail("new"))
    second = await ada.search(Search(text="noon"), 4, first.next_cursor)
    third = await ada.search(Search(text="noon"), 4, second.next_cursor)
    seen = [one.message_id[0] for page in (first, second, third) for one in page.mails]
    assert seen == list("9876543210")
    assert third.next_cursor is None


async def test_more_words_than_are_looked_for_are_refused(store: EmbeddedStore) -> None:
    ada = await mailbox_of(store, "ada")
    words = " ".join(f"w{number}" for number in range(17))
    for field in ("text", "sender", "to", "subject"):
        with pytest.raises(BadContent, match=f"{field} has more than 16 words"):
            await ada.search(Search(**{field: words}), 10, None)  # pyright: ignore[reportArgumentType]
    phrase = Search(text=f'"{words}"')
    assert (await ada.search(phrase, 10, None)).mails == []


async def test_a_mail_is_found_with_its_headers_parts_and_text(store: EmbeddedStore) -> None:
    ada = await mailbox_of(store, "ada")
    (mail_id,) = await given(store, mail(1, "Grüße", "Zwölf\r\n\r\nMole"))
    outline = await ada.outline(mail_id)
    assert outline.summary.subject == "Grüße"
    assert outline.headers == mail(1, "Grüße").partition(b"\r\n\r\n")[0] + b"\r\n"
    assert outline.summary.snippet == "Zwölf Mole"
    assert (await text_of(ada, outline)).text == "Zwölf\n\nMole"
    assert outline.summary.flags == frozenset()


async def test_a_thread_holds_the_whole_conversation_and_nothing_else(store: EmbeddedStore) -> None:
    ada = await mailbox_of(store, "ada")
    _, reply, *_ = await given(
        store,
        mail(1, "Ship"),
        mail(2, "Re: Ship", In_Reply_To="<1@example.org>"),
        mail(3, "Ship"),
        mail(4, "Other subject", References="<missing@example.org>\r\n <2@example.org>"),
        mail(5, "Re: Ship", References="<missing@example.org>"),
    )
    await ada.keep_sent(mail(6, "Re: Ship", In_Reply_To="<2@example.org>"))
    found = [(one.message_id[0], one.folder) for one in await ada.thread(reply, 50)]
    assert found == [("1", "Inbox"), ("2", "Inbox"), ("4", "Inbox"), ("5", "Inbox"), ("6", "Sent")]
    assert [one.message_id[0] for one in await ada.thread(reply, 2)] == ["5", "6"]


async def test_replies_without_references_are_threaded_by_their_subject(
    store: EmbeddedStore,
) -> None:
    ada = await mailbox_of(store, "ada")
    first, reply, other = await given(
        store, mail(1, "Ship"), mail(2, "AW: Ship"), mail(3, "Shipping")
    )
    for one in (first, reply):
        assert [mail.message_id[0] for mail in await ada.thread(one, 9)] == ["1", "2"]
    assert [mail.message_id[0] for mail in await ada.thread(other, 9)] == ["3"]


async def test_drafts_are_replaced_and_discarded_and_nothing_else_is(store: EmbeddedStore) -> None:
    ada = await mailbox_of(store, "ada")
    (received,) = await given(store, mail(1))
    first = await ada.save_draft(mail("d1", "Draft"), None)
    second = await ada.save_draft(mail("d2", "Draft again"), first)
    assert await ids(ada, Search(folder="Drafts")) == ["d2"]
    assert await ids(ada, Search(text="draft")) == ["d2"]
    for gone in (first, received):
        with pytest.raises(NoSuchMail):
            await ada.discard_draft(gone)
        with pytest.raises(NoSuchMail):
            await ada.save_draft(mail("d3"), gone)
    await ada.discard_draft(second)
    assert await ids(ada, EVERYTHING) == ["1"]


async def test_a_sent_copy_is_kept_once_and_its_recipients_are_known(store: EmbeddedStore) -> None:
    ada = await mailbox_of(store, "ada")
    for _ in range(2):
        await ada.keep_sent(mail(1, Cc="Bob <Bob@Example.com>"))
    assert await ids(ada, Search(folder="Sent")) == ["1"]
    asked = {"bob@example.com", "BOB@example.com", "carol@example.com"}
    assert await ada.written_to(asked) == {"bob@example.com", "BOB@example.com"}
    (copy,) = await ada.find("1@example.org")
    assert copy.flags == {"seen"}
    await ada.move_to_trash([copy.id])
    assert await ada.written_to(asked) == frozenset()


async def test_flags_and_trash_change_all_or_nothing(store: EmbeddedStore) -> None:
    ada = await mailbox_of(store, "ada")
    one, two = await given(store, mail(1), mail(2))
    await ada.set_flags([one, two], add={"seen", "flagged"}, remove=())
    await ada.set_flags([two], add=(), remove={"flagged"})
    flags = [mail.flags for mail in (await ada.search(EVERYTHING, 9, None)).mails]
    assert flags == [{"seen"}, {"seen", "flagged"}]
    with pytest.raises(NoSuchMail):
        await ada.move_to_trash([one, "9-000000000000"])
    await ada.move_to_trash([one])
    assert await ids(ada, EVERYTHING) == ["2"]
    assert await ids(ada, Search(folder="Trash")) == ["1"]
    counted = {folder.name: (folder.total, folder.unread) for folder in await ada.folders()}
    assert counted["Inbox"] == (1, 0)
    assert counted["Trash"] == (1, 0)
    assert (await ada.outline(one)).summary.folder == "Trash"


Use = Callable[[EmbeddedMailbox, str], Awaitable[object]]
USES: dict[str, Use] = {
    "outline": lambda mailbox, mail_id: mailbox.outline(mail_id),
    "part": lambda mailbox, mail_id: mailbox.part(mail_id, "1", 100),
    "thread": lambda mailbox, mail_id: mailbox.thread(mail_id, 10),
    "save_draft": lambda mailbox, mail_id: mailbox.save_draft(mail("x"), mail_id),
    "discard_draft": lambda mailbox, mail_id: mailbox.discard_draft(mail_id),
    "set_flags": lambda mailbox, mail_id: mailbox.set_flags([mail_id], add={"seen"}, remove=()),
    "move_to_trash": lambda mailbox, mail_id: mailbox.move_to_trash([mail_id]),
    "search": lambda mailbox, mail_id: mailbox.search(EVERYTHING, 10, mail_id),
}
STRANGERS = [("bob", "t"), ("ada", "other")]


@pytest.mark.parametrize("stranger", STRANGERS, ids=["another person", "another tenant"])
@pytest.mark.parametrize("use", USES.values(), ids=USES)
async def test_nobody_can_use_the_ids_of_another_mailbox(
    store: EmbeddedStore, use: Use, stranger: tuple[str, str]
) -> None:
    ada, other = await mailbox_of(store, "ada"), await mailbox_of(store, *stranger)
    await given(store, mail(1), mail(2))
    draft = await ada.save_draft(mail("d"), None)
    page = await ada.search(EVERYTHING, 1, None)
    await store.deliver("eve@example.org", [other.address], mail(1))
    before = fingerprint(store)
    for mail_id in (
        draft,
        page.mails[0].id,
        page.next_cursor or "",
        "1",
        "",
        "1-",
        f"1-{'0' * 12}",
        "٣-x",
    ):
        with pytest.raises(NoSuchMail):
            await use(other, mail_id)
    assert fingerprint(store) == before


@pytest.mark.parametrize("stranger", STRANGERS, ids=["another person", "another tenant"])
async def test_nobody_finds_anything_of_another_mailbox(
    store: EmbeddedStore, stranger: tuple[str, str]
) -> None:
    ada, other = await mailbox_of(store, "ada"), await mailbox_of(store, *stranger)
    await given(store, mail(1, "Ship", In_Reply_To="<0@example.org>"))
    await ada.keep_sent(mail(2, "Re: Ship", In_Reply_To="<1@example.org>"))
    await store.deliver(
        "eve@example.org", [other.address], mail(3, "Ship", In_Reply_To="<1@example.org>")
    )
    for search in (EVERYTHING, Search(text="noon"), Search(text="no"), Search(sender="eve")):
        assert await ids(other, search) == ["3"]
    assert await other.find("1@example.org") == []
    assert await other.written_to(["ada@tidewater.example"]) == frozenset()
    (own,) = (await other.search(EVERYTHING, 9, None)).mails
    assert [one.message_id[0] for one in await other.thread(own.id, 9)] == ["3"]
    assert sum(folder.total or 0 for folder in await other.folders()) == 1
    assert await store.sent_outside(other, 9) == []
    await other.keep_sent(mail(2))
    assert await ids(ada, Search(folder="Sent")) == ["2"]


def fingerprint(store: EmbeddedStore) -> list[str]:
    connection = store._database._connect()  # pyright: ignore[reportPrivateUsage]
    try:
        return list(connection.iterdump())
    finally:
        connection.close()


async def test_it_is_a_mailbox_that_needs_no_connecting(store: EmbeddedStore) -> None:
    mailbox: Mailbox = await mailbox_of(store, "ada")
    await mailbox.start()
    assert await mailbox.problem() is None
    await mailbox.close()


async def test_a_file_that_is_none_is_said_in_words(tmp_path: Path) -> None:
    (tmp_path / "mail.db").write_bytes(b"not a database" * 500)
    with pytest.raises(BadSetup, match=r"mail\.db cannot be used"):
        EmbeddedStore(tmp_path / "mail.db").start()


async def test_an_address_is_given_out_once(store: EmbeddedStore) -> None:
    one = await store.mailbox("t", "1", "mailbox", "ada@tidewater.example", "Ada")
    two = await store.mailbox("t", "2", "mailbox", "ADA@tidewater.example", "Ada")
    again = await store.mailbox("t", "1", "mailbox", "changed@tidewater.example", "Ada")
    assert [one.address, two.address] == ["ada@tidewater.example", "ADA2@tidewater.example"]
    assert again.address == "ada@tidewater.example"


async def test_too_large_mails_and_full_mailboxes_are_refused_whole(
    store: EmbeddedStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada, bob = await mailbox_of(store, "ada"), await mailbox_of(store, "bob")
    with pytest.raises(MailTooLarge):
        await ada.save_draft(b"x" * (25 * 1024 * 1024 + 1), None)
    monkeypatch.setattr("mcp_email.embedded.rows.MAX_MAILBOX", 500)
    await given(store, mail(1), to="bob")
    with pytest.raises(MailboxAway, match="full"):
        await store.deliver(
            "eve@example.org", [ada.address, bob.address], mail(2, body="long " * 60)
        )
    assert await ids(ada, EVERYTHING) == []
    assert await ids(bob, EVERYTHING) == ["1"]


async def test_a_part_of_a_large_mail_is_read_without_the_rest(store: EmbeddedStore) -> None:
    ada = await mailbox_of(store, "ada")
    lines = b"QUJD" * 19 + b"\r\n"
    raw = (
        b"Message-ID: <1@example.org>\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nshort\r\n--b\r\n"
        b"Content-Type: application/zip\r\nContent-Transfer-Encoding: base64\r\n\r\n"
        + lines * (24 * 1024 * 1024 // len(lines))
        + b"--b--\r\n"
    )
    (mail_id,) = await given(store, raw)
    outline = await ada.outline(mail_id)
    tracemalloc.start()
    assert await ada.part(mail_id, "1", 100_000) == (b"short", False)
    content, is_cut = await ada.part(mail_id, "2", 100_000)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (content[:6], len(content), is_cut) == (b"ABCABC", 100_000, True)
    assert peak < 2 * 1024 * 1024
    assert outline.parts[1].is_attachment
    whole, is_cut = await ada.part(mail_id, "2", 25 * 1024 * 1024)
    assert (len(whole), is_cut) == (24 * 1024 * 1024 // len(lines) * 57, False)


async def test_a_new_mailbox_begins_with_the_same_believable_mails(tmp_path: Path) -> None:
    seen = list[list[tuple[str, str, str]]]()
    for name in ("one", "two"):
        store = EmbeddedStore(tmp_path / f"{name}.db", now_s=lambda: NOW_S)
        store.start()
        ada = await mailbox_of(store, "ada")
        mails = (await ada.search(EVERYTHING, 100, None)).mails
        seen.append([(one.subject, one.folder, one.received.isoformat()) for one in mails])
        assert {folder.role for folder in await ada.folders() if folder.total} == {
            "inbox", "sent", "drafts", "trash", "junk", "archive"
        }  # fmt: skip
        store.close()
    assert seen[0] == seen[1]
    assert len(seen[0]) >= 35


async def test_the_phishing_mail_is_told_by_its_signs(tmp_path: Path) -> None:
    store = EmbeddedStore(tmp_path / "mail.db")
    store.start()
    ada = await mailbox_of(store, "ada")
    (phish,) = (await ada.search(Search(text="overdue"), 9, None)).mails
    read = await text_of(ada, await ada.outline(phish.id), known_domains=["northwind.example"])
    store.close()
    assert read.signs == {
        "hidden_text_removed",
        "instruction_like",
        "lookalike_host",
        "reply_to_differs",
    }
    assert "assistant" not in read.text
    assert [link.host_mismatch for link in read.links] == [True]


WRITER = """
import asyncio, sys
from pathlib import Path
from mcp_email.embedded.store import EmbeddedStore

async def main(path, name):
    store = EmbeddedStore(Path(path), seeded=lambda owner, now: [])
    store.start()
    ada = await store.mailbox("t", "ada", "mailbox", "ada@tidewater.example", "Ada")
    for number in range(40):
        await store.deliver("", [ada.address], f"Message-ID: <{name}{number}@x.example>\\r\\n\\r\\nhello".encode())
    store.close()

asyncio.run(main(*sys.argv[1:]))
"""


async def test_two_processes_write_to_one_mailbox(tmp_path: Path) -> None:
    path = tmp_path / "mail.db"
    writers = [
        await asyncio.create_subprocess_exec(
            sys.executable, "-c", WRITER, str(path), name, stderr=subprocess.PIPE
        )
        for name in ("a", "b")
    ]
    for writer in writers:
        _, stderr = await writer.communicate()
        assert writer.returncode == 0, stderr
    store = EmbeddedStore(path)
    store.start()
    ada = await mailbox_of(store, "ada")
    mails = (await ada.search(EVERYTHING, 100, None)).mails
    store.close()
    assert sorted(one.message_id.partition("@")[0] for one in mails) == sorted(
        f"{name}{number}" for name in "ab" for number in range(40)
    )
    assert len({one.id for one in mails}) == 80
