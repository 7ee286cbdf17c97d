"""Mutated mails: whatever comes, reading raises nothing, stays within bounds and gives clean text."""

import random
import re
from datetime import UTC, datetime

import pytest

from mcp_email.embedded.parsed import parsed
from mcp_email.embedded.seed import seed
from mcp_email.mail import Address
from mcp_email.reading.attachment import RawMail, attachment_text
from mcp_email.reading.outline import outline_of
from mcp_email.reading.text import text_of

UNCLEAN = re.compile(
    "[\0-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\u200b\ud800-\udfff\U000e0000-\U000e007f]"
)
SPICE = [
    b"\0", b"\r", b"\n", b"\r\n\r\n", b"--", b"=", b"=?", b"?=", b"\"", b"<", b">", b"\\", b";", b"*0*=",
    b"%00", b"\xff",
    b"\xe2\x80\xae", b"\xf3\xa0\x81\x81", b"\x1b[2J", b"=?utf-8?q?=0D=0ABcc:_x?=",
    b"Content-Type: multipart/mixed; boundary=b",
    b"charset=utf-16", b"charset=utf-7", b"Content-Transfer-Encoding: base64\r\n", b"<div style='display:none'>",
    b"<!--", b"<style>",
    b"{", b"}", b"&#x202e;", b"&#0;", b"<template>", b"\xed\xa0\x80", b"(", b"," * 50, b"\t" * 80, b"A" * 500,
]  # fmt: skip
MAILS = [
    one.raw
    for one in seed(Address("ada@tidewater.example", "Ada"), datetime(2026, 11, 20, tzinfo=UTC))
]


def mutated(number: int) -> bytes:
    source = random.Random(number)
    raw = bytearray(source.choice(MAILS))
    if source.random() < 0.5:
        other = source.choice(MAILS)
        raw[source.randrange(len(raw)) :] = other[source.randrange(len(other)) :]
    for _ in range(source.randint(1, 12)):
        place = source.randrange(len(raw) + 1)
        match source.randrange(4):
            case 0:
                raw[place:place] = source.choice(SPICE)
            case 1:
                del raw[place : place + source.randint(1, 60)]
            case 2:
                raw[place : place + 1] = bytes([source.randrange(256)])
            case _:
                raw[place:place] = raw[place : place + source.randint(1, 200)] * source.randint(
                    1, 5
                )
    return bytes(raw)


@pytest.mark.parametrize("batch", range(6))
async def test_mutated_mails_are_read_without_harm(batch: int) -> None:
    for number in range(batch * 100, batch * 100 + 100):
        raw = mutated(number)
        outline = outline_of(raw)
        parts = RawMail(raw)
        read = await text_of(parts, outline, 0, 5_000)
        html = await text_of(parts, outline, 0, 5_000, format="html_text", fold_quotes=True)
        files = [await attachment_text(parts, outline, part.number) for part in outline.parts]
        summary = outline.summary
        people = (*summary.to, *([summary.sender] if summary.sender else []))
        told = [
            read.text, html.text, summary.subject, *(one.text for one in files), *(part.name for part in outline.parts),
            *(f"{one.name} {one.spec}" for one in people),
            *(f"{link.text} {link.url}" for link in (*read.links, *html.links)),
        ]  # fmt: skip
        assert not [text for text in told if UNCLEAN.search(text)], number
        assert not [text for text in told[2:3] if "\n" in text], number
        assert len(read.text) <= 5_000, number
        assert len(outline.parts) <= 200, number
        parsed(raw)
