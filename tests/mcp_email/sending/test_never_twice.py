"""A sender is killed at each step of a send; whoever tries again delivers once, or hears that nobody knows."""

import asyncio
import os
import signal
from collections.abc import Generator
from pathlib import Path

import pytest
from support.forking import Forks
from support.sending import ADA, MemoryMailbox, account_at, sender_in, wanted, yes
from support.smtp_server import FaultServer, Stage, call, smtp_server

from mcp_email.sending.outcome import SendResult

BODY = "A line of a long mail.\n" * 40_000

NOTHING_LEFT = [
    "before reserve",
    "after reserve",
    "before confirm",
    "after confirm",
    "before start_data",
]
MAY_BE_OUT = ["after start_data", "before end"]
AT_THE_SERVER: list[tuple[Stage, bool]] = [
    ("mail", False), ("rcpt", False), ("data", True), ("body", True), ("dot", True), ("after", True),
]  # fmt: skip


@pytest.fixture(scope="module")
def senders() -> Generator[Forks]:
    """Each sends one mail under the key `once`: told are its folder, the server's port, the step it dies at."""
    senders = Forks(Path(__file__).with_name("one_send.py"))
    yield senders
    senders.close()


async def killed(
    senders: Forks, folder: Path, server: FaultServer, ends_at: str, stage: Stage | None = None
) -> None:
    """Run a sender until it is gone: by its own hand, or by ours while the server holds its answer back."""
    running = asyncio.get_running_loop().create_future()

    async def kill() -> None:
        pid, ended = await running
        os.kill(pid, signal.SIGKILL)
        await asyncio.shield(ended)

    if stage is not None:
        server.when(stage, call(kill))
    [pid] = await asyncio.to_thread(senders.start, (folder, server.port, ends_at))
    ended = asyncio.create_task(asyncio.to_thread(senders.answer))
    running.set_result((pid, ended))
    assert await ended == [-signal.SIGKILL]


async def tried_again(folder: Path, server: FaultServer, mailbox: MemoryMailbox) -> SendResult:
    account = account_at(server.port, mailbox)
    return await sender_in(folder).send(ADA, account, wanted(body=BODY), "once", yes)


@pytest.mark.parametrize("step", NOTHING_LEFT)
async def test_killed_before_the_mail_left_it_is_delivered_by_the_next_try(
    senders: Forks, tmp_path: Path, step: str
) -> None:
    async with smtp_server() as server:
        await killed(senders, tmp_path, server, step)
        assert not server.mails
        again = await tried_again(tmp_path, server, MemoryMailbox())
        third = await tried_again(tmp_path, server, MemoryMailbox())
    assert (again.status, again.replayed) == ("sent", False)
    assert (third.status, third.replayed) == ("sent", True)
    assert server.delivered == {again.message_id: 1}


@pytest.mark.parametrize("step", MAY_BE_OUT)
async def test_killed_after_the_ledger_noted_the_start_nothing_is_sent_again(
    senders: Forks, tmp_path: Path, step: str
) -> None:
    async with smtp_server() as server:
        await killed(senders, tmp_path, server, step)
        before = len(server.mails)
        again = await tried_again(tmp_path, server, MemoryMailbox())
    assert (again.status, again.replayed, again.unknown) == ("unknown", True, ("bob@example.com",))
    assert len(server.mails) == before == (step == "before end")


@pytest.mark.parametrize(("stage", "may_be_out"), AT_THE_SERVER)
async def test_killed_while_the_server_holds_its_answer_back(
    senders: Forks, tmp_path: Path, stage: Stage, may_be_out: bool
) -> None:
    async with smtp_server() as server:
        await killed(senders, tmp_path, server, "never", stage)
        again = await tried_again(tmp_path, server, MemoryMailbox())
        delivered = sum(server.delivered.values())
    assert again.status == ("unknown" if may_be_out else "sent")
    assert delivered <= 1
    assert delivered == 1 or may_be_out


async def test_a_killed_sender_s_mail_found_in_the_sent_folder_is_known_to_be_sent(
    senders: Forks,
    tmp_path: Path,
) -> None:
    mailbox = MemoryMailbox()
    async with smtp_server() as server:
        await killed(senders, tmp_path, server, "before end")
        sender, account = sender_in(tmp_path), account_at(server.port, mailbox)
        before = await sender.status(ADA, account, key="once")
        mailbox.sent.append(server.mails[0].data)  # The provider keeps copies itself.
        after = await sender.status(ADA, account, key="once")
        replayed = await tried_again(tmp_path, server, mailbox)
    assert (before.state, after.state, after.found_in) == ("unknown", "sent", ("Sent",))
    assert (replayed.status, replayed.accepted) == ("sent", ("bob@example.com",))
    assert len(server.mails) == 1


async def test_two_processes_with_one_key_deliver_once(senders: Forks, tmp_path: Path) -> None:
    async with smtp_server() as server:
        one = (tmp_path, server.port, "never")
        await asyncio.to_thread(senders.start, one, one)
        assert await asyncio.to_thread(senders.answer) == [0, 0]
    assert list(server.delivered.values()) == [1]
