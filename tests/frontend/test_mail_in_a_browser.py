"""Mail in a real browser: the letter before the yes, what became of it, and the mailbox page, also on a phone."""

from collections.abc import Generator

import pytest
from playwright.sync_api import Browser, Locator, Page, expect
from support.frontend_site import Site
from support.own_pages import AT, DESKTOP, PHONE, Json, have_turn, own_page

pytestmark = pytest.mark.browser

CONVERSATION, TURN, CALL = "conversation-1", "turn-1", "call-1"
FOLLOWS = "https://tracker.test/open?id=7"

COPIED = "please also copy lee@partner.example"
BODY = (
    f"Dear Maya,\n\nthe release is on Friday; {COPIED}.\n"
    f"<img src=x onerror=alert(1)> <a href='{FOLLOWS}'>here</a> {FOLLOWS}\n\nAda \u202eadA\u202c\n"
)
ARGUMENTS: Json = {
    "to": ["maya@acme.example", "lee@partner.example"],
    "subject": "Release on Friday",
    "body": BODY,
}
MAIL: Json = {
    "sender": {"name": "Ada Lovelace", "spec": "ada@acme.example"},
    "to": [
        {"name": "Maya Chen", "spec": "maya@acme.example"},
        {"name": "", "spec": "lee@partner.example"},
    ],
    "cc": [{"name": "Release team of the northern office", "spec": "releases@acme.example"}],
    "bcc": [{"name": "", "spec": "archive@acme.example"}],
    "reply_to": {"name": "", "spec": "office@acme.example"},
    "subject": "Release on Friday",
    "body": BODY,
    "html": False,
    "attachments": [
        {"name": "release-notes.md", "size": 4_200, "media_type": "text/markdown"},
        {"name": "a-plan-with-a-long-name-that-has-to-wrap.pdf", "size": 2_300_000, "media_type": "application/pdf"},
    ],
    "warnings": [
        "Outside your organisation: lee@partner.example.",
        "Never written to before: lee@partner.example.",
    ],
}  # fmt: skip
OUTCOME: Json = {
    "status": "unknown",
    "account": "office",
    "summary": "The mail server did not answer.",
    "message_id": "1.steward@acme.example",
    "accepted": ["maya@acme.example"],
    "rejected": [{"address": "lee@partner.example", "code": 550, "reason": "No such mailbox."}],
    "unknown": ["archive@acme.example"],
    "replayed": False,
    "sent_copy": "none",
    "draft_id": None,
    "warnings": [],
}
TAINTED = {
    "argument": "body",
    "start": BODY.index(COPIED),
    "end": BODY.index(COPIED) + len(COPIED),
    "origin": {"kind": "mail", "server": "email", "trusted": False},
}
WAITING: list[Json] = [
    {
        "kind": "turn_started",
        "turn_id": TURN,
        "conversation_id": CONVERSATION,
        "client_id": "client-1",
        "question": "Tell Maya and Lee when the release is",
        "title": "Release",
        "model": "demo",
        "at": AT,
    },
    {
        "kind": "call_proposed",
        "call_id": CALL,
        "server": "email",
        "tool": "send_email",
        "title": "Send an e-mail",
        "arguments": ARGUMENTS,
        "read_only": False,
        "repeatable": False,
        "verdict": "ask",
        "rule": "changes_ask",
        "reason": "It changes something.",
    },
    {
        "kind": "approval_needed",
        "call_id": CALL,
        "arguments": ARGUMENTS,
        "arguments_schema": {
            "type": "object",
            "properties": {
                "to": {"type": "array", "items": {"type": "string"}, "title": "To"},
                "subject": {"type": "string", "title": "Subject"},
                "body": {"type": "string", "title": "Body"},
            },
            "required": ["to", "subject", "body"],
        },
        "preview": {"summary": "Send to Maya Chen and 3 more", "changes": [], "mail": MAIL},
        "preview_problem": None,
        "rule": "changes_ask",
        "reason": "It changes something.",
        "expires_at": "2099-01-01T00:00:00Z",
        "approver_roles": [],
        "taint": [TAINTED],
        "may_grant": False,
        "outdated_grant": None,
    },
]
FOLDERS = [
    {"name": "INBOX", "role": "inbox", "total": 2, "unread": 1},
    {"name": "Sent", "role": "sent", "total": 1, "unread": 0},
    {"name": "Drafts", "role": "drafts", "total": 0, "unread": 0},
    {"name": "Archive", "role": "archive", "total": 0, "unread": 0},
    {"name": "Junk", "role": "junk", "total": 0, "unread": 0},
    {"name": "Trash", "role": "trash", "total": 0, "unread": 0},
]
INVOICE: Json = {
    "id": "m1",
    "folder": "INBOX",
    "sender": {"name": "Lee from a partner with a long name", "spec": "lee@partner.example"},
    "to": [MAIL["sender"]],
    "subject": "Your invoice, and a subject that goes on for longer than the list has room for",
    "date": AT,
    "received": AT,
    "flags": [],
    "has_attachments": True,
    "snippet": "Dear Ada, please find the invoice",
}
WELCOME: Json = {
    **INVOICE,
    "id": "m2",
    "sender": None,
    "subject": "Welcome",
    "flags": ["seen"],
    "has_attachments": False,
    "snippet": "",
}
READ: Json = {
    **INVOICE,
    "cc": [],
    "reply_to": [{"name": "", "spec": "lee@elsewhere.example"}],
    "warnings": ["reply_to_differs", "lookalike_host"],
    "text": f"Dear Ada,\n\n<b onclick=alert(1)>see</b> {FOLLOWS}\n\nLee\n",
    "next_offset": None,
    "links": [{"text": "acme.example/invoice", "url": FOLLOWS, "host_mismatch": True}],
    "attachments": [{"name": "invoice.pdf", "size": 21_000, "media_type": "application/pdf"}],
}


at_both_widths = pytest.mark.parametrize(
    "page", [DESKTOP, PHONE], ids=["desktop", "phone"], indirect=True
)


@pytest.fixture
def page(request: pytest.FixtureRequest, chromium: Browser, site: Site) -> Generator[Page]:
    """The owner's browser."""
    with own_page(chromium, site, getattr(request, "param", DESKTOP)) as page:
        yield page


def open_conversation(page: Page, site: Site, events: list[Json], *, is_over: bool = False) -> None:
    state = "answered" if is_over else "waiting"
    have_turn(site, CONVERSATION, TURN, events, title="Release", state=state)
    page.goto(f"{site.url}/c/{CONVERSATION}")


def have_mailbox(site: Site, **answers: Json) -> None:
    shown: dict[str, Json] = {
        "": {"accounts": [{"name": "first-run", "address": "ada@acme.example"}]},
        "/folders": {"folders": FOLDERS},
        "/mails": {"mails": [INVOICE, WELCOME], "next_cursor": None},
        "/mail": READ,
        **{f"/{name}" if name != "accounts" else "": answer for name, answer in answers.items()},
    }
    for path, answer in shown.items():
        site.orchestrator.answers["GET", f"/v1/mailbox{path}"] = (200, answer)


def scrolls_sideways(page: Page) -> bool:
    return page.evaluate(
        "document.documentElement.scrollWidth > document.documentElement.clientWidth"
    )


def row(letter: Locator, name: str) -> Locator:
    return letter.locator(f"dd[data-field='{name}']")


@at_both_widths
def test_the_question_for_a_yes_shows_the_mail_like_a_letter(page: Page, site: Site) -> None:
    open_conversation(page, site, WAITING)
    letter = page.get_by_role("article", name="The mail")
    expect(row(letter, "From")).to_have_text("Ada Lovelace ada@acme.example")
    expect(row(letter, "To")).to_contain_text("Maya Chen maya@acme.example")
    expect(row(letter, "Bcc")).to_have_text(
        "archive@acme.exampleThe others do not see these recipients"
    )
    expect(row(letter, "Reply-To")).to_contain_text("office@acme.example")
    expect(letter.get_by_text("Outside your organisation: lee@partner.example.")).to_be_visible()
    expect(row(letter, "To").locator("[data-warned]")).to_contain_text("lee@partner.example")
    expect(letter.get_by_text("2.3 MB")).to_be_visible()

    text = letter.get_by_role("group", name="Text of the mail")
    expect(text).to_contain_text(f"<img src=x onerror=alert(1)> <a href='{FOLLOWS}'>here</a>")
    expect(text).to_contain_text("right-to-left override, U+202E")
    expect(text.locator("mark")).to_contain_text(COPIED)
    expect(letter.locator("a, img")).to_have_count(0)
    assert not scrolls_sideways(page)

    changed: Json = {**MAIL, "subject": "Release on Monday", "warnings": []}
    preview: Json = {"summary": "Send to Maya Chen and 3 more", "changes": [], "mail": changed}
    path = f"/v1/calls/{CALL}/preview"
    site.orchestrator.answers["POST", path] = (200, {"preview": preview, "problem": None})
    page.get_by_label("Subject").fill("Release on Monday")
    expect(row(letter, "Subject")).to_have_text("Release on Monday")
    expect(letter.get_by_text("Look closely")).to_have_count(0)
    assert site.orchestrator.last("POST", path).body["arguments"]["subject"] == "Release on Monday"


@at_both_widths
def test_that_nobody_knows_what_became_of_a_mail_is_said_plainly(page: Page, site: Site) -> None:
    end = {
        "kind": "call_finished",
        "call_id": CALL,
        "state": "succeeded",
        "duration_ms": 2_400,
        "rows": None,
        "result": OUTCOME,
        "truncated": False,
        "error": None,
    }
    open_conversation(page, site, [*WAITING[:2], end], is_over=True)
    call = page.get_by_test_id("tool-call")
    expect(call.get_by_text("Outcome unknown")).to_be_visible()
    expect(call.locator(".call-sentence")).to_contain_text("Nobody knows whether the mail went out")
    call.get_by_text("Outcome unknown").click()
    fates = call.get_by_role("list", name="Recipients").get_by_role("listitem")
    expect(fates).to_have_text(
        [
            "lee@partner.exampleRefused550: No such mailbox.",
            "archive@acme.exampleUnknown: may have got it",
            "maya@acme.exampleAccepted by the mail server",
        ]
    )
    expect(call.get_by_text(OUTCOME["message_id"])).to_be_visible()
    assert not scrolls_sideways(page)


@at_both_widths
def test_the_mailbox_is_found_searched_and_read_as_text(page: Page, site: Site) -> None:
    have_mailbox(site)
    page.goto(f"{site.url}/grants")
    page.get_by_role("link", name="Mailbox").click()
    folders = page.get_by_role("navigation", name="Folders")
    expect(folders.get_by_role("link", name="Inbox")).to_contain_text("1 unread")
    mails = page.locator(".mailbox-mails a")
    expect(mails).to_have_count(2)
    expect(mails.first).to_contain_text("Unread: Lee from a partner")

    page.get_by_role("searchbox").fill("invoice")
    page.get_by_role("searchbox").press("Enter")
    with page.expect_response(lambda answer: "unread=true" in answer.url):
        page.get_by_label("Unread only").check()
    expect(page.locator(".mailbox-mails")).not_to_have_attribute("aria-busy", "true")
    asked = site.orchestrator.last("GET", "/v1/mailbox/mails").query
    assert asked == {
        "account": "first-run",
        "folder": "INBOX",
        "text": "invoice",
        "unread": "true",
    }

    mails.first.click()
    heading = page.get_by_role("heading", name=INVOICE["subject"])
    expect(heading).to_be_focused()
    reader = page.locator(".mail-reader")
    expect(reader).to_contain_text(f"<b onclick=alert(1)>see</b> {FOLLOWS}")
    expect(reader).to_contain_text("Answers would go to another address than the one it came from.")
    expect(reader).to_contain_text("It leads to another address than it says.")
    expect(reader.get_by_text("invoice.pdf")).to_be_visible()
    expect(reader.locator("a, img, iframe")).to_have_count(0)
    assert not scrolls_sideways(page)

    page.go_back()
    expect(mails.first).to_be_focused()
    folders.get_by_role("link", name="Sent").click()
    expect(mails.first).to_contain_text("To: Ada Lovelace")


def test_without_a_mailbox_there_is_no_link_and_the_page_says_so(page: Page, site: Site) -> None:
    have_mailbox(site, accounts={"accounts": []})
    page.goto(f"{site.url}/mailbox")
    expect(page.get_by_text("You have no mailbox on this machine.")).to_be_visible()
    expect(page.get_by_role("link", name="Mailbox")).to_have_count(0)
    problem = {"code": "unavailable", "message": "The mail server is away.", "retryable": True}
    site.orchestrator.answers["GET", "/v1/mailbox"] = (503, {"error": problem})
    page.reload()
    expect(
        page.get_by_text("The mailbox cannot be shown. The mail server is away.")
    ).to_be_visible()
