"""Accounts as the configuration writes them: mails can be sent from every one that is accepted."""

from dataclasses import replace
from pathlib import Path

import pytest
from support.mail import ADA, mail_desk, of_host

from mcp_email.config import Account, Config, Server
from mcp_email.mail import Address
from mcp_email.opening import Opener
from mcp_email.settings import Settings
from shared.errors import BadSetup


async def opened(tmp_path: Path, **said: str) -> tuple[Address, Address | None]:
    server = Server(host="mail.example.org")
    account = Account.model_validate({"imap": server, "smtp": server, **said})
    config = Config(accounts={"work": account})
    opener = Opener(Settings(data_dir=tmp_path), config)
    sending = (await opener.open("work", account, None)).sending
    return sending.sender, sending.reply_to


@pytest.mark.parametrize(
    "told", ["ada@bücher.example", "ada@XN--BCHER-KVA.example", "ada@BÜCHER.example"]
)
async def test_a_domain_in_another_script_is_named_as_mails_name_it(
    tmp_path: Path, told: str
) -> None:
    sender, reply_to = await opened(tmp_path, address=told, name=" Ada  Lovelace ", reply_to=told)
    assert sender == Address("ada@xn--bcher-kva.example", "Ada Lovelace")
    assert reply_to == Address("ada@xn--bcher-kva.example")


@pytest.mark.parametrize(
    "said",
    [
        {"address": "žofie@example.org"},
        {"address": "ada@example.org", "name": "Ada\r\nBcc: eve@example.net"},
        {"address": "ada@example.org", "name": "=?utf-8?q?Ada=0ABcc:?="},
        {"address": "ada@example.org", "reply_to": "žofie@example.org"},
    ],
)
async def test_an_account_that_no_mail_could_be_sent_from_stops_the_start(
    tmp_path: Path, said: dict[str, str]
) -> None:
    with pytest.raises(BadSetup, match=r"accounts\.work"):
        await opened(tmp_path, **said)


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("Ada\r\nBcc: eve@example.net", ""), ("=?utf-8?q?Ada?=", ""), ("Ada \u202eecalevoL", "Ada ecalevoL"),
        ("A" * 300, "A" * 100), ("Žofie", "Žofie"),
    ],
)  # fmt: skip
async def test_whatever_the_sign_in_service_calls_a_person_their_mails_are_sent(
    tmp_path: Path, name: str, shown: str
) -> None:
    person = of_host(replace(ADA, subject="odd", name=name))
    async with mail_desk(tmp_path, person=person) as desk:
        await desk.ask("send_email", to=["bob@example.com"], subject="Hi", body="Hi")
        [mail] = await desk.left()
    assert mail["From"].addresses[0].display_name == shown
