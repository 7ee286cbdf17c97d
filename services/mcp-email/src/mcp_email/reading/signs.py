"""Signs that a mail should be read with care. Each is a reason to look, none a proof. Pure."""

import re
from collections.abc import Collection, Iterable
from typing import Literal

from mcp_email.addresses import domain_as_sent, look_alikes
from mcp_email.mail import Outline
from mcp_email.reading.envelope import Envelope
from mcp_email.reading.headers import Fields, first, with_parameters
from shared.untrusted.links import Link

Sign = Literal[
    "hidden_text_removed",
    "reply_to_differs",
    "lookalike_host",
    "instruction_like",
    "remote_images",
    "tracking_image",
    "encrypted",
    "signed",
    "html_not_read",
    "incomplete",
]
"""signed: it carries a signature, which nobody has checked. html_not_read: nobody can say what of it is seen.
incomplete: parts or text beyond the limits are left out."""

_SPOKEN_TO_PROGRAMS = re.compile(
    r"""
    \b(?:ignor\w*|disregard\w*|forget|override|bypass)\W+(?:\w+\W+){0,4}?(?:instruction|prompt|rule|guideline|polic|direction)
    | \b(?:hidden|secret|system)\W+(?:instruction|prompt)s?\b
    | \byou\W+are\W+(?:now\W+)?(?:an?|the)\W+(?:\w+\W+)?(?:ai|assistant|language\W+model|chat\W?bot|agent)\b
    | \b(?:ai|llm|language\W+model|virtual|e?-?mail)\W+(?:assistant|agent)s?\b
    | \b(?:dear|hey|hello|attention|note\W+(?:to|for))\W+(?:\w+\W+)?
      (?:ai|assistant|agent|chat\W?bot|copilot|claude|gpt)\b
    | \bdo\W+not\W+(?:tell|inform|mention|notify|show|alert)\W+(?:\w+\W+){0,3}?(?:user|owner|human|person)
    | \bwithout\W+(?:asking|telling|informing|notifying)\W+(?:the\W+)?(?:user|owner|human)
    | <\|?(?:im_start|im_end|system|endoftext)\|?> | \[/?INST\] | <</?SYS>> | ^\s*(?:system|assistant)\s*:
    | \b(?:ignoriere|vergiss)\W+(?:\w+\W+){0,4}?(?:anweisung|regel|vorgabe)
    | \bignore[sz]?\W+(?:\w+\W+){0,4}?(?:instructions|consignes|instrucciones|istruzioni)
    """,
    re.IGNORECASE | re.VERBOSE | re.MULTILINE,
)
_MAX_LOOKED_AT = 200_000


def is_instruction_like(*texts: str) -> bool:
    """Whether a text seems to speak to a program that reads it."""
    return any(_SPOKEN_TO_PROGRAMS.search(text[:_MAX_LOOKED_AT]) for text in texts)


def signs_of_headers(fields: Fields, envelope: Envelope) -> set[Sign]:
    """What the headers alone show."""
    signs: set[Sign] = set()
    sender = envelope.sender.spec.lower() if envelope.sender else ""
    if any(one.spec.lower() != sender for one in envelope.reply_to):
        signs.add("reply_to_differs")
    if is_instruction_like(envelope.subject):
        signs.add("instruction_like")
    media_type, parameters = with_parameters(first(fields, "content-type"))
    kind = f"{media_type} {parameters.get('smime-type', '')} {parameters.get('protocol', '')}"
    if media_type == "multipart/encrypted" or "enveloped" in kind:
        signs.add("encrypted")
    if media_type == "multipart/signed" or "signed-data" in kind:
        signs.add("signed")
    return signs


def signs_of_parts(outline: Outline) -> set[Sign]:
    """What the kinds of its parts show."""
    kinds = {part.media_type for part in outline.parts}
    signs: set[Sign] = {"incomplete"} if outline.is_cut else set()
    if "application/pgp-encrypted" in kinds:
        signs.add("encrypted")
    if kinds & {
        "application/pgp-signature",
        "application/pkcs7-signature",
        "application/x-pkcs7-signature",
    }:
        signs.add("signed")
    return signs


def has_look_alike(
    envelope: Envelope, links: Iterable[Link], known_domains: Collection[str]
) -> bool:
    """Whether the sender, or a link, is at a place that looks like a known one and is another.

    Known are the domains given and those of the people it went to.
    """
    known = {*known_domains, *(one.domain for one in (*envelope.to, *envelope.cc))}
    met = {envelope.sender.domain} if envelope.sender else set[str]()
    met |= {one.domain for one in envelope.reply_to}
    if met & {one.domain for one in envelope.to}:
        met -= known
    for host in {link.host for link in links}:
        met.add(host if host.isascii() else domain_as_sent(host) or "")
    return bool(look_alikes(sorted(met - {""})[:100], sorted(known)[:100]))
