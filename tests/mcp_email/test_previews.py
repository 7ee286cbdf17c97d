"""What a preview shows is what is sent: for any arguments that are accepted, read back from the octets that left."""

from collections.abc import Callable
from email.headerregistry import AddressHeader
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.mail import ADA, Desk, a_mail, mail_desk, of_host, parsed, text_in
from support.smtp_server import FaultServer, smtp_server

MAILS = 60
CHARACTERS = st.characters(categories=["L", "N", "S", "P", "Zs"], exclude_characters='"\\@<>')
NAMES = st.text(CHARACTERS, max_size=12)
SPECS = st.sampled_from(
    [
        "bob@example.com",
        "Bob@Example.com",
        "cy@xn--bcher-kva.example",
        "dan.o'neil@example.org",
        "e+f@example.net",
    ]
)


def in_quotes(name: str, spec: str) -> str:
    return f'"{name}" <{spec}>'


def paragraph(text: str) -> str:
    return f"<p>{text}</p>"


ADDRESSES = st.one_of(SPECS, st.builds(in_quotes, NAMES, SPECS))
LISTS = st.lists(ADDRESSES, max_size=3)
LINES = st.text(CHARACTERS, max_size=60)
TEXTS = st.one_of(LINES, st.text(st.characters(exclude_categories=["Cs"]), max_size=60))
MAIL = st.fixed_dictionaries(
    {"to": st.lists(ADDRESSES, min_size=1, max_size=3), "subject": TEXTS, "body": LINES},
    optional={"cc": LISTS, "bcc": LISTS, "html": st.builds(paragraph, TEXTS)},
)


def specs(mail: EmailMessage, name: str) -> list[tuple[str, str]]:
    header: object = mail[name]
    if header is None:
        return []
    assert isinstance(header, AddressHeader)
    return [(one.display_name, one.addr_spec) for one in header.addresses]


def shown(addresses: list[dict[str, str]]) -> list[tuple[str, str]]:
    return [(one["name"], one["spec"]) for one in addresses]


def agrees(preview: dict[str, Any], post: FaultServer, bcc_wanted: bool) -> None:
    """The preview says what the last mail that was taken says, and to whom."""
    told, mail = preview["mail"], parsed(post.mails[-1].data)
    plain = str.maketrans({"\r": None})
    for name in ("to", "cc"):
        assert [spec for _, spec in shown(told[name])] == [spec for _, spec in specs(mail, name)]
    everybody = [one["spec"] for name in ("to", "cc", "bcc") for one in told[name]]
    assert sorted(everybody) == sorted(post.mails[-1].recipients)
    assert mail["Bcc"] is None
    assert bcc_wanted or not told["bcc"]
    assert str(mail["Subject"]) == told["subject"]
    assert specs(mail, "From") == shown([told["from"]])
    assert text_in(mail).translate(plain).rstrip("\n") == told["body"].rstrip("\n")
    assert (mail.get_body(("html",)) is not None) == told["html"]
    files = [
        (part.get_filename(), len(part.get_content()), part.get_content_type())
        for part in mail.iter_attachments()
    ]
    assert files == [(one["name"], one["size"], one["media_type"]) for one in told["attachments"]]


async def test_a_preview_is_of_the_mail_that_is_sent(tmp_path: Path) -> None:
    async with (
        smtp_server() as post,
        mail_desk(tmp_path, person=of_host(ADA), smtp_port=post.port) as desk,
    ):
        accepted = 0
        for number, mail in enumerate(_examples()):
            preview = await desk.call("preview_send_email", mail)
            sent = await desk.call("send_email", mail, f"k{number}")
            assert preview.is_error == sent.is_error
            if sent.is_error:
                assert preview.structured_content == sent.structured_content
            else:
                accepted += 1
                agrees(preview.structured_content or {}, post, bool(mail.get("bcc")))
        assert accepted == len(post.mails) >= MAILS // 10


def _examples() -> list[dict[str, Any]]:
    """Mails as Hypothesis makes them, the same each time."""
    made: list[dict[str, Any]] = []

    @settings(
        max_examples=MAILS, derandomize=True, database=None, deadline=None,
        suppress_health_check=[HealthCheck.too_slow],
    )  # fmt: skip
    @given(MAIL)
    def collect(mail: dict[str, Any]) -> None:
        made.append(mail)

    run: Callable[[], None] = collect
    run()
    return made


async def test_previews_of_answers_drafts_and_forwards_are_of_what_is_sent(tmp_path: Path) -> None:
    async with (
        smtp_server() as post,
        mail_desk(tmp_path, person=of_host(ADA), smtp_port=post.port) as desk,
    ):
        mail = await desk.receives(
            a_mail(
                subject="Grüße =?utf-8?q?=0D=0ABcc:x?=",
                Cc="Cy <cy@example.org>",
                files={"a.csv": b"1"},
            )
        )
        draft = await desk.ask(
            "create_draft", to=["bob@example.com"], bcc=["eve@example.net"], subject="ü", body="ü",
            html="<p>ü</p>",
        )  # fmt: skip
        await _both(desk, post, "reply_email", id=mail, body="Ja", reply_all=True, mode="send")
        await _both(desk, post, "forward_email", id=mail, to=["dan@example.org"], mode="send")
        await _both(desk, post, "send_draft", draft_id=draft["draft_id"])


async def _both(desk: Desk, post: FaultServer, tool: str, **arguments: Any) -> None:
    preview = await desk.ask(f"preview_{tool}", **arguments)
    await desk.ask(tool, **arguments)
    agrees(preview, post, bcc_wanted=True)
