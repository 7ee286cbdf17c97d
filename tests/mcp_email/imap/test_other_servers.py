"""The mailbox on servers that can do less than Dovecot, answer what is none, or go away in the middle."""

import asyncio
import base64
import time
import tracemalloc
from collections.abc import AsyncGenerator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from support.imap_server import Act, FakeImap, Session, drop, flood, imap_server, say, stall

from mcp_email.config import Account, Limits, OAuth, Server
from mcp_email.errors import MailboxAway, NoSuchMail
from mcp_email.imap.looking import ASCII_ONLY
from mcp_email.imap.mailbox import ImapMailbox
from mcp_email.mail import Search
from mcp_email.oauth import AccessTokens
from shared.config_file import Secret
from shared.errors import BadSetup

PASSWORD = 'pa ss"w{3}ord'


def mail(
    number: int | str, subject: str = "Lunch", more: str = "", body: str = "At noon?"
) -> bytes:
    return (
        f"Message-ID: <{number}@example.org>\r\nFrom: Ada <ada@example.org>\r\nTo: bob@example.com\r\n"
        f"Subject: {subject}\r\n{more}\r\n{body}\r\n"
    ).encode()


def mailbox_on(
    server: FakeImap,
    folder: Path,
    timeout_s: float = 20.0,
    clock: Callable[[], float] = time.monotonic,
) -> ImapMailbox:
    password = folder / "password"
    password.write_text(PASSWORD)
    imap = Server(
        host="127.0.0.1", port=server.port, security="plain", user="ada", timeout_s=timeout_s,
        password=Secret(file=password),
    )  # fmt: skip
    account = Account(address="ada@example.org", imap=imap)
    return ImapMailbox("mail", account, Limits(), clock=clock)


@pytest.fixture
async def fake() -> AsyncGenerator[FakeImap]:
    async with imap_server() as server:
        yield server


@pytest.fixture
async def mailbox(fake: FakeImap, tmp_path: Path) -> AsyncGenerator[ImapMailbox]:
    opened = mailbox_on(fake, tmp_path)
    yield opened
    await opened.close()


async def ids(mailbox: ImapMailbox, **search: object) -> list[str]:
    page = await mailbox.search(Search(**search), 100, None)  # pyright: ignore[reportArgumentType]
    return [one.message_id.removesuffix("@example.org") for one in page.mails]


async def test_where_only_ascii_is_understood_the_rest_is_looked_for_here(
    fake: FakeImap, mailbox: ImapMailbox
) -> None:
    fake.is_ascii_only = True
    fake.put("INBOX", mail(1, "=?utf-8?q?Gr=C3=BC=C3=9Fe?= from Rome"), mail(2, "Greetings from Rome"),
             mail(3, body="Schöne Straße in Rome"), mail(4, "Rome"))  # fmt: skip
    assert await ids(mailbox, subject="Rome GRÜSSE") == ["1"]
    assert await ids(mailbox, text="Rome straße") == ["3"]
    page = await mailbox.search(Search(text="straße"), 10, None)
    assert page.notes == (ASCII_ONLY,)
    assert sum("CHARSET" in command for command in fake.commands) == 1
    assert not (await mailbox.search(Search(text="Rome"), 10, None)).notes


async def test_pages_go_on_where_every_folder_was_looked_through(
    fake: FakeImap, mailbox: ImapMailbox
) -> None:
    fake.is_ascii_only = True
    fake.put("INBOX", *(mail(f"i{n}", "Grüße" if n % 90 == 0 else "No") for n in range(400)))
    fake.put("Sent Items", *(mail(f"s{n}", "Grüße") for n in range(30)))
    found, cursor, is_first = list[str](), None, True
    while is_first or cursor is not None:
        page = await mailbox.search(Search(subject="grüße"), 7, cursor)
        found += [one.message_id.removesuffix("@example.org") for one in page.mails]
        cursor, is_first = page.next_cursor, False
    wanted = {*(f"i{n}" for n in range(0, 400, 90)), *(f"s{n}" for n in range(30))}
    assert (set(found), len(found)) == (wanted, len(wanted))


async def test_the_newest_come_first_though_old_mails_were_put_into_a_folder_last(
    fake: FakeImap, mailbox: ImapMailbox
) -> None:
    noon = datetime(2026, 11, 20, 12, tzinfo=UTC)
    days = [*range(300), *range(5_000, 5_500), *[3_000] * 400]
    for number, day in enumerate(days):
        fake.put("INBOX", mail(number), received=noon - timedelta(days=day))
    wanted = sorted(range(len(days)), key=lambda number: (days[number], -number))
    found, cursor = list[str](), None
    for _ in range(20):
        page = await mailbox.search(Search(), 100, cursor)
        found += [one.message_id.removesuffix("@example.org") for one in page.mails]
        cursor = page.next_cursor
        if cursor is None:
            break
    assert found == [str(number) for number in wanted]


async def test_words_of_a_server_that_look_like_a_literal_are_words(
    fake: FakeImap, mailbox: ImapMailbox
) -> None:
    fake.put("INBOX", mail(1))
    fake.when("UID SEARCH", say("* OK [ALERT] Be brief {5}", "{tag} NO Nothing like {7}"))
    with pytest.raises(MailboxAway, match="refused what was asked"):
        await mailbox.search(Search(folder="INBOX"), 10, None)
    assert await ids(mailbox) == ["1"]
    assert fake.connections == 1


async def test_without_a_sent_folder_nobody_was_written_to(
    fake: FakeImap, mailbox: ImapMailbox
) -> None:
    del fake.folders["Sent Items"]
    assert await mailbox.written_to(["bob@example.com"]) == frozenset()


async def test_roles_come_from_names_where_the_server_tells_none(
    fake: FakeImap, mailbox: ImapMailbox
) -> None:
    fake.capabilities = "IMAP4rev1 AUTH=PLAIN"
    fake.folders |= {"Gesendet": [], "Work/Drafts": [], "Papierkorb": [], "Spam": [], "Archiv": []}
    del fake.folders["Trash"], fake.folders["Sent Items"]
    roles = {folder.name: folder.role for folder in await mailbox.folders()}
    assert roles == {"INBOX": "inbox", "Drafts": "drafts", "Work/Drafts": None, "Gesendet": "sent",
                     "Papierkorb": "trash", "Spam": "junk", "Archiv": "archive"}  # fmt: skip


async def test_the_servers_word_on_roles_counts_more_than_names(
    fake: FakeImap, mailbox: ImapMailbox
) -> None:
    fake.folders["Outbox"] = []
    fake.uses = {"Outbox": "\\HasNoChildren \\Sent", "Trash": "\\Noselect"}
    roles = {folder.name: folder.role for folder in await mailbox.folders()}
    assert roles == {"INBOX": "inbox", "Outbox": "sent", "Sent Items": None, "Drafts": "drafts"}
    with pytest.raises(NoSuchMail, match="no folder for trash"):
        await mailbox.move_to_trash(["0" * 16 + "-7-1"])


async def test_gmails_mails_are_found_once(fake: FakeImap, mailbox: ImapMailbox) -> None:
    fake.capabilities += " X-GM-EXT-1"
    fake.folders["All"] = []
    fake.uses["All"] = "\\All"
    for folder in ("INBOX", "All"):
        fake.put(folder, mail(1))
    fake.put("All", mail(2))
    fake.put("Trash", mail(3))
    assert await ids(mailbox) == ["2", "1"]
    fake.capabilities = fake.capabilities.replace("X-GM-EXT-1", "")


@pytest.mark.parametrize(
    "without", ["MOVE", "UIDPLUS", "MOVE UIDPLUS", "MOVE UIDPLUS LITERAL+ SASL-IR"]
)
async def test_nothing_but_the_mails_named_goes_whatever_is_missing(
    fake: FakeImap, mailbox: ImapMailbox, without: str
) -> None:
    for one in without.split():
        fake.capabilities = fake.capabilities.replace(f" {one}", "")
    fake.put("INBOX", mail(1, "One"), mail(2, "Two"))
    fake.put("INBOX", mail(3, "Marked"), flags="\\Deleted")
    fake.put("Drafts", mail("d", "Draft"))
    fake.put("Drafts", mail("m", "Marked"), flags="\\Deleted")
    (one,) = (await mailbox.search(Search(subject="One"), 10, None)).mails
    await mailbox.move_to_trash([one.id])
    first = await mailbox.save_draft(mail("v1", "Version 1"), None)
    second = await mailbox.save_draft(mail("v2", "Version 2"), first)
    assert (await mailbox.outline(second)).summary.subject == "Version 2"
    assert await ids(mailbox, folder="INBOX") == ["2"]
    assert await ids(mailbox, folder="Drafts") == ["v2", "d"]
    assert [subject for subject, _ in fake.mails("Trash")] == [b"One"]
    left = {
        subject: flags for folder in ("INBOX", "Drafts") for subject, flags in fake.mails(folder)
    }
    assert {b"Two", b"Draft", b"Version 2", b"Marked"} <= set(left)
    ours = {b"One", b"Version 1"}
    assert {one for one, flags in left.items() if "\\Deleted" in flags} - ours == {b"Marked"}
    assert not any(command.upper().split()[0] in {"EXPUNGE", "CLOSE"} for command in fake.commands)


async def test_no_uid_expunge_is_sent_that_was_not_offered(
    fake: FakeImap, mailbox: ImapMailbox
) -> None:
    fake.capabilities = fake.capabilities.replace(" UIDPLUS", "")
    draft = await mailbox.save_draft(mail("d", "Draft"), None)
    await mailbox.discard_draft(draft)
    assert not any("EXPUNGE" in command.upper() for command in fake.commands)
    with pytest.raises(NoSuchMail):
        await mailbox.discard_draft(draft)


BROKEN = [
    b"NIL",
    b"()",
    b"(())",
    b'("TEXT")',
    b'("TEXT" NIL NIL NIL NIL NIL NIL)',
    b'("TEXT" "PLAIN" ("CHARSET"',
    b"(" * 300 + b")" * 300,
    b'(NIL "ALTERNATIVE" NIL NIL NIL NIL)',
    b'("T XT" "PLAIN" NIL NIL NIL "8BIT" 5 1)',
    b"{5}\r\n(((((",
    b'"unfinished',
    b")",
]


@pytest.mark.parametrize("structure", BROKEN)
async def test_a_broken_structure_is_read_from_the_mail_itself(
    fake: FakeImap, mailbox: ImapMailbox, structure: bytes
) -> None:
    fake.structure = structure
    more = 'MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary="b"\r\n'
    body = "--b\r\nContent-Type: text/plain\r\n\r\nHello\r\n--b\r\nContent-Type: text/csv; name=a.csv\r\n" \
           "Content-Transfer-Encoding: base64\r\n\r\nYSxi\r\n--b--"  # fmt: skip
    fake.put("INBOX", mail(1, more=more, body=body))
    (found,) = (await mailbox.search(Search(), 10, None)).mails
    assert (found.message_id, found.subject) == ("1@example.org", "Lunch")
    outline = await mailbox.outline(found.id)
    assert [part.media_type for part in outline.parts] == ["text/plain", "text/csv"]
    assert await mailbox.part(found.id, "1", 100) == (b"Hello", False)
    assert await mailbox.part(found.id, "2", 2) == (b"a,", True)
    assert fake.mails("INBOX")[0][1] == set()


async def test_a_mail_whose_structure_is_refused_takes_it_from_no_other(
    fake: FakeImap, mailbox: ImapMailbox
) -> None:
    async def refuses_the_third(session: Session, tag: str) -> bool:
        _, _, uids, *items = fake.commands[-1].split()
        if "BODYSTRUCTURE)" not in items or not any(_holds(one, 3) for one in uids.split(",")):
            return True
        await session.write(f"{tag} NO Corrupt\r\n".encode())
        return False

    fake.put("INBOX", *(mail(number) for number in range(1, 8)))
    fake.when("UID FETCH", *[refuses_the_third] * 30)
    page = await mailbox.search(Search(folder="INBOX"), 10, None)
    snippets = {one.message_id[0]: one.snippet for one in page.mails}
    assert snippets == {str(number): "" if number == 3 else "At noon?" for number in range(1, 8)}


def _holds(run: str, uid: int) -> bool:
    first, _, last = run.partition(":")
    return int(first) <= uid <= int(last or first)


async def test_a_secret_that_is_gone_is_a_mailbox_that_is_away(
    fake: FakeImap, mailbox: ImapMailbox, tmp_path: Path
) -> None:
    (tmp_path / "password").unlink()
    with pytest.raises(MailboxAway, match="cannot be read") as told:
        await ids(mailbox)
    assert str(tmp_path) not in str(told.value)
    assert fake.connections == 1


async def test_a_structure_bomb_is_cut(fake: FakeImap, mailbox: ImapMailbox) -> None:
    leaf = b'("TEXT" "PLAIN" NIL NIL NIL "7BIT" 1 1)'
    wide, deep = b"(" + leaf * 900 + b' "MIXED")', b"(" * 120 + leaf + b' "MIXED")' * 120
    for number, structure in enumerate((wide, deep), start=1):
        fake.structure = structure
        fake.put("INBOX", mail(number))
        (found,) = await mailbox.find(f"{number}@example.org")
        outline = await mailbox.outline(found.id)
        assert outline.is_cut
        assert len(outline.parts) <= 200


WORDS: list[tuple[str, str, str, type[Exception]]] = [
    ("AUTHENTICATE", "{tag} NO [AUTHENTICATIONFAILED] no", "refused the user or the password", BadSetup),
    ("AUTHENTICATE", "{tag} NO no", "refused the user or the password", BadSetup),
    ("AUTHENTICATE", "{tag} NO [AUTHORIZATIONFAILED] no", "does not let this user", BadSetup),
    ("AUTHENTICATE", "{tag} NO [EXPIRED] no", "no longer valid", BadSetup),
    ("AUTHENTICATE", "{tag} NO [UNAVAILABLE] no", "cannot reach the mailbox now", MailboxAway),
    ("AUTHENTICATE", "{tag} NO [INUSE] locked", "locked by another program", MailboxAway),
    ("AUTHENTICATE", "{tag} NO [LIMIT] no", "no more connections", MailboxAway),
    ("AUTHENTICATE", "* BYE Too many connections from your address", "no more connections", MailboxAway),
    ("LIST", "{tag} NO [SERVERBUG] oh", "has a fault", MailboxAway),
    ("LIST", "{tag} BAD what", "refused what was asked", MailboxAway),
]  # fmt: skip


@pytest.mark.parametrize(("command", "answer", "says", "error"), WORDS)
async def test_what_the_server_refuses_is_told_in_words(
    fake: FakeImap,
    mailbox: ImapMailbox,
    command: str,
    answer: str,
    says: str,
    error: type[Exception],
) -> None:
    echoed = base64.b64encode(f"\0ada\0{PASSWORD}".encode()).decode()
    acts = [say(f"{answer} {PASSWORD} {echoed}\x1b[31m\u202e")]
    if "BYE" in answer:
        acts = [_then_cut(acts[0])]
    fake.when(command, *acts)
    with pytest.raises(error, match=says) as told:
        await mailbox.start()
    for secret in (PASSWORD, echoed, "\x1b", "\u202e"):
        assert secret not in str(told.value)
    if error is MailboxAway:
        await mailbox.start()  # Another try is another sign-in.


def _then_cut(act: Act) -> Act:
    async def both(session: object, tag: str) -> None:
        await act(session, tag)  # pyright: ignore[reportArgumentType]
        await drop()(session, tag)  # pyright: ignore[reportArgumentType]

    return both


async def test_a_bye_at_the_door_and_no_server_at_all(fake: FakeImap, tmp_path: Path) -> None:
    fake.greeting = "* BYE maximum number of connections"
    mailbox = mailbox_on(fake, tmp_path)
    with pytest.raises(MailboxAway, match="no more connections"):
        await mailbox.start()
    fake.greeting = "SSH-2.0-OpenSSH_9.6"
    with pytest.raises(MailboxAway, match="no IMAP"):
        await mailbox.start()
    fake.port = 1
    assert "cannot be reached" in (await mailbox_on(fake, tmp_path).problem() or "")


async def test_a_full_mailbox_takes_no_draft_and_loses_none(
    fake: FakeImap, mailbox: ImapMailbox
) -> None:
    draft = await mailbox.save_draft(mail("d", "Draft"), None)
    fake.when("APPEND", say("{tag} NO [OVERQUOTA] full"), say("{tag} NO [OVERQUOTA] full"))
    with pytest.raises(MailboxAway, match="The mailbox is full"):
        await mailbox.save_draft(mail("e"), draft)
    with pytest.raises(MailboxAway, match="The mailbox is full"):
        await mailbox.keep_sent(mail("s"))
    assert (await mailbox.outline(draft)).summary.subject == "Draft"


FAULTS: list[tuple[str, Callable[[], Act], str]] = [
    ("UID SEARCH", drop, "closed the connection"),
    ("UID SEARCH", stall, "did not answer in time"),
    ("UID SEARCH", lambda: flood(b"x" * 65_536), "more than a mail program can take"),
    ("UID SEARCH", lambda: flood(b"* OK still here\r\n" * 4_000), "more than a mail program can take"),
    ("UID SEARCH", lambda: flood(b"* OK " + b"x" * 30_000 + b"\r\n"), "more than a mail program can take"),
    ("UID SEARCH", lambda: say(b"* SEARCH {999999999}\r\n"), "more than a mail program can take"),
    ("UID SEARCH", lambda: say(b"* SEARCH {18446744073709551616}\r\n{tag} OK\r\n"), "no IMAP"),
    ("UID SEARCH", lambda: say("* SEARCH one two", "{tag} OK done"), "no IMAP"),
    ("UID SEARCH", lambda: say("zz OK done"), "no IMAP"),
    ("UID SEARCH", lambda: say("banana"), "no IMAP"),
    ("UID SEARCH", lambda: say("+ what"), "no IMAP"),
    ("UID FETCH", drop, "closed the connection"),
    ("UID FETCH", lambda: say(b"* 1 FETCH (UID 1 BODY[] {400000}\r\nabc"), "did not answer in time"),
    ("UID FETCH", lambda: say("* BYE shutting down"), "did not answer in time"),
    ("EXAMINE", lambda: say("{tag} OK done"), "cannot do this in that folder"),
    ("CAPABILITY", drop, "closed the connection"),
]  # fmt: skip


@pytest.mark.parametrize(("command", "fault", "says"), FAULTS)
async def test_a_fault_ends_the_call_and_not_the_mailbox(
    fake: FakeImap, tmp_path: Path, command: str, fault: Callable[[], Act], says: str
) -> None:
    fake.put("INBOX", mail(1))
    mailbox = mailbox_on(fake, tmp_path, timeout_s=0.5 if "in time" in says else 20)
    fake.when(command, fault())
    tracemalloc.start()
    with pytest.raises(MailboxAway, match=says):
        await mailbox.search(Search(folder="INBOX"), 10, None)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 64 * 1024 * 1024
    assert await ids(mailbox) == ["1"]
    await mailbox.close()


async def test_a_connection_that_was_closed_meanwhile_is_replaced(
    fake: FakeImap, mailbox: ImapMailbox
) -> None:
    fake.put("INBOX", mail(1))
    assert await ids(mailbox) == ["1"]
    fake.when("EXAMINE", drop())
    assert await ids(mailbox) == ["1"]
    assert fake.connections == 2


async def test_what_must_not_be_done_twice_is_not_tried_again(
    fake: FakeImap, mailbox: ImapMailbox
) -> None:
    await mailbox.start()
    fake.when("APPEND", drop())
    with pytest.raises(MailboxAway):
        await mailbox.save_draft(mail("d"), None)
    assert sum(command.startswith("APPEND") for command in fake.commands) == 1


async def test_two_connections_serve_many_calls(fake: FakeImap, mailbox: ImapMailbox) -> None:
    fake.put("INBOX", mail(1))
    found = await asyncio.gather(*(ids(mailbox) for _ in range(8)))
    assert found == [["1"]] * 8
    assert fake.connections == 2


@pytest.mark.parametrize("is_first", [True, False])
async def test_an_access_token_signs_in_and_a_refused_one_is_asked_for_anew(
    fake: FakeImap, tmp_path: Path, is_first: bool
) -> None:
    if not is_first:
        fake.capabilities = fake.capabilities.replace(" SASL-IR", "")
    refresh = tmp_path / "refresh"
    refresh.write_text("r3fresh")
    given = iter(["t0ken-1", "t0ken-2"])

    def token(_: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json={"access_token": next(given), "expires_in": 3600})

    oauth = OAuth(
        token_url="https://id.example/token", client_id="c", refresh_token=Secret(file=refresh)
    )
    imap = Server(host="127.0.0.1", port=fake.port, security="plain", user="ada", oauth=oauth)
    async with httpx.AsyncClient(transport=httpx.MockTransport(token)) as client:
        mailbox = ImapMailbox(
            "mail",
            Account(address="ada@example.org", imap=imap),
            Limits(),
            AccessTokens(oauth, client),
        )
        refusal = (
            b"+ eyJzdGF0dXMiOiI0MDEifQ==\r\n{tag} NO [AUTHENTICATIONFAILED] t0ken-1 is stale\r\n"
        )
        fake.when("AUTHENTICATE", say(refusal))
        with pytest.raises(BadSetup, match="refused the user") as told:
            await mailbox.start()
        assert "t0ken" not in str(told.value)
        await mailbox.start()
        sent = b"".join(fake.octets).partition(b" CAPABILITY")[2].split()
        second = base64.b64encode(b"user=ada\x01auth=Bearer t0ken-2\x01\x01")
        assert second in sent
        await mailbox.close()


async def test_login_sends_literals_where_plain_is_not_offered(
    fake: FakeImap, mailbox: ImapMailbox
) -> None:
    fake.capabilities = "IMAP4rev1"
    await mailbox.start()
    assert PASSWORD.encode() in fake.octets
    assert not any(PASSWORD.encode() in line and line != PASSWORD.encode() for line in fake.octets)


async def test_no_password_leaves_where_none_is_wanted_in_the_clear(
    fake: FakeImap, mailbox: ImapMailbox
) -> None:
    fake.capabilities = "IMAP4rev1 LOGINDISABLED"
    with pytest.raises(BadSetup, match="no sign-in with a password"):
        await mailbox.start()
    assert not any(PASSWORD.encode() in line for line in fake.octets)


async def test_a_refused_password_is_not_tried_again_for_a_while(
    fake: FakeImap, tmp_path: Path
) -> None:
    now = 0.0
    mailbox = mailbox_on(fake, tmp_path, clock=lambda: now)
    refusal = say("{tag} NO [AUTHENTICATIONFAILED] Wrong")
    fake.when("AUTHENTICATE", refusal, refusal)

    def tries() -> int:
        return sum(command.startswith("AUTHENTICATE") for command in fake.commands)

    for _ in range(3):
        with pytest.raises(MailboxAway, match="refused the user or the password"):
            await ids(mailbox)
    assert tries() == 1
    (tmp_path / "password").write_text("another")
    with pytest.raises(MailboxAway, match="refused the user or the password"):
        await ids(mailbox)
    assert tries() == 2
    now = 61.0
    assert await ids(mailbox) == []
    await mailbox.close()
