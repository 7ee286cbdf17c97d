"""Reads requests about mail, and says what came of them."""

import re
from typing import Any, cast

from demo_model.demo.intents import CannotDo, FindMail, Intent, ReadMail, SendMail
from demo_model.demo.results import CallResult
from demo_model.demo.tables import plain, table

SHOWN = 10
MAX_TEXT = 4_000
MAX_REQUEST_CHARACTERS = 4_000

_MAIL = r"(?:e-?mails?|mails?|messages?)"
_POLITE = r"(?:please\s+|(?:can|could|would) you\s+(?:please\s+)?)?"
_ADDRESS = r"(?P<to>[^\s,;:<>\"“”]+@[^\s,;:<>\"“”]+)"
_SUBJECT = r"(?:[,\s]+(?:with\s+)?(?:the\s+)?subject\s*:?\s*(?:[“\"'](?P<subject>[^”\"']+)[”\"']|(?P<bare>[^,:]+?)))?"
_BODY = (
    r"(?:[,\s]+(?:and\s+)?(?:saying|that says|(?:and\s+)?(?:with\s+)?(?:the\s+)?(?:text|body))\b\s*:?|\s*:)"
    r"\s*(?P<body>.+)"
)
_SEND = re.compile(
    rf"{_POLITE}(?:send|write)\s+(?:(?:an?|the)\s+)?{_MAIL}\s+to\s+{_ADDRESS}{_SUBJECT}(?:{_BODY})?",
    re.IGNORECASE | re.DOTALL,
)
_SEND_SOMEBODY = re.compile(
    rf"{_POLITE}(?:send\s+{_ADDRESS}\s+an?\s+{_MAIL}|e-?mail\s+(?P<to2>[^\s,;:<>]+@[^\s,;:<>]+)){_SUBJECT}(?:{_BODY})?",
    re.IGNORECASE | re.DOTALL,
)
_ABOUT = (
    r"(?:\s+(?:about|on|for|containing|with)\s+(?:the\s+)?[“\"']?(?P<about>[^”\"'?]+?)[”\"']?)?"
)
_FROM = r"(?:\s+from\s+(?P<sender>[^?]+?))?"
_FIND = re.compile(
    rf"{_POLITE}(?:find|search|show|list|look\s+for|what\s+are|do\s+i\s+have)\s+(?:me\s+)?(?:for\s+)?(?:all\s+)?(?:any\s+)?"
    rf"(?:my\s+|the\s+)?(?P<new>new\s+|unread\s+|latest\s+|newest\s+|recent\s+)?(?:{_MAIL}|inbox|mailbox)"
    rf"{_FROM}{_ABOUT}[\s.?!]*",
    re.IGNORECASE,
)
_READ = re.compile(
    rf"{_POLITE}(?:read|open)\s+(?:me\s+)?(?:my\s+|the\s+)?(?:latest\s+|newest\s+|last\s+)?{_MAIL}{_FROM}{_ABOUT}[\s.?!]*",
    re.IGNORECASE,
)


def read_mail_request(text: str) -> Intent | None:
    """What a message asks of the mailbox; None when it is about something else."""
    text = text.strip()
    if len(text) > MAX_REQUEST_CHARACTERS:
        return None
    for pattern in (_SEND, _SEND_SOMEBODY):
        if found := pattern.fullmatch(text):
            return _send(found)
    if found := _READ.fullmatch(text):
        return ReadMail(_said(found, "about"), _said(found, "sender"))
    if found := _FIND.fullmatch(text):
        is_unread = _said(found, "new").lower() in {"new", "unread"}
        return FindMail(_said(found, "about"), _said(found, "sender"), is_unread)
    return None


def _said(found: re.Match[str], name: str) -> str:
    return (found.groupdict().get(name) or "").strip()


def _send(found: re.Match[str]) -> Intent:
    to = (_said(found, "to") or _said(found, "to2")).rstrip(".!?")
    body = _said(found, "body").strip('“”"')
    if not body:
        return CannotDo(
            f'What should the mail say? For example: “Send an e-mail to {to} with subject "Lunch" saying At noon?”'
        )
    subject = _said(found, "subject") or _said(found, "bare") or " ".join(body.split()[:6])
    return SendMail(to, subject, body)


def sent(result: CallResult) -> str:
    """What became of a mail, in the tool's own words."""
    summary = plain(result.result.get("summary") or "The mail was handed over.")
    edited = result.told.get("changed_by_person_before_approving")
    return f"{summary} That is with what you changed before you said yes." if edited else summary


def not_sent(result: CallResult) -> str:
    """The person said no."""
    to = ", ".join(str(one) for one in cast("list[object]", result.arguments.get("to") or []))
    note = result.told.get("note_from_person")
    heard = f" You said: “{plain(note)}”." if note else ""
    return f"All right, I sent nothing to {plain(to)}.{heard}"


def found_mails(result: CallResult) -> str:
    """A search as a table."""
    rows = [
        [_who(mail.get("from")), mail.get("subject"), str(mail.get("received"))[:10]]
        for mail in mails_of(result)[:SHOWN]
    ]
    if not rows:
        return "There is no such mail."
    more = "\n\nThere are more." if result.was_cut else ""
    return f"Your mails, the newest first:\n\n{table(['from', 'subject', 'received'], rows)}{more}"


def read_mail(result: CallResult) -> str:
    """A mail's text, quoted: another person wrote it."""
    told = result.result
    text = str(told.get("text") or "")[:MAX_TEXT]
    quoted = "\n".join(f"> {plain(line) if line.strip() else ''}" for line in text.splitlines())
    warnings = [str(one) for one in cast("list[object]", told.get("warnings") or [])]
    careful = f"\n\nBe careful: {plain(', '.join(warnings))}." if warnings else ""
    return f"**{plain(told.get('subject'))}**, from {plain(_who(told.get('from')))}:\n\n{quoted}{careful}"


def mails_of(result: CallResult) -> list[dict[str, Any]]:
    """The mails that a search found."""
    found = result.result.get("mails")
    listed = cast("list[object]", found if isinstance(found, list) else [])
    return [cast("dict[str, Any]", mail) for mail in listed if isinstance(mail, dict)]


def _who(sender: object) -> str:
    if not isinstance(sender, dict):
        return ""
    told = cast("dict[str, Any]", sender)
    return str(told.get("name") or told.get("spec") or "")
