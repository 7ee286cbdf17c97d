"""Nothing is sent without a person's yes, in either era of the protocol, and each yes counts once."""

from pathlib import Path
from typing import Any, Literal, cast

import pytest
from mcp import MCPError
from mcp.types import CallToolResult, ElicitResult, InputRequiredResult, RequestParamsMeta
from support.mail import ADA, Answer, Desk, closes, declines, mail_desk, of_host, says

Era = Literal["auto", "legacy"]
ERAS: tuple[Era, ...] = ("auto", "legacy")
MAIL: dict[str, Any] = {"to": ["Bob <bob@example.com>"], "subject": "Lunch", "body": "At noon?"}


@pytest.mark.parametrize("era", ERAS)
async def test_after_a_yes_the_mail_is_sent(tmp_path: Path, era: Era) -> None:
    async with mail_desk(tmp_path, person_says=says(send=True), mode=era) as desk:
        sent = await desk.ask("send_email", **MAIL, bcc=["eve@example.net"])
        assert sent["status"] == "sent"
        assert len(desk.questions) == 1
        assert [mail["Subject"] for mail in await desk.left()] == ["Lunch"]


async def test_the_question_shows_the_whole_envelope_and_what_to_look_at(tmp_path: Path) -> None:
    async with mail_desk(tmp_path, person_says=says(send=True)) as desk:
        added = await desk.ask("add_attachment", name="a.csv", text="a;b\n1;2\n")
        await desk.ask(
            "send_email", to=["bob@example.com"], cc=["Cy <cy@example.org>"], bcc=["eve@example.net"],
            subject="Figures", body="x" * 900, attachments=[added["handle"]],
        )  # fmt: skip
        [question] = desk.questions
        for line in (
            "From: Ada Lovelace <ada.lovelace@tidewater.example>",
            "To: bob@example.com",
            "Cc: Cy <cy@example.org>",
            "Bcc: eve@example.net",
            "Subject: Figures",
            "Attachment: a.csv (8 bytes)",
            "[… 401 more characters]",
        ):
            assert line in question.splitlines()
        assert "Outside your organisation" in question
        assert "Never written to before" in question


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("answer", [says(send=False), declines, closes])
async def test_anything_but_a_yes_sends_nothing(tmp_path: Path, era: Era, answer: Answer) -> None:
    async with mail_desk(tmp_path, person_says=answer, mode=era) as desk:
        refused = await desk.refused("send_email", **MAIL)
        assert refused["code"] == "confirmation_declined"
        assert await desk.left() == []
        assert await desk.in_folder("Sent") == []


@pytest.mark.parametrize("era", ERAS)
async def test_where_nobody_can_be_asked_a_draft_is_left(tmp_path: Path, era: Era) -> None:
    async with mail_desk(tmp_path, mode=era) as desk:
        await desk.refused("send_email", **MAIL)
        refused = await desk.refused("send_email", **MAIL)
        assert refused["code"] == "confirmation_required"
        [draft] = await desk.in_folder("Drafts")
        assert refused["details"]["draft_id"] == draft.id
        assert await desk.left() == []
        assert (await desk.ask("get_mail_policy"))["confirmation"] == "draft_only"


async def test_a_host_that_asks_is_believed_and_no_other(tmp_path: Path) -> None:
    async with mail_desk(tmp_path, person=of_host(ADA)) as desk:
        assert (await desk.ask("send_email", **MAIL))["status"] == "sent"
        assert (await desk.ask("get_mail_policy"))["confirmation"] == "by_host"
        desk.sits_down(ADA)
        assert (await desk.refused("send_email", **MAIL | {"body": "Other"}))["code"] == (
            "confirmation_required"
        )
        assert len(await desk.left()) == 1


async def test_drafts_need_no_yes(tmp_path: Path) -> None:
    async with mail_desk(tmp_path) as desk:
        kept = await desk.ask("create_draft", **MAIL)
        assert kept["status"] == "draft"
        assert [one.id for one in await desk.in_folder("Drafts")] == [kept["draft_id"]]


async def test_a_call_that_was_answered_before_asks_nobody_again(tmp_path: Path) -> None:
    async with mail_desk(tmp_path, person_says=says(send=True)) as desk:
        first = await desk.ask("send_email", **MAIL, idempotency_key="k")
        again = await desk.ask("send_email", **MAIL, idempotency_key="k")
        assert len(desk.questions) == 1
        assert (again["status"], again["replayed"]) == ("sent", True)
        assert again["message_id"] == first["message_id"]
        assert len(await desk.left()) == 1


class Rounds:
    """The two rounds of a modern call, one at a time."""

    def __init__(self, desk: Desk) -> None:
        self._session = desk.client.session

    async def begin(self, arguments: dict[str, Any], key: str | None = None) -> InputRequiredResult:
        asked = await self._session.call_tool(
            "send_email", arguments, meta=_meta(key), allow_input_required=True
        )
        assert isinstance(asked, InputRequiredResult)
        return asked

    async def end(
        self, asked: InputRequiredResult, arguments: dict[str, Any], key: str | None = None
    ) -> CallToolResult:
        yes = ElicitResult(action="accept", content={"send": True})
        ended = await self._session.call_tool(
            "send_email",
            arguments,
            meta=_meta(key),
            input_responses=dict.fromkeys(asked.input_requests or {}, yes),
            request_state=asked.request_state,
            allow_input_required=True,
        )
        assert isinstance(ended, CallToolResult)
        return ended


def _meta(key: str | None) -> RequestParamsMeta | None:
    return cast("RequestParamsMeta", {"io.steward/idempotency-key": key}) if key else None


async def test_a_sealed_yes_counts_for_one_send(tmp_path: Path) -> None:
    async with mail_desk(tmp_path, person_says=says(send=True)) as desk:
        await desk.ask(
            "send_email", **MAIL | {"body": "Hello"}
        )  # so that Bob is known, now and later
        rounds = Rounds(desk)
        asked = await rounds.begin(MAIL, "one")
        assert (await rounds.end(asked, MAIL, "one")).is_error is False
        again = await rounds.end(asked, MAIL, "two")
        assert again.is_error
        assert (again.structured_content or {})["code"] == "confirmation_declined"
        assert len(await desk.left()) == 2


async def test_a_sealed_yes_fits_no_other_mail(tmp_path: Path) -> None:
    async with mail_desk(tmp_path, person_says=says(send=True)) as desk:
        rounds = Rounds(desk)
        asked = await rounds.begin(MAIL)
        with pytest.raises(MCPError, match="requestState"):
            await rounds.end(asked, MAIL | {"bcc": ["eve@example.net"]})
        assert await desk.left() == []


async def test_a_yes_can_be_taken_by_another_replica_with_the_same_key(tmp_path: Path) -> None:
    key = "k" * 32
    async with mail_desk(tmp_path, person_says=says(send=True), confirmation_key=key) as desk:
        asked = await Rounds(desk).begin(MAIL)
    async with mail_desk(tmp_path, person_says=says(send=True), confirmation_key=key) as desk:
        assert (await Rounds(desk).end(asked, MAIL)).is_error is False
        assert len(await desk.left()) == 1


async def test_what_cannot_be_sent_is_refused_before_anybody_is_asked(tmp_path: Path) -> None:
    async with mail_desk(
        tmp_path, person_says=says(send=True), allow=["tidewater.example"]
    ) as desk:
        refused = await desk.refused("send_email", **MAIL)
        assert refused["code"] == "recipient_not_allowed"
        assert refused["details"]["addresses"] == ["bob@example.com"]
        assert desk.questions == []


async def test_a_draft_may_be_to_anybody_but_not_be_sent_to_anybody(tmp_path: Path) -> None:
    async with mail_desk(tmp_path, person=of_host(ADA), allow=["tidewater.example"]) as desk:
        draft = await desk.ask("create_draft", **MAIL)
        refused = await desk.refused("send_draft", draft_id=draft["draft_id"])
        assert refused["code"] == "recipient_not_allowed"
        assert await desk.left() == []


async def test_no_line_of_a_mail_passes_for_a_line_of_the_question(tmp_path: Path) -> None:
    body = "Hi\u2028To: nobody@example.org\u2029Fingerprint: 1\n\u202eSubject: x\ttab"
    async with mail_desk(tmp_path, person_says=says(send=False)) as desk:
        await desk.refused("send_email", **MAIL | {"body": body})
    [question] = desk.questions
    lines = question.splitlines()
    assert [line for line in lines if line.startswith(("To:", "Fingerprint: 1", "Subject:"))] == [
        "To: Bob <bob@example.com>",
        "Subject: Lunch",
    ]
    assert "| To: nobody@example.org" in lines
    assert "| \ufffdSubject: x\ttab" in lines


async def test_a_draft_that_was_sent_is_said_to_be_when_the_call_is_repeated(
    tmp_path: Path,
) -> None:
    async with mail_desk(tmp_path, person=of_host(ADA)) as desk:
        draft = await desk.ask("create_draft", **MAIL)
        calls = ({"idempotency_key": "k"}, {"key": "host"})
        await desk.ask("send_draft", draft_id=draft["draft_id"], **calls[0])
        again = await desk.refused("send_draft", draft_id=draft["draft_id"], **calls[0])
        assert (again["code"], again["details"]) == ("not_found", {"status": "sent"})
        assert "do not write it again" in again["hint"]
        other = await desk.ask("create_draft", **MAIL)
        await desk.ask("send_draft", draft_id=other["draft_id"], **calls[1])
        again = await desk.refused("send_draft", draft_id=other["draft_id"], **calls[1])
        assert again["details"] == {"status": "sent"}
        never = await desk.refused("send_draft", draft_id=draft["draft_id"], idempotency_key="new")
        assert "details" not in never
        assert len(await desk.left()) == 2
