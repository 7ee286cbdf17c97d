"""The tools over the real protocol on mail servers: as on the embedded mailbox, and what is only so with servers."""

import base64
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

from mcp import Client
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from support.dovecot import Dovecot
from support.imap_server import FakeImap, imap_server
from support.mail import ADA, BOB, HOST, NOTHING, Desk, PostOffice, a_mail, of_host
from support.servers import serving

from mcp_email.config import Account, Config, OAuth, Server
from mcp_email.imap.looking import ASCII_ONLY
from mcp_email.parts import make_parts
from mcp_email.server import build_server
from mcp_email.settings import Settings
from shared.config_file import Secret


@asynccontextmanager
async def desk_on(account: Account, folder: Path) -> AsyncGenerator[Desk]:
    """Ada's, whose mailbox is on that server."""
    settings = Settings(data_dir=folder / "mail", confirming_issuers=[HOST])
    config = Config(accounts={"work": account.model_copy(update={"people": ["acme/ada"]})})
    office = PostOffice(settings, config, NOTHING)
    parts = make_parts(settings, config, office, of_host(ADA))
    async with Client(build_server(settings, parts)) as client:
        yield Desk(client, parts, office, [])


def on(fake: FakeImap, **more: object) -> Account:
    server = {"host": "127.0.0.1", "port": fake.port, "security": "plain", "user": "ada", **more}
    return Account(address="ada@example.org", imap=Server.model_validate(server))


async def test_a_day_at_the_desk(server: Dovecot, user: str, tmp_path: Path) -> None:
    server.deliver(user, [
        a_mail(subject="Grüße", text="Um zwölf?\n", Message_ID="<1@example.com>", Cc="Cy <cy@example.org>"),
        a_mail(subject="Re: Grüße", files={"figures.csv": b"a;b\n"}, Message_ID="<2@example.com>",
               In_Reply_To="<1@example.com>"),
        a_mail(subject="Offer", text="Buy!\n", Message_ID="<3@example.com>"),
    ])  # fmt: skip
    async with desk_on(server.account(user), tmp_path) as desk:
        folders = (await desk.ask("list_folders"))["folders"]
        assert (folders[0]["role"], folders[0]["total"], folders[0]["unread"]) == ("inbox", 3, 3)

        first = await desk.ask("search_email", limit=2)
        rest = await desk.ask("search_email", limit=2, cursor=first["next_cursor"])
        mails = {one["subject"]: one for one in (*first["mails"], *rest["mails"])}
        assert list(mails) == ["Offer", "Re: Grüße", "Grüße"]
        assert (rest["truncated"], rest["notes"]) == (False, [])
        assert mails["Grüße"]["snippet"] == "Um zwölf?"
        found = await desk.ask("search_email", text="zwölf", subject="grüße")
        assert [one["id"] for one in found["mails"]] == [mails["Grüße"]["id"]]

        read = await desk.ask("read_email", id=mails["Grüße"]["id"])
        assert read["text"].strip() == "Um zwölf?"
        assert read["cc"] == [{"name": "Cy", "spec": "cy@example.org"}]
        assert read["flags"] == []
        answer = mails["Re: Grüße"]["id"]
        [attached] = (await desk.ask("read_email", id=answer))["attachments"]
        content = await desk.ask(
            "get_attachment", id=answer, attachment_id=attached["attachment_id"]
        )
        assert content["text"] == "a;b\n"
        thread = await desk.ask("get_thread", id=answer)
        assert [one["subject"] for one in thread["mails"]] == ["Grüße", "Re: Grüße"]

        await desk.ask("set_flags", ids=[answer], add=["seen", "flagged"])
        unread = await desk.ask("search_email", unread=True)
        assert [one["subject"] for one in unread["mails"]] == ["Offer", "Grüße"]
        moved = await desk.ask("move_email", ids=[mails["Offer"]["id"]])
        assert moved["summary"] == "1 mail moved to the trash."
        assert (await desk.refused("read_email", id=mails["Offer"]["id"]))["code"] == "not_found"
        [thrown] = (await desk.ask("search_email", folder="Trash"))["mails"]
        assert thrown["subject"] == "Offer"

        draft = await desk.ask("reply_email", id=mails["Grüße"]["id"], body="Ja.")
        changed = await desk.ask("update_draft", draft_id=draft["draft_id"], body="Nein.")
        [kept] = (await desk.ask("search_email", folder="Drafts"))["mails"]
        assert (kept["id"], kept["subject"]) == (changed["draft_id"], "Re: Grüße")
        assert (await desk.ask("read_email", id=kept["id"]))["text"].startswith("Nein.")

        desk.sits_down(BOB)
        assert (await desk.ask("list_accounts"))["accounts"] == []
        assert (await desk.refused("read_email", id=mails["Grüße"]["id"]))[
            "code"
        ] == "unknown_account"


async def test_a_search_tells_what_the_server_could_not_look_for(tmp_path: Path) -> None:
    async with imap_server() as fake:
        fake.is_ascii_only = True
        fake.put("INBOX", a_mail())
        password = tmp_path / "password"
        password.write_text("correct-horse")
        async with desk_on(on(fake, password=Secret(file=password)), tmp_path) as desk:
            found = await desk.ask("search_email", text="straße")
            assert (found["mails"], found["notes"]) == ([], [ASCII_ONLY])
            assert (await desk.ask("search_email", text="noon"))["notes"] == []


async def test_an_account_with_oauth_signs_in_with_a_token(tmp_path: Path) -> None:
    asked: list[bytes] = []

    async def token(request: Request) -> JSONResponse:
        asked.append(await request.body())
        return JSONResponse({"access_token": "t0ken", "expires_in": 3600})

    refresh = tmp_path / "refresh"
    refresh.write_text("r3fresh")
    service = Starlette(routes=[Route("/token", token, methods=["POST"])])
    async with serving(service) as url, imap_server() as fake:
        fake.put("INBOX", a_mail())
        oauth = OAuth(token_url=f"{url}/token", client_id="c", refresh_token=Secret(file=refresh))
        async with desk_on(on(fake, oauth=oauth), tmp_path) as desk:
            assert (await desk.ask("search_email"))["row_count"] == 1
        sent = base64.b64encode(b"user=ada\x01auth=Bearer t0ken\x01\x01").decode()
        assert f"AUTHENTICATE XOAUTH2 {sent}" in fake.commands
        assert len(asked) == 1
