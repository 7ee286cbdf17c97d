"""Mails of every kind, well made or hostile, become outlines within bounds."""

import base64
import binascii
import tracemalloc

import pytest

from mcp_email.mail import Outline
from mcp_email.reading.attachment import RawMail
from mcp_email.reading.outline import outline_of
from mcp_email.reading.structure import MAX_DEPTH, MAX_PARTS, structure_of
from mcp_email.reading.transfer import TransferDecoder


def mail(*lines: str) -> bytes:
    return "\r\n".join(lines).encode()


def shape(outline: Outline) -> list[tuple[str, str, bool]]:
    return [(part.number, part.media_type, part.is_attachment) for part in outline.parts]


MIXED = mail(
    'Content-Type: multipart/mixed; boundary="a b"',
    "",
    "preamble",
    "--a b",
    "Content-Type: multipart/alternative; boundary=in",
    "",
    "--in",
    "",
    "plain",
    "--in",
    "Content-Type: text/html; charset=utf-8",
    "",
    "<b>html</b>",
    "--in--",
    "--a b",
    "Content-Type: application/pdf; name=a.pdf",
    "Content-Transfer-Encoding: base64",
    "",
    "JVBERg==",
    "--a b--",
    "epilogue",
)


async def test_parts_are_numbered_as_imap_does_and_read_one_by_one() -> None:
    outline = outline_of(MIXED)
    assert shape(outline) == [
        ("1.1", "text/plain", False),
        ("1.2", "text/html", False),
        ("2", "application/pdf", True),
    ]
    assert [part.alternative for part in outline.parts] == ["1", "1", ""]
    read = RawMail(MIXED)
    assert await read.part("", "1.1", 100) == (b"plain", False)
    assert await read.part("", "2", 100) == (b"%PDF", False)
    assert await read.part("", "2", 2) == (b"%P", True)


@pytest.mark.parametrize(
    ("raw", "expected"),
    {
        "nothing": (b"", [("1", "text/plain", False)]),
        "no headers": (b"just text\r\nand more", [("1", "text/plain", False)]),
        "only headers": (mail("Subject: x"), [("1", "text/plain", False)]),
        "no boundary": (
            mail("Content-Type: multipart/mixed", "", "text"),
            [("1", "text/plain", False)],
        ),
        "boundary not used": (
            mail("Content-Type: multipart/mixed; boundary=b", "", "text"),
            [("1", "text/plain", False)],
        ),
        "never closed": (
            mail(
                "Content-Type: multipart/mixed; boundary=b", "", "--b", "", "one", "--b", "", "two"
            ),
            [("1", "text/plain", False), ("2", "text/plain", False)],
        ),
        "boundary that begins like the outer one": (
            mail(
                "Content-Type: multipart/mixed; boundary=b",
                "",
                "--b",
                "Content-Type: multipart/mixed; boundary=bb",
                "",
                "--bb",
                "",
                "x",
                "--bb--",
                "--b--",
            ),
            [("1.1", "text/plain", False)],
        ),
        "two content types: the first counts": (
            mail("Content-Type: text/html", "Content-Type: text/plain", "", "x"),
            [("1", "text/html", False)],
        ),
        "a content type that is none": (
            mail("Content-Type: ;;;/", "", "x"),
            [("1", "text/plain", False)],
        ),
        "a mail inside": (
            mail(
                "Content-Type: multipart/digest; boundary=b",
                "",
                "--b",
                "",
                "Subject: in",
                "",
                "x",
                "--b--",
            ),
            [("1", "message/rfc822", True)],
        ),
        "an image of the page": (
            mail(
                "Content-Type: multipart/related; boundary=b",
                "",
                "--b",
                "Content-Type: text/html",
                "",
                "x",
                "--b",
                "Content-Type: image/png",
                "Content-ID: <logo>",
                "",
                "x",
                "--b--",
            ),
            [("1", "text/html", False), ("2", "image/png", False)],
        ),
    }.values(),
)
def test_broken_and_odd_mails_have_an_outline(
    raw: bytes, expected: list[tuple[str, str, bool]]
) -> None:
    assert shape(outline_of(raw)) == expected


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ("attachment; filename=a.txt", "a.txt"),
        ('attachment; filename="a;b.txt"', "a;b.txt"),
        ("attachment; filename*=utf-8''na%C3%AFve.txt", "naïve.txt"),
        ("attachment; filename*0=long; filename*1=name.txt", "longname.txt"),
        ("attachment; filename*0*=utf-8''%E2%82; filename*1*=%AC.txt", "€.txt"),
        ("attachment; filename==?utf-8?b?w6kudHh0?=", "é.txt"),
        ("attachment; filename=../../etc/passwd", "passwd"),
        ('attachment; filename="C:\\\\temp\\\\a.txt"', "a.txt"),
        ('attachment; filename="a\u202etxt.exe"', "atxt.exe"),
        ('attachment; filename="a\x00\x1b[31mb"', "a[31mb"),
        ("attachment; filename*=idna''%C3%A9", "é"),
        ("attachment; filename*=nothing", "nothing"),
        ("attachment; filename*9=x", ""),
    ],
)
def test_names_of_files_are_shown_without_paths_and_tricks(header: str, name: str) -> None:
    raw = mail(f"Content-Disposition: {header}", "Content-Type: application/x-y", "", "x")
    assert outline_of(raw).parts[0].name == name


def nested(depth: int) -> bytes:
    lines = list[str]()
    for level in range(depth):
        lines += [f"Content-Type: multipart/mixed; boundary=b{level}", "", f"--b{level}"]
    return mail(*lines, "", "the end")


BOMBS = {
    "depth": nested(5_000),
    "parts": mail("Content-Type: multipart/mixed; boundary=b", "", *["--b", "", "x"] * 50_000),
    "header lines": b"X-A: b\r\n" * 300_000 + b"\r\nbody",
    "one header": b"Subject: " + b"a" * 3_000_000 + b"\r\n\r\nbody",
    "folded header": b"To: x" + b"\r\n x" * 500_000 + b"\r\n\r\nbody",
    "recipients": b"To: " + b"a@example.org, " * 4_000 + b"\r\n\r\n",
    "open quotes": b"To: " + b'"\\' * 30_000 + b"\r\n\r\n",
    "comments": b"To: " + b"(" * 60_000 + b"\r\n\r\n",
    "angles": b"To: " + b"<" * 60_000 + b"\r\n\r\n",
    "encoded words": b"Subject: " + b"=?utf-8?q?" * 6_000 + b"\r\n\r\n",
    "references": b"References: " + b"<a@b.example> <" * 4_000 + b"\r\n\r\n",
    "parameters": b"Content-Type: text/plain" + b"; a=b" * 10_000 + b"\r\n\r\n",
    "open parameters": b"Content-Type: text/plain" + b'; a="' * 10_000 + b"\r\n\r\n",
    "name sections": b"Content-Type: text/plain"
    + b"".join(b"; name*%d*=%%41" % number for number in range(5_000))
    + b"\r\n\r\n",
    "nested boundaries over a long body": nested(49) + b"\r\n" + b"--b" * 700_000,
    "lines like boundaries": b"Content-Type: multipart/mixed; boundary=b\r\n\r\n"
    + b"\r\n--b \t" * 200_000,
    "NUL": b"\0" * 200_000,
}


@pytest.mark.parametrize("raw", BOMBS.values(), ids=BOMBS)
def test_bombs_stay_within_bounds(raw: bytes) -> None:
    tracemalloc.start()
    outline = outline_of(raw)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(outline.parts) <= MAX_PARTS
    assert all(part.number.count(".") <= MAX_DEPTH for part in outline.parts)
    assert len(outline.headers) <= 64 * 1024
    assert len(outline.summary.to) <= 200
    assert len(outline.summary.references) <= 100
    assert peak < 8 * 1024 * 1024 + len(raw)


def test_what_is_beyond_the_bounds_is_told() -> None:
    assert structure_of(BOMBS["depth"]).is_cut
    assert structure_of(BOMBS["parts"]).is_cut
    assert not structure_of(MIXED).is_cut


def test_parts_are_followed_fifty_deep() -> None:
    assert structure_of(nested(50)).leaves[0].part.number == ".".join(["1"] * 50)
    assert not structure_of(nested(50)).is_cut
    assert structure_of(nested(51)).is_cut


def test_a_long_body_is_not_looked_through_again_for_every_level() -> None:
    deep = nested(49) + b"\r\n" + b"x" * 200_000
    assert structure_of(deep).is_cut
    assert not structure_of(nested(5) + b"\r\n" + b"x" * 200_000).is_cut


def test_of_several_addresses_in_one_item_the_last_in_angles_counts() -> None:
    raw = mail(
        "From: ann@bank.example <eve@evil.example>",
        "To: Team: a@x.example, B <b@x.example>;",
        "",
        "",
    )
    summary = outline_of(raw).summary
    assert summary.sender is not None
    assert (summary.sender.spec, summary.sender.name) == ("eve@evil.example", "ann@bank.example")
    assert [one.spec for one in summary.to] == ["a@x.example", "b@x.example"]


def test_message_ids_that_could_break_a_header_or_a_command_are_none() -> None:
    for told in ("<a b@c>", "a@b", "<a@b\0>", '<a"b@c>', "<a@b\x1b>", "<é@b>"):
        assert outline_of(mail(f"Message-ID: {told}", "", "")).summary.message_id == "", told


@pytest.mark.parametrize("size", [1, 2, 3, 5, 7, 64])
def test_transfer_encodings_are_undone_piece_by_piece(size: int) -> None:
    text = "Grüße = größer, \tund so weiter… ".encode() * 20
    forms = {"base64": base64.encodebytes(text), "quoted-printable": binascii.b2a_qp(text)}
    for encoding, encoded in forms.items():
        decoder = TransferDecoder(encoding)
        cuts = range(0, len(encoded), size)
        pieces = [decoder.feed(encoded[place : place + size]) for place in cuts]
        assert b"".join([*pieces, decoder.feed(b"", is_last=True)]) == text


def decoded(encoding: str, encoded: bytes) -> bytes:
    return TransferDecoder(encoding).feed(encoded, is_last=True)


def test_garbage_in_transfer_encodings_is_skipped() -> None:
    assert decoded("base64", b"aGV$$\r\nsbG8\0") == b"hello"
    assert decoded("base64", b"a") == b""
    assert decoded("base64", b"====") == b""
    assert decoded("quoted-printable", b"a=ZZb=") == b"a=ZZb"
    assert decoded("rot13", b"as it is") == b"as it is"
