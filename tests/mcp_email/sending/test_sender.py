"""A send as its callers see it: once per key, confirmed once, within the rules, and told truthfully."""

import asyncio
import errno
import sqlite3
import threading
from collections import Counter
from collections.abc import AsyncGenerator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import pytest
from support.sending import (
    ADA,
    ADA_ADDRESS,
    BOB,
    GENEROUS,
    Clock,
    MemoryMailbox,
    account_at,
    sender_in,
    wanted,
    yes,
)  # fmt: skip
from support.smtp_server import FaultServer, call, drop, say, smtp_server

from mcp_email.config import Limits
from mcp_email.confirmation import confirm_by_host
from mcp_email.errors import (
    KeyReused,
    LedgerAway,
    NoSuchMail,
    NotConfirmed,
    ProbableDuplicate,
    QuotaUsedUp,
    RecipientRefused,
    StillSending,
    StorageAway,
)
from mcp_email.mail import Address
from mcp_email.sending.ledger import Entry, Identity, Ledger, TakenOver
from mcp_email.sending.policy import AllowList
from mcp_email.sending.sender import Confirmation, Preview, Sender, SendingAccount, failure
from mcp_email.sending.store import Store
from mcp_email.sending.verify import ComposedDiffers
from shared.errors import BadSetup
from shared.service_tokens import Principal

DAY_S = 86_400


@dataclass
class Office:
    """A sender, its account, and the server that its mails go to."""

    server: FaultServer
    sender: Sender
    account: SendingAccount
    mailbox: MemoryMailbox
    clock: Clock
    folder: Path

    async def send(self, key: str | None = "k", confirm: Any = yes, **changes: Any) -> Any:
        return await self.sender.send(ADA, self.account, wanted(**changes), key, confirm)

    def again(self) -> Sender:
        """The same after a restart, or in another replica."""
        return sender_in(self.folder, self.clock)

    def state(self, table: str = "sends") -> list[tuple[Any, ...]]:
        connection = sqlite3.connect(self.folder / "ledger.db")
        try:
            return connection.execute(f"SELECT * FROM {table} ORDER BY 1").fetchall()
        finally:
            connection.close()


@pytest.fixture
async def office(tmp_path: Path) -> AsyncGenerator[Office]:
    clock, mailbox = Clock(), MemoryMailbox()
    async with smtp_server() as server:
        account = account_at(server.port, mailbox)
        yield Office(server, sender_in(tmp_path, clock), account, mailbox, clock, tmp_path)


async def no(_: Preview) -> Confirmation:
    return Confirmation(False, "no")


async def never(_: Preview) -> Confirmation:
    raise NotImplementedError


def saying(token: str) -> Any:
    async def confirm(_: Preview) -> Confirmation:
        return Confirmation(True, token)

    return confirm


async def test_a_send_delivers_keeps_a_copy_and_says_so(office: Office) -> None:
    result = await office.send()
    assert (result.status, result.accepted, result.replayed) == ("sent", (BOB.spec,), False)
    assert (result.rejected, result.unknown, result.sent_copy) == ((), (), "kept")
    assert office.server.delivered == {result.message_id: 1}
    assert office.mailbox.sent == [office.server.mails[0].data]
    assert not list((office.folder / "spool").iterdir())


async def test_the_same_call_again_hears_the_same_and_sends_nothing(office: Office) -> None:
    first = await office.send()
    for sender in (office.sender, office.again()):
        again = await sender.send(ADA, office.account, wanted(), "k", never)
        assert again == replace(first, replayed=True)
    assert len(office.server.mails) == 1


async def test_another_mail_under_the_same_key_is_refused(office: Office) -> None:
    await office.send()
    for sender in (office.sender, office.again()):
        with pytest.raises(KeyReused):
            await sender.send(ADA, office.account, wanted(subject="Other"), "k", never)
    assert len(office.server.mails) == 1


async def test_a_key_belongs_to_one_person_and_one_account(office: Office) -> None:
    await office.send()
    eve = Principal(subject="eve", tenant="home")
    ada_elsewhere = Principal(subject="ada", tenant="away")
    for caller, account in (
        (eve, office.account), (ada_elsewhere, office.account), (ADA, replace(office.account, name="home")),
    ):  # fmt: skip
        result = await office.sender.send(caller, account, wanted(account=account.name), "k", yes)
        assert not result.replayed
        with pytest.raises(NoSuchMail):
            await office.sender.status(eve, office.account, message_id=office.state()[0][6] + "x")
    assert len(office.server.delivered) == 4


async def test_twenty_calls_at_once_with_one_key_deliver_once(office: Office) -> None:
    results = await asyncio.gather(*(office.send() for _ in range(20)))
    assert Counter(result.replayed for result in results) == {False: 1, True: 19}
    assert len({result.message_id for result in results}) == 1
    assert list(office.server.delivered.values()) == [1]


async def test_twenty_calls_at_once_over_two_senders_deliver_once(office: Office) -> None:
    both = [office.sender, office.again()]
    results = await asyncio.gather(
        *(both[n % 2].send(ADA, office.account, wanted(), "k", yes) for n in range(20))
    )
    assert {result.status for result in results} == {"sent"}
    assert list(office.server.delivered.values()) == [1]


async def test_without_a_key_the_same_mail_is_refused_for_ten_minutes(office: Office) -> None:
    first = await office.send(None)
    office.clock.now_s += 599
    with pytest.raises(ProbableDuplicate) as refused:
        await office.again().send(ADA, office.account, wanted(), None, never)
    assert refused.value.as_result().structured_content["details"] == {
        "message_id": first.message_id
    }  # pyright: ignore[reportOptionalSubscript]
    assert (await office.send(None, subject="Other")).status == "sent"
    assert (await office.send("a new key")).status == "sent"
    office.clock.now_s += 601
    assert (await office.send(None)).status == "sent"
    assert len(office.server.delivered) == 4


async def test_a_clock_that_goes_back_lets_nothing_through(office: Office) -> None:
    office.account = replace(office.account, limits=replace_limits(sends_a_day=2))
    await office.send(None)
    office.clock.now_s -= 3600
    with pytest.raises(ProbableDuplicate):
        await office.send(None)
    await office.send("2")
    await refused_by(office, "sends_a_day", "3")


async def test_a_no_sends_nothing_and_the_person_may_be_asked_again(office: Office) -> None:
    with pytest.raises(NotConfirmed):
        await office.send(confirm=no)
    assert office.server.connections == 0
    assert (await office.sender.status(ADA, office.account, key="k")).state == "failed"
    assert (await office.send()).status == "sent"


async def test_a_yes_is_good_for_one_mail(office: Office) -> None:
    await office.send("one", confirm=saying("t"))
    with pytest.raises(NotConfirmed, match="another mail"):
        await office.again().send(ADA, office.account, wanted(), "two", saying("t"))
    assert len(office.server.mails) == 1


async def test_a_yes_lasts_for_a_second_try_of_a_mail_that_never_left(office: Office) -> None:
    office.server.when("rcpt", say("451 4.7.1 Greylisted"))
    first = await office.send(confirm=saying("t"))
    second = await office.send(confirm=saying("t"))
    third = await office.send(confirm=saying("t"))
    assert [one.status for one in (first, second, third)] == ["failed", "sent", "sent"]
    assert (third.replayed, len(office.server.mails)) == (True, 1)


async def test_the_person_is_shown_what_is_sent(office: Office) -> None:
    shown: list[Preview] = []

    async def confirm(preview: Preview) -> Confirmation:
        shown.append(preview)
        return Confirmation(True, "t")

    office.mailbox.known = {"old@example.com"}
    mail: dict[str, Any] = {
        "to": (Address("old@example.com"), Address("carol@example.org")),
        "bcc": (Address("x@exarnple.org"), Address("BCC@example.net"), Address("old@example.com")),
        "html": "<p>Something else</p>",
    }
    await office.send(confirm=confirm, **mail)
    [preview] = shown
    assert preview == await office.sender.preview(ADA, office.account, wanted(**mail))
    assert preview.warnings.external == ("old@example.com", "x@exarnple.org", "BCC@example.net")
    assert preview.warnings.look_alike == ("x@exarnple.org (exarnple.org is not example.org)",)
    assert preview.warnings.first_contact == (
        "carol@example.org",
        "x@exarnple.org",
        "BCC@example.net",
    )
    assert len(preview.warnings.others) == 2
    assert office.server.mails[0].recipients == [
        "BCC@example.net",
        "carol@example.org",
        "old@example.com",
        "x@exarnple.org",
    ]


@pytest.mark.parametrize("field", ["to", "cc", "bcc"])
async def test_who_is_not_on_the_list_is_not_written_to(office: Office, field: str) -> None:
    allowed = AllowList.of(["bob@example.com", "Example.ORG", "*.example.net"])
    office.account = replace(office.account, allowed=allowed)
    for spec in (
        "eve@example.com",
        "eve@sub.example.org",
        "eve@example.net",
        "eve@xexample.net",
        "bob@example.com.eve.example",
    ):
        with pytest.raises(RecipientRefused) as refused:
            await office.send(None, never, **{field: (BOB, Address(spec))})
        assert refused.value.as_result().structured_content["details"]["addresses"] == [spec]  # pyright: ignore[reportOptionalSubscript]
        with pytest.raises(RecipientRefused):
            await office.sender.preview(ADA, office.account, wanted(**{field: (Address(spec),)}))
    assert (office.server.connections, office.state()) == (0, [])
    for spec in ("BOB@example.com", "any@example.org", "x@a.example.net", "x@a.b.example.net"):
        assert (await office.send(spec, to=(Address(spec),))).status == "sent"


async def test_an_empty_list_allows_nobody_and_none_everybody(office: Office) -> None:
    office.account = replace(office.account, allowed=AllowList.of([]))
    with pytest.raises(RecipientRefused):
        await office.send()
    office.account = replace(office.account, allowed=None)
    assert (await office.send()).status == "sent"


async def test_what_was_sent_is_told_even_when_the_list_has_changed(office: Office) -> None:
    await office.send()
    office.account = replace(office.account, allowed=AllowList.of([]))
    assert (await office.send(confirm=never)).replayed


@pytest.mark.parametrize(
    "pattern",
    ["", "*", "*.", "@example.org", "a@b", "example", "ex ample.org", "*.*.org", "a@*.org"],
)
def test_a_pattern_that_is_none_stops_the_start(pattern: str) -> None:
    with pytest.raises(BadSetup):
        AllowList.of([pattern])


async def refused_by(office: Office, limit: str, key: str, **changes: Any) -> float:
    """The seconds to wait that the refusal tells."""
    before = office.state()
    with pytest.raises(QuotaUsedUp) as refused:
        await office.again().send(ADA, office.account, wanted(**changes), key, never)
    data = refused.value.as_result().structured_content
    assert data is not None
    assert (data["details"]["limit"], data["retryable"]) == (limit, True)
    assert office.state() == before
    return data["retry_after_s"]


async def test_ten_mails_a_minute_and_a_hundred_a_day(office: Office) -> None:
    office.account = replace(office.account, limits=replace_limits(sends_a_minute=2, sends_a_day=3))
    for n in range(2):
        await office.send(f"{n}")
    assert await refused_by(office, "sends_a_minute", "x") == 60
    office.clock.now_s += 60
    await office.send("2")
    office.clock.now_s += 60
    assert await refused_by(office, "sends_a_day", "x") == DAY_S - 120
    eve = Principal(subject="eve", tenant="home")
    assert (await office.sender.send(eve, office.account, wanted(), "x", yes)).status == "sent"
    office.clock.now_s += DAY_S - 120
    await office.send("3")


async def test_refused_tries_count_for_the_minute_and_not_for_the_day(office: Office) -> None:
    office.account = replace(office.account, limits=replace_limits(sends_a_minute=2, sends_a_day=1))
    for _ in range(2):
        with pytest.raises(NotConfirmed):
            await office.send(confirm=no)
    await refused_by(office, "sends_a_minute", "k")
    office.clock.now_s += 60
    assert (await office.send()).status == "sent"


async def test_a_few_mails_a_day_to_one_address_in_any_case(office: Office) -> None:
    office.account = replace(office.account, limits=replace_limits(a_day_to_one=1))
    await office.send("1")
    await refused_by(office, "a_day_to_one", "2", to=(Address("BOB@example.com"),))
    assert (await office.send("2", to=(Address("carol@example.com"),))).status == "sent"


async def test_a_few_new_domains_a_day_and_own_ones_are_not_new(office: Office) -> None:
    office.account = replace(office.account, limits=replace_limits(new_domains_a_day=2))
    await office.send("1", to=(Address("a@one.example"), Address("b@two.example"), ADA_ADDRESS))
    await refused_by(office, "new_domains_a_day", "2", to=(Address("a@three.example"),))
    await office.send("3", to=(Address("c@two.example"), Address("x@example.org")))
    office.clock.now_s += DAY_S
    await office.send("4", to=(Address("a@three.example"),))
    await refused_by(
        office, "new_domains_a_day", "5",
        to=(Address("a@four.example"), Address("a@five.example"), Address("a@one.example")),
    )  # fmt: skip


async def test_quotas_hold_for_calls_at_the_same_moment(office: Office) -> None:
    office.account = replace(office.account, limits=replace_limits(sends_a_minute=3))
    both = [office.sender, office.again()]
    results = await asyncio.gather(
        *(both[n % 2].send(ADA, office.account, wanted(), f"{n}", yes) for n in range(10)),
        return_exceptions=True,
    )
    assert Counter(type(result).__name__ for result in results) == {
        "SendResult": 3,
        "QuotaUsedUp": 7,
    }
    assert len(office.server.mails) == 3


def replace_limits(**limits: int) -> Limits:
    return GENEROUS.model_copy(update=limits)


async def test_a_refusal_of_the_server_is_told_and_a_later_try_is_free(office: Office) -> None:
    office.server.when("rcpt", say("550 5.1.1 Nobody"))
    result = await office.send()
    assert (result.status, result.stage, result.smtp_code) == ("failed", "rcpt", 550)
    problem = failure(result).as_result().structured_content
    assert problem is not None
    assert problem["code"] == "send_failed"
    assert problem["details"] == {
        "stage": "rcpt", "smtp_code": 550, "rejected": [{"address": BOB.spec, "code": 550}],
    }  # fmt: skip
    assert office.mailbox.sent == []
    again = await office.again().send(ADA, office.account, wanted(), "k", yes)
    assert (again.status, again.replayed, again.message_id) == ("sent", False, result.message_id)


async def test_an_unknown_outcome_is_final_and_a_new_key_sends_again(office: Office) -> None:
    office.server.when("after", drop())
    first = await office.send()
    again = await office.again().send(ADA, office.account, wanted(), "k", never)
    assert (first.status, first.unknown, first.sent_copy) == ("unknown", (BOB.spec,), "none")
    assert again == replace(first, replayed=True)
    assert office.mailbox.sent == []
    assert (await office.send("new")).status == "sent"
    assert sorted(office.server.delivered.values()) == [1, 1]


async def test_a_caller_that_goes_away_before_the_mail_leaves_stops_it(office: Office) -> None:
    asked, answered = asyncio.Event(), asyncio.Event()

    async def thinking(_: Preview) -> Confirmation:
        asked.set()
        await answered.wait()
        raise NotImplementedError

    sending = asyncio.create_task(office.send(confirm=thinking))
    await asked.wait()
    sending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sending
    assert office.server.connections == 0
    again = await office.send()
    assert (again.status, again.replayed) == ("sent", False)


async def test_a_caller_that_goes_away_while_the_mail_leaves_does_not_stop_it(
    office: Office,
) -> None:
    arrived, goes_on = asyncio.Event(), asyncio.Event()

    async def hold() -> None:
        arrived.set()
        await goes_on.wait()

    office.server.when("dot", call(hold))
    sending = asyncio.create_task(office.send())
    await arrived.wait()
    sending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sending
    second = asyncio.create_task(office.send(confirm=never))
    await asyncio.sleep(0)
    goes_on.set()
    result = await second
    assert (result.status, result.replayed, result.sent_copy) == ("sent", True, "kept")
    assert list(office.server.delivered.values()) == [1]


async def test_one_caller_that_goes_away_does_not_stop_it_for_the_other(office: Office) -> None:
    asked, answered = asyncio.Event(), asyncio.Event()

    async def thinking(_: Preview) -> Confirmation:
        asked.set()
        await answered.wait()
        return Confirmation(True, "t")

    first = asyncio.create_task(office.send(confirm=thinking))
    await asked.wait()
    second = asyncio.create_task(office.send(confirm=never))
    [job] = office.sender._jobs.values()  # pyright: ignore[reportPrivateUsage] - nobody else sees who waits
    while job.waiting < 2:  # noqa: ASYNC110 - there is no event to wait for
        await asyncio.sleep(0)
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    answered.set()
    assert (await second).status == "sent"


async def test_a_program_that_stops_while_the_mail_leaves_says_unknown(office: Office) -> None:
    arrived = asyncio.Event()

    async def hold() -> None:
        arrived.set()
        await asyncio.Event().wait()

    office.server.when("dot", call(hold))
    sending = asyncio.create_task(office.send())
    await arrived.wait()
    await office.sender.close(within_s=0)
    await asyncio.gather(sending, return_exceptions=True)
    assert (await office.sender.status(ADA, office.account, key="k")).state == "unknown"


async def test_a_program_that_stops_lets_a_mail_finish_leaving_and_asks_nobody_any_more(
    office: Office,
) -> None:
    arrived, goes_on, asked = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def hold() -> None:
        arrived.set()
        await goes_on.wait()

    async def thinking(_: Preview) -> Confirmation:
        asked.set()
        await asyncio.Event().wait()
        raise NotImplementedError

    office.server.when("dot", call(hold))
    leaving = asyncio.create_task(office.send("leaving"))
    waiting = asyncio.create_task(office.send("waiting", confirm=thinking))
    await arrived.wait()
    await asked.wait()
    closing = asyncio.create_task(office.sender.close(within_s=60))
    with pytest.raises(StillSending, match="stopping"):
        await waiting
    goes_on.set()
    await closing
    assert (await leaving).status == "sent"
    assert len(office.server.mails) == 1


async def test_another_process_that_is_at_it_is_waited_for_and_then_named(office: Office) -> None:
    asked = asyncio.Event()

    async def thinking(_: Preview) -> Confirmation:
        asked.set()
        await asyncio.Event().wait()
        raise NotImplementedError

    sending = asyncio.create_task(office.send(confirm=thinking))
    await asked.wait()
    other = office.again()
    other.wait_s = 0.05
    with pytest.raises(StillSending):
        await other.send(ADA, office.account, wanted(), "k", never)
    assert (await other.status(ADA, office.account, key="k")).state == "under_way"
    sending.cancel()
    await asyncio.gather(sending, return_exceptions=True)
    assert office.server.connections == 0


async def test_a_worker_that_was_taken_for_dead_stops_before_the_mail_leaves(
    office: Office,
) -> None:
    async def meanwhile() -> None:
        office.sender.ledger.store.close()  # The lock is lost, as a database's session can be.
        settled = await office.again().status(ADA, office.account, key="k")
        assert settled.state == "failed"

    office.server.when("rcpt", call(meanwhile))
    with pytest.raises(StillSending, match="this one sent nothing"):
        await office.send()
    assert office.server.mails == []


class BrokenLedger(Ledger):
    """Its file is gone at the moments named."""

    def __init__(self, ledger: Ledger, *steps: str) -> None:
        super().__init__(ledger.store)
        self._steps = steps

    def __getattribute__(self, name: str) -> Any:
        if not name.startswith("_") and name in self._steps:

            def broken(*_: Any, **__: Any) -> Any:
                raise LedgerAway("The disk is full.")

            return broken
        return super().__getattribute__(name)


@pytest.mark.parametrize("step", ["find", "reserve", "confirm", "start_data"])
async def test_without_the_ledger_nothing_is_sent(office: Office, step: str) -> None:
    whole = office.sender.ledger
    office.sender.ledger = BrokenLedger(whole, step)
    with pytest.raises(LedgerAway):
        await office.send()
    assert office.server.mails == []
    office.sender.ledger = whole
    assert (await office.send()).status == "sent"


async def test_a_mail_whose_end_could_not_be_noted_is_sent_and_then_unknown(office: Office) -> None:
    whole = office.sender.ledger
    office.sender.ledger = BrokenLedger(whole, "end")
    assert (await office.send()).status == "sent"
    office.sender.ledger = whole
    assert (await office.send(confirm=never)).status == "unknown"
    assert len(office.server.mails) == 1


async def test_a_copy_that_cannot_be_kept_is_kept_later_and_the_mail_not_sent_again(
    office: Office,
) -> None:
    office.mailbox.is_away = True
    result = await office.send()
    assert (result.status, result.sent_copy) == ("sent", "failed")
    sender = office.again()
    assert await sender.keep_copies(lambda _, __: office.account) == 0
    office.mailbox.is_away = False
    asked: list[tuple[str, str]] = []

    def find(person: str, name: str) -> SendingAccount:
        asked.append((person, name))
        return office.account

    assert await sender.keep_copies(find) == 1
    assert await sender.keep_copies(find) == 0
    assert asked == [("home/ada", "work")]
    assert office.mailbox.sent == [office.server.mails[0].data]
    again = await office.send(confirm=never)
    assert (again.replayed, again.sent_copy, len(office.server.mails)) == (True, "kept", 1)


async def test_no_copy_is_kept_where_the_server_does_it(office: Office) -> None:
    office.account = replace(office.account, keep_sent=False)
    result = await office.send()
    assert (result.sent_copy, office.mailbox.sent) == ("none", [])


async def test_attachments_travel_by_handle_and_only_their_owner_s(office: Office) -> None:
    file = office.sender.attachments.add(ADA, "Überblick 2026.pdf", b"%PDF" * 1000)
    result = await office.send(attachments=(file,))
    assert result.status == "sent"
    assert b"filename*0*=utf-8''%C3%9Cberblick%202026.pdf" in office.server.mails[0].data
    eve = Principal(subject="eve", tenant="home")
    with pytest.raises(NoSuchMail):
        await office.sender.send(eve, office.account, wanted(attachments=(file,)), "k", never)
    assert len(office.server.mails) == 1


async def test_a_mail_of_ours_that_differs_from_its_plan_is_never_handed_over(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    def composed(*_: object) -> bytes:
        return b"Subject: x\r\nBcc: eve@example.net\r\n\r\nx\r\n"

    monkeypatch.setattr("mcp_email.sending.sender.compose", composed)
    with pytest.raises(ComposedDiffers):
        await office.send(confirm=never)
    assert office.server.connections == 0


async def test_a_key_that_cannot_be_one_is_refused(office: Office) -> None:
    for key in ("a\nb", "x" * 201, "=?utf-8?q?x?="):
        with pytest.raises(Exception, match="idempotency_key"):
            await office.send(key, confirm=never)


async def test_nothing_is_known_of_a_key_that_was_never_used(office: Office) -> None:
    with pytest.raises(NoSuchMail):
        await office.sender.status(ADA, office.account, key="x")


async def test_the_status_is_found_by_message_id_too(office: Office) -> None:
    result = await office.send()
    status = await office.sender.status(ADA, office.account, message_id=f"<{result.message_id}>")
    assert (status.state, status.found_in) == ("sent", ("Sent",))
    assert status.result == replace(result, replayed=True)


async def test_nobody_s_secrets_or_texts_are_in_the_ledger(office: Office) -> None:
    await office.send(subject="Quite secret", body="Very private\n")
    rows = str([office.state(table) for table in ("sends", "sends_to", "confirmations", "tries")])
    assert "secret" not in rows
    assert "private" not in rows
    assert (office.folder / "ledger.db").stat().st_mode & 0o077 == 0


class LateLook:
    """A store that looks whether a worker lives only when the test lets it."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.looks, self.goes_on = threading.Event(), threading.Event()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def is_alive(self, worker: str) -> bool:
        self.looks.set()
        assert self.goes_on.wait(5)
        return self._store.is_alive(worker)


async def test_a_worker_that_got_further_before_it_died_is_not_said_to_have_sent_nothing(
    office: Office,
) -> None:
    other = office.again()
    late = LateLook(other.ledger.store)
    other.ledger.store = cast("Store", late)
    asking: list[asyncio.Task[Any]] = []

    async def read_before_the_mail_leaves() -> None:
        asking.append(asyncio.create_task(other.status(ADA, office.account, key="k")))
        assert await asyncio.to_thread(late.looks.wait, 5)

    async def die() -> None:
        office.sender.ledger.store.close()
        late.goes_on.set()
        await asyncio.wait(asking)

    office.server.when("rcpt", call(read_before_the_mail_leaves))
    office.server.when("after", call(die))
    await office.send()
    assert asking[0].result().state == "under_way"
    again = await other.send(ADA, office.account, wanted(), "k", yes)
    assert (again.status, again.replayed, len(office.server.mails)) == ("sent", True, 1)


async def test_the_late_last_words_of_a_try_say_nothing_of_the_next(office: Office) -> None:
    ledger = office.sender.ledger
    first: list[Entry] = []

    async def confirm(_: Preview) -> Confirmation:
        found = ledger.find(Identity(ADA.tenant, ADA.subject, "work", "key:k"))
        assert found is not None
        first.append(found)
        raise NotConfirmed("No.")

    async def last_words() -> None:
        assert not ledger.end(first[0], "failed_clean", "{}", office.clock.now_s)
        with pytest.raises(TakenOver):
            ledger.confirm(first[0], "t")

    with pytest.raises(NotConfirmed):
        await office.send(confirm=confirm)
    office.server.when("dot", call(last_words))
    assert (await office.send()).status == "sent"
    assert (await office.send(confirm=never)).replayed
    assert len(office.server.mails) == 1


async def test_a_send_that_is_asked_about_while_it_takes_its_row_goes_on(office: Office) -> None:
    whole = office.sender.ledger
    loop = asyncio.get_running_loop()

    class Asked(Ledger):
        def reserve(self, *values: Any, **named: Any) -> Any:
            reserved = super().reserve(*values, **named)
            office.sender.ledger = whole
            status = office.sender.status(ADA, office.account, key="k")
            told = asyncio.run_coroutine_threadsafe(status, loop).result(5)
            assert told.state == "under_way"
            return reserved

    office.sender.ledger = Asked(whole.store)
    assert (await office.send()).status == "sent"


async def test_a_mail_cut_off_at_the_end_of_the_program_is_not_said_to_be_unsent(
    office: Office,
) -> None:
    arrived = asyncio.Event()

    async def hold() -> None:
        arrived.set()
        await asyncio.Event().wait()

    office.server.when("dot", call(hold))
    sending = asyncio.create_task(office.send())
    await arrived.wait()
    await office.sender.close(within_s=0)
    result = await sending
    assert (result.status, result.unknown) == ("unknown", (BOB.spec,))


async def test_a_mail_whose_copy_is_cut_off_at_the_end_of_the_program_is_sent(
    office: Office,
) -> None:
    keeping = asyncio.Event()

    async def hold(raw: bytes) -> None:
        assert raw
        keeping.set()
        await asyncio.Event().wait()

    office.mailbox.keep_sent = hold
    sending = asyncio.create_task(office.send())
    await keeping.wait()
    await office.sender.close(within_s=0)
    assert (await sending).status == "sent"
    del office.mailbox.keep_sent
    assert await office.again().keep_copies(lambda _, __: office.account) == 1


@pytest.mark.parametrize("broken", ["spool", "ledger.db.workers"])
async def test_without_room_to_write_nothing_is_sent_and_no_path_is_told(
    office: Office, broken: str
) -> None:
    folder = office.folder / broken
    folder.rmdir()
    folder.write_text("no folder")
    with pytest.raises((StorageAway, LedgerAway)) as refused:
        await office.send()
    assert office.server.mails == []
    if broken == "spool":
        told = await office.sender.status(ADA, office.account, key="k")
        assert told.state == "failed"
        assert told.result is not None
        assert "data folder" in told.result.reason
        assert str(office.folder) not in f"{refused.value} {told.result.reason}"
    folder.unlink()
    folder.mkdir()
    assert (await office.send()).status == "sent"


async def test_a_full_disk_leaves_no_half_of_a_mail(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("mcp_email.whole_file.os.fsync", full)
    with pytest.raises(StorageAway, match="No space left"):
        await office.send()
    assert list((office.folder / "spool").iterdir()) == []
    assert office.server.mails == []


async def test_an_error_of_our_own_is_not_told_to_those_who_ask_later(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    def composed(*_: object) -> bytes:
        raise LookupError("/srv/secret")

    monkeypatch.setattr("mcp_email.sending.sender.compose", composed)
    with pytest.raises(LookupError):
        await office.send(confirm=never)
    told = await office.sender.status(ADA, office.account, key="k")
    assert told.result is not None
    assert "secret" not in told.result.reason


async def test_copies_are_kept_although_one_is_damaged_and_one_is_being_sent(
    office: Office,
) -> None:
    office.mailbox.is_away = True
    await office.send("late", subject="Late")
    office.mailbox.is_away = False
    (office.folder / "spool" / "damaged.eml").write_bytes(b"\xff\xfe")
    kept: list[int] = []
    keep_sent = office.mailbox.keep_sent

    async def keep(raw: bytes) -> None:
        if b"Subject: Now" in raw and not kept:
            kept.append(-1)
            kept.append(await office.sender.keep_copies(lambda _, __: office.account))
        await keep_sent(raw)

    office.mailbox.keep_sent = keep
    await office.send("now", subject="Now")
    assert kept == [-1, 1]
    assert len(office.mailbox.sent) == 2


async def test_a_person_s_id_cannot_get_into_a_copy(office: Office) -> None:
    eve = Principal(subject="eve\nBcc: x@example.org\n", tenant="ho/me\n")
    office.mailbox.is_away = True
    await office.sender.send(eve, office.account, wanted(), "k", yes)
    office.mailbox.is_away = False
    assert await office.again().keep_copies(lambda _, __: office.account) == 1
    assert office.mailbox.sent == [office.server.mails[0].data]


@pytest.mark.parametrize(
    "odd", ["a/b", "../..", "a\0b", "x" * 5_000, "'; DROP TABLE sends; --", "é\u202e", ""]
)
async def test_an_odd_person_or_tenant_is_a_person_of_their_own(office: Office, odd: str) -> None:
    for number, caller in enumerate(
        (Principal(subject=odd, tenant="home"), Principal(subject="ada", tenant=odd), ADA)
    ):
        result = await office.sender.send(caller, office.account, wanted(), "k", yes)
        assert (result.status, result.replayed) == ("sent", False)
        assert len(office.server.delivered) == number + 1
        file = office.sender.attachments.add(caller, "a.txt", b"x")
        assert office.sender.attachments.read(caller, file.handle) == b"x"


async def test_a_host_s_yes_under_one_key_counts_for_each_account(office: Office) -> None:
    home = replace(office.account, name="home")
    for account in (office.account, home):
        mail = wanted(account=account.name)
        confirm = confirm_by_host(replace(ADA, issuer="host"), "k")
        assert (await office.sender.send(ADA, account, mail, "k", confirm)).status == "sent"
    assert len(office.server.delivered) == 2
