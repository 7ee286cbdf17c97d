"""Whatever one person gives to a tool, another person's mail is not there."""

import json
from collections.abc import AsyncGenerator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from support.mail import ADA, Desk, a_mail, mail_desk, of_host
from support.tool_calls import in_one_task

from mcp_email.config import Account, load_config
from mcp_email.mail import Search
from shared.errors import BadSetup
from shared.service_tokens import Principal

SECRET = "Aardvark"
OTHERS = (
    Principal(subject="bob", tenant="acme", name="Bob"),
    Principal(subject="ada", tenant="other", name="Ada Lovelace"),
    Principal(subject="ada/", tenant="acme", name="Ada Lovelace", roles=frozenset({"owner"})),
)


@dataclass
class Known:
    """What somebody found out of Ada's mail."""

    mail: str
    draft: str
    handle: str
    key: str
    message_id: str


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncGenerator[Desk]:
    async with in_one_task(mail_desk(tmp_path, person=of_host(ADA))) as opened:
        yield opened


@pytest.fixture
async def known(desk: Desk) -> Known:
    """Ada has a mail, a draft, a file and a mail that she sent; all of them say the secret."""
    raw = a_mail(subject=SECRET, text=SECRET, files={"a.txt": SECRET.encode()})
    mail = await desk.receives(raw)
    draft = await desk.ask("create_draft", to=["bob@example.com"], subject=SECRET, body=SECRET)
    added = await desk.ask("add_attachment", name="a.txt", text=SECRET)
    sent = await desk.ask(
        "send_email", to=["cy@example.org"], subject=SECRET, body=SECRET, idempotency_key="key"
    )
    return Known(mail, draft["draft_id"], added["handle"], "key", sent["message_id"])


def attempts(known: Known) -> dict[str, dict[str, Any]]:
    """One for every tool that takes something of Ada's."""
    to = {"to": ["bob@example.com"], "subject": "Hi", "body": "Hi"}
    calls: dict[str, dict[str, Any]] = {
        "search_email": {"text": SECRET},
        "read_email": {"id": known.mail},
        "get_thread": {"id": known.mail},
        "get_attachment": {"id": known.mail, "attachment_id": "2"},
        "create_draft": {**to, "in_reply_to": known.mail},
        "update_draft": {"draft_id": known.draft, "body": "Hi"},
        "send_email": {**to, "attachments": [known.handle]},
        "send_draft": {"draft_id": known.draft},
        "reply_email": {"id": known.mail, "body": "Hi", "mode": "send"},
        "forward_email": {"id": known.mail, "to": ["bob@example.com"], "mode": "send"},
        "get_send_status": {"message_id": known.message_id},
        "set_flags": {"ids": [known.mail], "add": ["seen"]},
        "move_email": {"ids": [known.mail]},
    }
    previews = {
        f"preview_{name}": calls[name]
        for name in (
            "create_draft", "update_draft", "send_email", "send_draft", "reply_email", "forward_email",
            "set_flags", "move_email",
        )
    }  # fmt: skip
    return calls | previews | {"get_send_status ": {"idempotency_key": known.key}}


@pytest.mark.parametrize("other", OTHERS, ids=["colleague", "other tenant", "look-alike"])
async def test_nothing_of_one_person_is_there_for_another(
    desk: Desk, known: Known, other: Principal
) -> None:
    desk.sits_down(other)
    own = await desk.mailbox()
    for tool, arguments in attempts(known).items():
        result = await desk.call(tool.strip(), arguments)
        told = json.dumps(result.structured_content)
        assert SECRET not in told.replace(json.dumps(arguments)[1:-1], ""), tool
        if tool == "search_email":
            assert (result.structured_content or {})["mails"] == []
        else:
            assert (result.structured_content or {})["code"] == "not_found", (tool, told)
    assert (await own.search(Search(), 100, None)).mails == []
    desk.sits_down(of_host(ADA))
    [mail] = await desk.in_folder("Inbox")
    assert (mail.id, mail.flags) == (known.mail, frozenset())
    assert [draft.id for draft in await desk.in_folder("Drafts")] == [known.draft]


async def test_a_key_of_one_person_is_free_for_another(desk: Desk, known: Known) -> None:
    desk.sits_down(of_host(OTHERS[0]))
    sent = await desk.ask(
        "send_email", to=["cy@example.org"], subject="Mine", body="Mine", idempotency_key=known.key
    )
    assert (sent["status"], sent["replayed"]) == ("sent", False)
    assert sent["message_id"] != known.message_id


@pytest.mark.parametrize(
    ("account", "is_ada", "is_bob"),
    [
        (Account(kind="embedded"), True, True),
        (Account(kind="embedded", people=["acme/ada"]), True, False),
        (Account(kind="embedded", roles=["acme/owner"]), False, False),
        (Account(kind="embedded", roles=["acme/support"]), True, False),
        (Account(kind="embedded", roles=["other/support"]), False, False),
    ],
)
def test_an_account_is_of_those_it_names(account: Account, is_ada: bool, is_bob: bool) -> None:
    ada = replace(ADA, roles=frozenset({"support"}))
    assert account.belongs_to(ada) is is_ada
    assert account.belongs_to(OTHERS[0]) is is_bob


@pytest.mark.parametrize("field", ["people", "roles"])
@pytest.mark.parametrize(
    "name", ["ada", "", "/", "acme/", "/ada", "acme/eng/ada", "acme//ada", "acme/ "]
)
def test_who_is_not_named_with_their_tenant_is_refused(
    tmp_path: Path, field: str, name: str
) -> None:
    path = tmp_path / "mail.toml"
    path.write_text(f"[accounts.a]\nkind = 'embedded'\n{field} = ['acme/bob', '{name}']\n")
    with pytest.raises(BadSetup, match=rf"accounts\.a\.{field}\.1: write tenant/name"):
        load_config(path)


@pytest.mark.parametrize(
    ("tenant", "subject"), [("acme/ada", ""), ("", "acme/ada"), ("acme", "/ada"), ("acme/", "ada")]
)
def test_a_slash_in_a_name_makes_nobody_of_another(tenant: str, subject: str) -> None:
    account = Account(kind="embedded", people=["acme/ada"])
    assert not account.belongs_to(Principal(subject=subject, tenant=tenant))
