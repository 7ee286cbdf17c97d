"""The mail that waits for a yes: shown as its server works it out, also for edited arguments, and only if it fits."""

import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

from support.letterbox import ADA, WARNING, Letterbox
from support.models import ScriptedModel, calls
from support.servers import serving
from support.world import Api, World

from shared.wire.events import ApprovalNeeded
from shared.wire.mail import MAX_BODY_CHARACTERS

WANTED = {"to": ["lee@other.example"], "subject": "Plan", "body": "Dear Lee,\n\nhere it is.\n"}


@asynccontextmanager
async def proposed(
    world: World, letterbox: Letterbox, *, own: bool = True, **changes: Any
) -> AsyncGenerator[tuple[Api, ApprovalNeeded]]:
    """Somebody who is asked for a yes to a mail."""
    model = ScriptedModel([[calls(("email__send_email", json.dumps({**WANTED, **changes})))]])
    async with serving(letterbox.app()) as url:
        servers = {"email": {"url": f"{url}/mcp", "own": own, "origin": "mail"}}
        async with world.orchestrator(model, tool_servers=servers):
            api = world.api()
            async with api.ask("Write to Lee") as reader:
                yield api, await reader.until(ApprovalNeeded)


async def test_the_question_shows_the_mail_as_its_server_says_it_will_be(world: World) -> None:
    async with proposed(world, Letterbox()) as (_, asked):
        assert asked.preview is not None
        assert asked.preview.mail is not None
        shown = json.loads(asked.preview.mail.model_dump_json())
    assert shown == {
        "sender": ADA,
        "to": [{"name": "", "spec": "lee@other.example"}],
        "cc": [],
        "bcc": [{"name": "", "spec": "archive@acme.example"}],
        "reply_to": None,
        "subject": "Plan",
        "body": WANTED["body"],
        "html": False,
        "attachments": [{"name": "plan.pdf", "media_type": "application/pdf", "size": 99}],
        "warnings": [WARNING],
    }


async def test_edited_arguments_show_another_mail_and_nothing_is_sent(world: World) -> None:
    letterbox = Letterbox()
    async with proposed(world, letterbox) as (api, asked):
        arguments = {**WANTED, "to": ["ada@acme.example"], "body": "Another.\n"}
        answer = await api.request(
            "POST", f"/v1/calls/{asked.call_id}/preview", json={"arguments": arguments}
        )
    preview = answer.json()["preview"]
    assert preview["mail"]["to"] == [{"name": "", "spec": "ada@acme.example"}]
    assert preview["mail"]["body"] == "Another.\n"
    assert letterbox.calls == []


async def test_a_long_mail_is_shown_whole(world: World) -> None:
    body = "A line that is told in full.\n" * 3_400
    async with proposed(world, Letterbox(), body=body) as (_, asked):
        assert asked.preview is not None
        assert asked.preview.mail is not None
        assert asked.preview.mail.body == body


MISFITS: list[dict[str, Any]] = [
    {"from": None},
    {"to": "lee@other.example"},
    {"bcc": [{"name": "Lee"}]},
    {"bcc": [{"name": "", "spec": ""}]},
    {"body": "x" * (MAX_BODY_CHARACTERS + 1)},
    {"subject": "x" * 2_001},
    {"attachments": [{"name": "a", "media_type": "b", "size": -1}]},
    {"warnings": "none"},
]


async def test_a_mail_that_does_not_fit_is_never_shown_in_part(world: World) -> None:
    letterbox = Letterbox(shown=MISFITS[0])
    async with proposed(world, letterbox) as (api, asked):
        assert asked.preview is None
        assert asked.preview_problem == "The server's preview cannot be read."
        for misfit in MISFITS:
            letterbox.shown = misfit
            answer = await api.request(
                "POST", f"/v1/calls/{asked.call_id}/preview", json={"arguments": WANTED}
            )
            problem = {"preview": None, "problem": asked.preview_problem}
            assert answer.json() == problem, misfit


async def test_what_is_too_large_is_said_to_be(world: World) -> None:
    letterbox = Letterbox(shown={"more": "x" * 600_000})
    async with proposed(world, letterbox) as (_, asked):
        assert asked.preview is None
        assert asked.preview_problem == "It is too large to be shown here."


async def test_a_foreign_servers_word_about_the_mail_is_not_asked_for(world: World) -> None:
    async with proposed(world, Letterbox(), own=False) as (_, asked):
        assert (asked.preview, asked.preview_problem) == (None, None)
